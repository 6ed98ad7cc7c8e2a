"""A mail's text as pages: a PDF whose glyphs are outlines, so that it needs no font (M12).

Black on white, 11 points, margins that fax machines leave alone. No head: the fax's own line
above tells who and when, and what the mail says stands in the text. Several pages are numbered.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mail2fax.preparing.fonts import SYSTEM, Font, fonts_for
from mail2fax.preparing.making import converted
from mail2fax.preparing.typesetting import Line, Typesetter
from mail2fax.reading import content
from mail2fax.reading.mail import TEXT_WHY, MailReading
from mail2fax.values import PAGE, Document

_SIZE, _LEADING = 11.0, 15.5
_PAPER = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
_MARGIN, _FOOT = 62.0, 36.0
_NAME, _FILE = "text of the mail", "0-text.pdf"
_SOME = 8
_PACKAGES = (
    ("\u2e80", "\u9fff", "fonts-noto-cjk"),
    ("\uac00", "\ud7a3", "fonts-noto-cjk"),
    ("\uf900", "\uffef", "fonts-noto-cjk"),
    ("\U00020000", "\U0003ffff", "fonts-noto-cjk"),
    ("\u0530", "\u2dff", "fonts-noto-core"),
)


def write_pages(text: str, path: Path, paper: str, system: Sequence[Path] = SYSTEM) -> int:
    """Write a text as a PDF; the count of its pages.

    Raises:
        Unprintable: no font has some of its letters.
        OSError: the disk does not take the file.
    """
    width, height = _PAPER[paper]
    typesetter = Typesetter(fonts_for(text, system), _SIZE)
    lines = list(typesetter.lines(text, width - 2 * _MARGIN))
    per_page = int((height - 2 * _MARGIN) / _LEADING)
    pages = [lines[at : at + per_page] for at in range(0, len(lines), per_page)]
    drawing = _Drawing(width, height)
    for number, page in enumerate(pages, start=1):
        foot = f"{number}/{len(pages)}" if len(pages) > 1 else ""
        drawing.add(page, *typesetter.lines(foot, width))
    path.write_bytes(drawing.finished())
    return len(pages)


def text_document(found: MailReading, directory: Path, paper: str) -> Document:
    """The sender's own words as a document of their own; its size and digest are the part's.

    Raises:
        Unprintable: no font has some of its letters.
        OSError: the disk does not take the file.
    """
    path = directory / _FILE
    pages = write_pages(found.words, path, paper)
    part = next((one for one in found.not_faxed if one.why == TEXT_WHY), None)
    words = found.words.encode()
    return Document(
        part.part if part else "1",
        _NAME,
        content.TEXT,
        len(words) if part is None or part.size is None else part.size,
        (part.sha256 if part else None) or hashlib.sha256(words).hexdigest(),
        pages,
        path.name,
        PAGE,
        converted(path, "What you wrote, as a page."),
    )


def why_unprintable(letters: str) -> str:
    """The sentence for a text that no font here can print: a page with gaps is a wrong fax."""
    some = " ".join(letters[:_SOME])
    package = next(
        (package for start, end, package in _PACKAGES if start <= letters[0] <= end), "fonts-noto"
    )
    return (
        f"The letters {some} of the mail's text cannot be printed here. Leave them out, or attach "
        f"the text as a PDF; the administrator can install {package}."
    )


class _Drawing:
    """The PDF as it grows (ISO 32000-1): one form for each glyph, one stream for each page."""

    def __init__(self, width: float, height: float) -> None:
        self._width = width
        self._height = height
        self._glyphs: dict[tuple[int, int], tuple[str, bytes]] = {}
        self._fonts: dict[int, Font] = {}
        self._pages: list[bytes] = []

    def add(self, lines: Sequence[Line], foot: Line) -> None:
        """A page of lines, and what stands below them in the middle."""
        pieces: list[str] = []
        top = self._height - _MARGIN - _SIZE
        for number, line in enumerate(lines):
            left = self._width - _MARGIN - line.width if line.from_right else _MARGIN
            pieces += self._drawn(line, left, top - number * _LEADING)
        pieces += self._drawn(foot, (self._width - foot.width) / 2, _FOOT)
        self._pages.append("\n".join(pieces).encode())

    def _drawn(self, line: Line, left: float, base: float) -> Iterator[str]:
        for glyph in line.glyphs:
            name = self._name_of(glyph.font, glyph.number)
            if name:
                scale = _SIZE / glyph.font.units
                x, y = left + glyph.x, base + glyph.y
                yield f"q {scale:.5f} 0 0 {scale:.5f} {x:.2f} {y:.2f} cm /{name} Do Q"

    def _name_of(self, font: Font, number: int) -> str:
        """The form that draws a glyph; empty for one without ink."""
        key = id(font), number
        self._fonts[id(font)] = font
        if key not in self._glyphs:
            outline = _outline(font, number)
            name = f"G{len(self._glyphs)}" if outline else ""
            self._glyphs[key] = name, outline
        return self._glyphs[key][0]

    def finished(self) -> bytes:
        """The whole file."""
        forms = [(name, outline) for name, outline in self._glyphs.values() if name]
        first_form = 3
        first_page = first_form + len(forms)
        names = b" ".join(
            b"/%s %d 0 R" % (name.encode(), first_form + number)
            for number, (name, _) in enumerate(forms)
        )
        kids = b" ".join(b"%d 0 R" % (first_page + 2 * n) for n in range(len(self._pages)))
        box = b"[0 0 %.2f %.2f]" % (self._width, self._height)
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox %s /Resources << /XObject << %s >> >>"
            b" >>" % (len(self._pages), kids, box, names),
            *(_stream(outline, b"/Type /XObject /Subtype /Form /BBox [-9999 -9999 9999 9999]")
              for _, outline in forms),
        ]  # fmt: skip
        for number, page in enumerate(self._pages):
            drawn = first_page + 2 * number + 1
            objects.append(b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R >>" % drawn)
            objects.append(_stream(page, b""))
        return _file(objects)


def _outline(font: Font, number: int) -> bytes:
    """A glyph as PDF path operators, filled."""
    pen = _Pen()
    font.hb.draw_glyph_with_pen(number, pen)
    return "\n".join([*pen.path, "f"]).encode() if pen.path else b""


class _Pen:
    """Takes an outline, as HarfBuzz tells it, as path operators."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self._at = (0.0, 0.0)

    def moveTo(self, to: tuple[float, float]) -> None:  # noqa: N802 - the names of pens
        self._add("m", to)

    def lineTo(self, to: tuple[float, float]) -> None:  # noqa: N802
        self._add("l", to)

    def curveTo(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._add("c", *points)

    def qCurveTo(self, control: tuple[float, float], to: tuple[float, float]) -> None:  # noqa: N802
        """A quadratic curve, which PDF knows only as a cubic one."""
        before, after = (
            tuple(end[axis] + (control[axis] - end[axis]) * 2 / 3 for axis in (0, 1))
            for end in (self._at, to)
        )
        self._add("c", (before[0], before[1]), (after[0], after[1]), to)

    def closePath(self) -> None:  # noqa: N802
        self.path.append("h")

    def _add(self, operator: str, *points: tuple[float, float]) -> None:
        self.path.append(" ".join(f"{x:.1f} {y:.1f}" for x, y in points) + f" {operator}")
        self._at = points[-1]


def _stream(data: bytes, entries: bytes) -> bytes:
    packed = zlib.compress(data, 9)
    head = b"<< %s /Filter /FlateDecode /Length %d >>" % (entries, len(packed))
    return head + b"\nstream\n" + packed + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    data, offsets = b"%PDF-1.4\n", []
    for number, entry in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, entry)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Root 1 0 R /Size %d >>\n" % (
        size, table, size,
    ) + b"startxref\n%d\n%%%%EOF\n" % len(data)  # fmt: skip
