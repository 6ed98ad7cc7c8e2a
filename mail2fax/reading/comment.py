"""The sender's own words of a mail's text: what becomes the comment (M11).

Quoted history, marked signatures, disclaimers and what devices and phones write below every
mail are cut. A wrong cut loses what the sender said, a missed one leaves a line too many: in
doubt, a line stays. Every step is linear, whatever the lines are.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from mail2fax.reading.body_text import Kind, Line, plain_lines
from mail2fax.reading.phrases import (
    announces_quotation,
    dates_quotation,
    header_field,
    is_disclaimer,
    is_from_copier,
    is_from_device,
    is_legal_heading,
    is_mail_header,
    marks_disclaimer,
    marks_history,
    may_be_copier_field,
    opens_attribution,
)

LONGEST = 500
_SPACES = re.compile(r"[^\S\n]+")
_RULE = re.compile(r"[-_=*\s]*")
_MOST_WORDS = 65536
_WRAPPED_OVER = 3
_SENTENCE = 120
_LONGEST_HEADER = 12
_LONGEST_SIGNATURE = 10
_MAY_BE_LONG = frozenset({"to", "other"})
_JOINERS = ("\u200d", "\u200c")


def own_words(text: str) -> str:
    """The sender's own words of a plain text, whole up to 64 K characters.

    Args:
        text: the decoded body.
    """
    return own_words_of(plain_lines(text))


def own_words_of(lines: Sequence[Line]) -> str:
    """The sender's own words of a body's lines, whole."""
    words = _joined(_History(lines).own())
    if words or not any(line.kind is Kind.SIGNATURE and line.text for line in lines):
        return words
    # Programs leave the cursor in the signature, and people write there: then it is theirs.
    own = [Line(line.text) if line.kind is Kind.SIGNATURE else line for line in lines]
    return _joined(_History(own).own())


def _joined(lines: Iterable[str]) -> str:
    paragraphs: list[str] = []
    size = 0
    for paragraph in _own_paragraphs(lines):
        paragraphs.append("\n".join(paragraph))
        size += len(paragraphs[-1]) + 2
        if size > _MOST_WORDS:
            break
    return "\n\n".join(paragraphs)[:_MOST_WORDS]


def shortened(text: str, longest: int = LONGEST) -> str:
    """Text of at most so many code points; what belongs to one sign is never parted."""
    if len(text) <= longest:
        return text
    end = longest - 1
    while end and _belongs_to_last(text, end):
        end -= 1
    return text[:end].rstrip() + "\u2026"


def _belongs_to_last(text: str, at: int) -> bool:
    """Whether a code point only goes on what stands before it."""
    letter = text[at]
    if letter in _JOINERS or text[at - 1] in _JOINERS:
        return True
    if "\U0001f1e6" <= letter <= "\U0001f1ff":
        return "\U0001f1e6" <= text[at - 1] <= "\U0001f1ff"  # half a flag
    return unicodedata.category(letter).startswith("M") or "\U0001f3fb" <= letter <= "\U0001f3ff"


# Quoted history and signatures


class _History:
    """Walks a body's lines once, looking a few ahead, and leaves out what is older."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def own(self) -> Iterator[str]:
        """The sender's lines; an empty one where something was cut."""
        at = 0
        while at < len(self._lines):
            line = self._lines[at]
            bare = line.text.strip()
            if line.kind is not Kind.OWN:
                yield ""
                at += 1
            elif _is_delimiter(line.text) and (end := self._end_of_signature(at)):
                at = end
            elif bare and (above := self._above_quotation(at)):
                at += above
            elif self._begins_history(at, bare):
                return
            else:
                yield line.text
                at += 1

    def _end_of_signature(self, at: int) -> int:
        """Where a signature ends: at a quotation or at the end; 0 when it is too long for one."""
        for number in range(at + 1, len(self._lines)):
            line = self._lines[number]
            if line.kind is Kind.QUOTED or self._above_quotation(number):
                return number
            if number - at > _LONGEST_SIGNATURE and self._lines[at].text != "-- ":
                return 0
        return len(self._lines)

    def _above_quotation(self, at: int) -> int:
        """How many lines announce the quoted lines that follow; 0 when these do not."""
        soon = self._lines[at + 1 : at + _WRAPPED_OVER + 3]
        if not any(line.kind is Kind.QUOTED for line in soon):
            return 0
        count = self._announcement(at)
        return count if count and self._quoted_next(at + count) else 0

    def _announcement(self, at: int) -> int:
        """How many lines from here are one line that a program puts above a quotation."""
        bare = self._text_at(at)
        if marks_history(bare) or (len(bare) < _SENTENCE and announces_quotation(bare)):
            return 1
        return self._dated_announcement(at, bare)

    def _dated_announcement(self, at: int, bare: str) -> int:
        """The same for one that tells the day, which programs wrap anywhere."""
        if not opens_attribution(bare):
            return 0
        for count in range(1, _WRAPPED_OVER + 1):
            if dates_quotation(self._joined(at, count)):
                later = (self._joined(at + skip, count - skip) for skip in range(1, count))
                return 0 if any(map(dates_quotation, later)) else count
        return 0

    def _joined(self, at: int, count: int) -> str:
        """So many lines as one, or nothing when they are not all there and the sender's."""
        pieces = self._lines[at : at + count]
        if len(pieces) < count or any(not p.text.strip() or p.kind is not Kind.OWN for p in pieces):
            return ""
        return unicodedata.normalize("NFC", " ".join(p.text.strip()[:300] for p in pieces))

    def _quoted_next(self, at: int) -> bool:
        """Whether the next line that is not empty is quoted."""
        following = (line for line in self._lines[at : at + 3] if line.text.strip())
        return next((line.kind is Kind.QUOTED for line in following), False)

    def _begins_history(self, at: int, bare: str) -> bool:
        """Whether all from here on is an older mail that nothing marks as quoted."""
        if not bare:
            return False
        if marks_history(bare) or self._dated_announcement(at, bare):
            return True
        if _RULE.fullmatch(bare):
            at = next((below for below in (at + 1, at + 2) if self._text_at(below)), at)
        return self._is_header(at)

    def _is_header(self, at: int) -> bool:
        """Whether the header fields of an older mail begin here."""
        if header_field(self._text_at(at)) is None:
            return False
        fields: dict[str, str] = {}
        last = ""
        for number in range(at, at + _LONGEST_HEADER):
            text = self._text_at(number)
            field = header_field(text)
            if field is not None:
                last = field[0]
                fields.setdefault(*field)
            elif (text and last not in _MAY_BE_LONG) or (not text and fields.keys() != {"from"}):
                break
        return is_mail_header(fields)

    def _text_at(self, at: int) -> str:
        return self._lines[at].text.strip() if at < len(self._lines) else ""


