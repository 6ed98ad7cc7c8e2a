"""A mail on disk as documents, text and the rest, each part with its fate (M1, M3, M7, M11)."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mail2fax.reading import content
from mail2fax.reading.comment import own_words, shortened, text_of_html, unflowed
from mail2fax.reading.decoding import Buffer, Damaged, decode
from mail2fax.reading.dialects.spoken import read_subject, read_words
from mail2fax.reading.headers import Headers
from mail2fax.reading.options import marks
from mail2fax.reading.parts import Purpose, Use, headline_of, is_encrypted, text_of, use_of
from mail2fax.reading.structure import Part, StructureScanner
from mail2fax.values import Headline, NotFaxed, Wish

_PIECE = 1 << 18
_MOST_TEXT = 1 << 20
_UUENCODED = re.compile(r"^begin [0-7]{3,4} \S", re.MULTILINE)
_TEXT_WHY = "The mail's text is not faxed; it is kept as the fax's comment."
_OTHER_TEXT_WHY = "Another form of the mail's text is not faxed."


@dataclass(frozen=True, slots=True)
class PartRef:
    """A part that may be a document: where its bytes lie and how they are encoded."""

    part: str
    filename: str
    content_type: str
    start: int
    end: int
    encoding: str
    closed: bool


@dataclass(frozen=True, slots=True)
class TextRef:
    """A part of the mail's own text."""

    part: Part
    use: Use


@dataclass(frozen=True, slots=True)
class MailReading:
    """What a mail holds.

    Attributes:
        headline: of the top header.
        header_size: bytes of the top header block.
        candidates: the parts that may be documents, in order.
        not_faxed: every other leaf and why.
        wishes: options in its headers, first lines and Subject.
        subject: without marks.
        words: the sender's own words, without marks, whole.
        damage: why nothing of the mail can be trusted, a sentence; None when it can.
    """

    headline: Headline
    header_size: int
    candidates: tuple[PartRef, ...]
    not_faxed: tuple[NotFaxed, ...]
    wishes: tuple[Wish, ...]
    subject: str
    words: str
    damage: str | None

    @property
    def comment(self) -> str:
        """The sender's own words, as short as a comment is."""
        return shortened(self.words)


def read_mail(buffer: Buffer, size: int, dialects: Iterable[str] = ()) -> MailReading:
    """Read a mail of ``size`` bytes; never raises, whatever the bytes are (M2).

    Args:
        buffer: the mail's bytes.
        size: how many.
        dialects: other products' spellings of options that are read too (O6).
    """
    scanner = StructureScanner()
    for at in range(0, size, _PIECE):
        scanner.feed(buffer[at : min(at + _PIECE, size)])
    scanner.close()
    leaves = [(part, use_of(part)) for part in scanner.parts if not part.is_multipart]
    texts = [TextRef(part, use) for part, use in leaves if use.purpose is Purpose.TEXT]
    chosen = _chosen(texts)
    text = "\n".join(_text(buffer, ref) for ref in chosen)
    headline = headline_of(Headers(scanner.top_block))
    subject = read_subject(headline.subject, dialects)
    lines = marks.in_text(text)
    words = read_words(own_words(lines.text), dialects)
    headers = marks.in_headers(scanner.top_block)
    return MailReading(
        headline=headline,
        header_size=scanner.header_size or 0,
        candidates=tuple(
            _candidate(part, use) for part, use in leaves if use.purpose is Purpose.DOCUMENT
        ),
        not_faxed=tuple(_not_faxed(buffer, leaves, chosen)),
        wishes=(*headers, *lines.wishes, *words.wishes, *subject.wishes),
        subject=subject.text,
        words=words.text,
        damage=_damage(scanner, text),
    )


def _candidate(part: Part, use: Use) -> PartRef:
    return PartRef(
        part.number, use.filename, use.content_type, part.start, part.end, use.encoding, part.closed
    )


def _not_faxed(
    buffer: Buffer, leaves: Iterable[tuple[Part, Use]], chosen: list[TextRef]
) -> Iterator[NotFaxed]:
    for part, use in leaves:
        if use.purpose is Purpose.DOCUMENT:
            continue
        is_chosen = any(ref.part is part for ref in chosen)
        why = use.why or (_TEXT_WHY if is_chosen else _OTHER_TEXT_WHY)
        size, sha256 = measured(buffer, _candidate(part, use))
        yield NotFaxed(part.number, use.filename or None, use.content_type, size, sha256, why)


def measured(buffer: Buffer, ref: PartRef) -> tuple[int | None, str | None]:
    """Size and SHA-256 of a part's decoded bytes; None for each where it is damaged."""
    digest, size = hashlib.sha256(), 0
    try:
        for piece in decode(buffer, ref.start, ref.end, ref.encoding, closed=ref.closed):
            digest.update(piece)
            size += len(piece)
    except Damaged:
        return None, None
    return size, digest.hexdigest()


def _chosen(texts: list[TextRef]) -> list[TextRef]:
    """The parts that are the mail's text: the plain ones, else the first other."""
    plain = [ref for ref in texts if ref.part.content_type == content.TEXT]
    return plain or texts[:1]


def _text(buffer: Buffer, ref: TextRef) -> str:
    part = ref.part
    end = min(part.end, part.start + _MOST_TEXT)
    try:
        raw = b"".join(decode(buffer, part.start, end, ref.use.encoding))
    except Damaged:
        raw = buffer[part.start : end]  # a comment in doubt is shown as it stood
    text = text_of(raw, part)
    if content.HTML in (part.content_type, ref.use.content_type):
        return text_of_html(text)
    if part.parameters.get("format", "").lower() == "flowed":
        delete_space = part.parameters.get("delsp", "").lower() == "yes"
        return unflowed(text, delete_space=delete_space)
    return text


def _damage(scanner: StructureScanner, text: str) -> str | None:
    if scanner.problem is not None:
        return f"The mail cannot be read: {scanner.problem}."
    if any(is_encrypted(part) for part in scanner.parts):
        return "The mail is encrypted, so its documents cannot be read. Send it unencrypted."
    if _UUENCODED.search(text):
        return "A document stands inside the mail's text (uuencode). Attach it as a file."
    return None
