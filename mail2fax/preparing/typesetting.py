"""Text as glyphs in lines: fonts by letter, directions by UAX 9, shapes by HarfBuzz (M12)."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from mail2fax.errors import Mail2FaxError
from mail2fax.preparing.fonts import Font

_LEVEL = re.compile(r"Level\(\s*(\d+)")
_BREAKS_ANYWHERE = (
    "\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"\s+|[{_BREAKS_ANYWHERE}]|[^\s{_BREAKS_ANYWHERE}]+")
_NEVER_FIRST = frozenset(
    ".,:;?!%\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff1f\uff01\u30fb\u30fc\u3005\u309d\u309e"
    "\u0e30\u0e32\u0e33\u0e45\u0e46\u0e2f\u0eb0\u0eb2\u0eb3"
)
"""Stops, marks of repetition, and Thai and Lao vowels that follow their letter."""

_NEVER_LAST = frozenset("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")
"""Thai and Lao vowels that stand before their letter."""

_CLOSES, _OPENS, _MARK = ("Pe", "Pf"), ("Ps", "Pi"), "M"


class Unprintable(Mail2FaxError):
    """No font here has these letters.

    Attributes:
        letters: the first of them, in the order of the text.
    """

    def __init__(self, letters: str) -> None:
        super().__init__(letters)
        self.letters = letters


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph in a line: of which font, where from the line's left end, in points."""

    font: Font
    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its glyphs, its width in points, and whether it begins on the right."""

    glyphs: tuple[Glyph, ...]
    width: float
    from_right: bool


class Typesetter:
    """Sets text in one size.

    Args:
        fonts: where letters are looked for, first to last.
        size: of the letters, in points.
    """

    def __init__(self, fonts: Sequence[Font], size: float) -> None:
        self._fonts = fonts
        self._size = size
        self._font_of = cache(self._first_font)
        self._width_of = cache(lambda text: self._shaped(text, 0.0, from_right=False)[1])

    def lines(self, text: str, width: float) -> Iterator[Line]:
        """The lines of a text, none wider than ``width`` points.

        Raises:
            Unprintable: no font has some of its letters.
        """
        missing = dict.fromkeys(
            letter for letter in text if not _is_invisible(letter) and not self._font_of(letter)
        )
        if missing:
            raise Unprintable("".join(missing))
        from bidi import get_base_level  # noqa: PLC0415 - in the child only

        for paragraph in text.expandtabs(8).split("\n"):
            from_right = bool(paragraph.strip()) and get_base_level(paragraph) == 1
            for line in self._broken(paragraph, width):
                yield self._set(line.rstrip(), from_right=from_right)

    def _first_font(self, letter: str) -> Font | None:
        return next((font for font in self._fonts if font.draws(letter)), None)

    # Lines

    def _broken(self, paragraph: str, width: float) -> Iterator[str]:
        line, used = "", 0.0
        for token in _tokens(paragraph):
            piece = token
            wide = self._width_of(piece)
            if line and used + wide > width and not piece.isspace():
                yield line
                line, used = "", 0.0
            while wide > width and not piece.isspace():
                head = self._head(piece, width)
                yield head
                piece = piece[len(head) :]
                wide = self._width_of(piece)
            line, used = line + piece, used + wide
        yield line

    def _head(self, word: str, width: float) -> str:
        """As much of a word that is too long for a line as fits."""
        low, high = 1, len(word)
        while low < high:
            middle = (low + high + 1) // 2
            if self._width_of(word[:middle]) <= width:
                low = middle
            else:
                high = middle - 1
        while low < len(word) and unicodedata.combining(word[low]):
            low += 1
        return word[:low]

    def _set(self, text: str, *, from_right: bool) -> Line:
        glyphs: list[Glyph] = []
        x = 0.0
        for run, is_right in _visual_runs(text, from_right=from_right):
            more, x = self._shaped(run, x, from_right=is_right)
            glyphs += more
        return Line(tuple(glyphs), x, from_right)

    # Glyphs

    def _shaped(self, text: str, x: float, *, from_right: bool) -> tuple[list[Glyph], float]:
        """The glyphs of text of one direction from ``x`` on, and where it ends."""
        import uharfbuzz  # noqa: PLC0415 - in the child only

        glyphs: list[Glyph] = []
        runs = list(self._by_font(text))
        for font, run in reversed(runs) if from_right else runs:
            buffer = uharfbuzz.Buffer()
            buffer.add_str(run)
            buffer.guess_segment_properties()
            buffer.direction = "rtl" if from_right else "ltr"
            uharfbuzz.shape(font.hb, buffer)
            scale = self._size / font.units
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                at, above = x + place.x_offset * scale, place.y_offset * scale
                glyphs.append(Glyph(font, info.codepoint, at, above))
                x += place.x_advance * scale
        return glyphs, x

    def _by_font(self, text: str) -> Iterator[tuple[Font, str]]:
        """Pieces of a text whose letters one font has; marks stay with their letter."""
        current, start = self._fonts[0], 0
        for at, letter in enumerate(text):
            is_mark = bool(unicodedata.combining(letter)) and current.draws(letter)
            if _is_invisible(letter) or letter == " " or is_mark:
                continue
            font = self._font_of(letter) or current
            if font is not current:
                if at > start:
                    yield current, text[start:at]
                current, start = font, at
        if start < len(text):
            yield current, text[start:]


def _is_invisible(letter: str) -> bool:
    """Spaces, marks of format and selectors, for which no font needs a glyph."""
    category = unicodedata.category(letter)
    return category in ("Cf", "Zs", "Zl", "Zp", "Cc") or "\ufe00" <= letter <= "\ufe0f"


def _tokens(paragraph: str) -> Iterator[str]:
    """What a line is not broken in: words, spaces, single letters of scripts without spaces."""
    held = ""
    for match in _TOKEN.finditer(paragraph):
        token = match.group()
        glued = held and (_never_first(token[0]) or _never_last(held[-1]))
        if held and not glued:
            yield held
            held = ""
        held += token
    if held:
        yield held


def _never_first(letter: str) -> bool:
    """Whether no line begins with it."""
    category = unicodedata.category(letter)
    return letter in _NEVER_FIRST or category in _CLOSES or category.startswith(_MARK)


def _never_last(letter: str) -> bool:
    """Whether no line ends with it."""
    return letter in _NEVER_LAST or unicodedata.category(letter) in _OPENS


def _visual_runs(text: str, *, from_right: bool) -> list[tuple[str, bool]]:
    """Pieces of one direction as they stand from left to right, each in the order of reading.

    The reordering is rule L2 of UAX 9; HarfBuzz mirrors brackets (L4) and places marks (L3).
    """
    if not text:
        return []
    levels = _levels(text, from_right=from_right)
    starts = [at for at in range(len(text)) if at == 0 or levels[at] != levels[at - 1]]
    ends = [*starts[1:], len(text)]
    runs = [(levels[start], text[start:end]) for start, end in zip(starts, ends, strict=True)]
    for level in range(max(levels), 0, -1):
        at = 0
        while at < len(runs):
            end = at
            while end < len(runs) and runs[end][0] >= level:
                end += 1
            runs[at:end] = reversed(runs[at:end])
            at = max(end, at + 1)
    return [(run, bool(level % 2)) for level, run in runs]


def _levels(text: str, *, from_right: bool) -> list[int]:
    """The embedding level of each letter of a line (UAX 9).

    The library tells levels for each byte of UTF-8, and only in the form it shows to people.
    """
    from bidi import get_display  # noqa: PLC0415 - in the child only

    shown = str(get_display(text, base_dir="R" if from_right else "L", debug=True))
    told = [int(level) for level in _LEVEL.findall(shown.rpartition("levels: [")[2])]
    levels, at = [], 0
    for letter in text:
        levels.append(told[at])
        at += len(letter.encode())
    return levels