def _is_delimiter(text: str) -> bool:
    """Whether a signature begins below it (RFC 3676 4.3); many programs drop the space."""
    return text in ("-- ", "--")


# What devices and legal departments add


def _own_paragraphs(lines: Iterable[str]) -> Iterator[list[str]]:
    """The paragraphs that a person wrote."""
    heading: list[str] = []
    for paragraph in _paragraphs(lines):
        rest = _without_devices(paragraph)
        own = _without_notice(rest)
        if heading and own == rest:
            yield heading  # no notice follows: it was the sender's
        heading = own if is_legal_heading(" ".join(own)) else []
        if own and not heading:
            yield own
    if heading:
        yield heading


def _without_notice(paragraph: list[str]) -> list[str]:
    """A paragraph up to the first line of a legal notice in it."""
    if not is_disclaimer(" ".join(paragraph)):
        return paragraph
    first = next(n for n, line in enumerate([*paragraph, ""]) if marks_disclaimer(line) or not line)
    return paragraph[:first]


def _paragraphs(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines parted where one is empty, spaces made plain."""
    paragraph: list[str] = []
    for line in lines:
        text = _SPACES.sub(" ", line).strip()
        if text:
            paragraph.append(text)
        elif paragraph:
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _without_devices(paragraph: list[str]) -> list[str]:
    """A paragraph without what a phone or copier wrote."""
    if is_from_copier(" ".join(paragraph)):
        return []
    own = [line for line in paragraph if not is_from_device(line)]
    written = [line for line in own if not is_from_copier(line)]
    if len(written) < len(own):
        return [line for line in written if not may_be_copier_field(line)]
    return own
