"""A mail on disk as documents, text and the rest, each part with its fate (M1, M3, M5, M7)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mail2fax.reading import content
from mail2fax.reading.bodies import body_lines
from mail2fax.reading.body_text import Line, as_text
from mail2fax.reading.comment import own_words_of, shortened
from mail2fax.reading.contents import Layer, PartRef, contents, first_bytes, measured
from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import Buffer, decode, decoded_anyhow, decoded_head
from mail2fax.reading.dialects.spoken import read_subject, read_words
from mail2fax.reading.embedded import (
    MOST_FILES,
    EmbeddedFile,
    begins_with_file,
    embedded_files,
)
from mail2fax.reading.options import marks
from mail2fax.reading.parts import (
    Purpose,
    Use,
    headline_of,
    is_encrypted,
    use_of,
    why_no_document,
)
from mail2fax.reading.pictures import NOTHING_KNOWN, PictureKnowledge, question
from mail2fax.reading.sorting import PictureSorter
from mail2fax.reading.structure import Part, StructureScanner
from mail2fax.values import Headline, NotFaxed, Wish

_PIECE = 1 << 18
_MOST_TEXT = 1 << 20
TEXT_WHY = "The mail's text is no document: it goes where the option body says."
_OTHER_TEXT_WHY = "Another form of the mail's text is not faxed."
_WRAPPER_WHY = "The file that is written in it is faxed, not this text around it."
_BETWEEN_WHY = "Text around the mail's parts is not faxed, only the file in it."
_WRAPPERS = frozenset({".hqx", ".uu", ".uue", ".ync", ".yenc"})
_SHORT = {"uu-file": "uu", "yenc-file": "yenc", "binhex-file": "hqx"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds no others, what it is for, and the files that are written in it."""

    part: Part
    use: Use
    ref: PartRef
    files: tuple[EmbeddedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A part of the mail's own text, as lines."""

    leaf: Leaf
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class MailReading:
    """What a mail holds.

    Attributes:
        headline: of the top header.
        header_size: bytes of the top header block.
        parts: every leaf and every file that is written in one, in order.
        candidates: those that may be documents.
        not_faxed: every other one and why.
        text: the mail's own text, up to 1 MB of it.
        wishes: options in its headers, first lines and Subject.
        subject: without marks.
        words: the sender's own words, without marks, whole.
        damage: why nothing of the mail can be trusted, a sentence; None when it can.
        question: what a person must be asked about its pictures; empty when nothing.
        pictures: SHA-256 (hex) of those that belong to the text.
    """

    headline: Headline
    header_size: int
    parts: tuple[PartRef, ...]
    candidates: tuple[PartRef, ...]
    not_faxed: tuple[NotFaxed, ...]
    text: str
    wishes: tuple[Wish, ...]
    subject: str
    words: str
    damage: str | None
    question: str = ""
    pictures: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """The sender's own words, as short as a comment is."""
        return shortened(self.words)


def read_mail(
    buffer: Buffer,
    size: int,
    dialects: Iterable[str] = (),
    knowledge: PictureKnowledge = NOTHING_KNOWN,
    *,
    nested: bool = False,
) -> MailReading:
    """Read a mail; never raises, whatever the bytes are (M2).

    Args:
        buffer: its bytes.
        size: how many there are.
        dialects: other products' spellings of options that are read too (O6).
        knowledge: what is known of its pictures beside the mail itself (M6).
        nested: whether documents of mails inside the mail are faxed (M5).
    """
    scanner = StructureScanner()
    for at in range(0, size, _PIECE):
        scanner.feed(buffer[at : min(at + _PIECE, size)])
    scanner.close()
    leaves = _leaves(buffer, scanner, nested=nested)
    sorter = PictureSorter(buffer, ((leaf.part, leaf.ref) for leaf in leaves), knowledge)
    leaves = [replace(leaf, use=sorter.settled(leaf.part, leaf.use, leaf.ref)) for leaf in leaves]
    bodies = _bodies(buffer, leaves)
    chosen = [body.leaf for body in bodies]
    lines = [line for body in bodies for line in body.lines]
    text = as_text(lines)
    fates = [fate for leaf in leaves for fate in _fates(buffer, leaf, chosen)]
    headline = headline_of(scanner.top)
    subject = read_subject(headline.subject, dialects)
    first = marks.in_text(text)
    behind = lines[-1 - first.text.count("\n") :] if first.text else []
    words = read_words(own_words_of(behind), dialects)
    headers = marks.in_headers(scanner.top.fields)
    return MailReading(
        headline=headline,
        header_size=scanner.header_size or 0,
        parts=tuple(ref for ref, _ in fates),
        candidates=tuple(ref for ref, why in fates if not why),
        not_faxed=tuple(_not_faxed(buffer, ref, why) for ref, why in fates if why),
        text=text,
        wishes=(*headers, *first.wishes, *words.wishes, *subject.wishes),
        subject=subject.text,
        words=words.text,
        damage=_damage(scanner, leaves, nested=nested) or sorter.lost(),
        question=question(sorter.asked),
        pictures=tuple(sorter.body),
    )


def _leaves(buffer: Buffer, scanner: StructureScanner, *, nested: bool) -> list[Leaf]:
    """Every part that holds no others, and the text around the parts, in order."""
    leaves = [
        _leaf(buffer, part, use_of(part, nested=nested))
        for part in scanner.parts
        if not part.is_multipart
    ]
    for part in scanner.between:
        use = Use(Purpose.NOTHING, _BETWEEN_WHY, content.TEXT, "", "")
        if not part.is_in_mail:
            leaves.append(_leaf(buffer, part, use))
    return sorted(
        (leaf for leaf in leaves if leaf.files or leaf.part not in scanner.between),
        key=lambda leaf: leaf.part.start,
    )


def _leaf(buffer: Buffer, part: Part, use: Use) -> Leaf:
    ref = PartRef(
        _section(part), use.filename, use.content_type, part.start, part.end, use.encoding,
        part.closed and not (part.is_whole_mail and content.tells_its_end(use.content_type)),
    )  # fmt: skip
    if not _may_hold_files(part, use):
        return Leaf(part, use, ref)
    try:
        files = tuple(embedded_files(contents(buffer, ref)))
    except Damaged:
        files = ()
    if files and use.purpose is Purpose.DOCUMENT:
        use = replace(use, purpose=Purpose.NOTHING, why=_WRAPPER_WHY)
    return Leaf(part, use, ref, files)


def _section(part: Part) -> str:
    """The number of a leaf; a multipart that has no parts is the only part of its mail."""
    if part.content_type.startswith("multipart/") and part.is_only_part:
        return f"{part.number}.1" if part.number else "1"
    return part.number


def _may_hold_files(part: Part, use: Use) -> bool:
    """Whether it is worth looking for files in a text: the scanner saw one, or cannot see."""
    if part.is_mail or (use.purpose is Purpose.NOTHING and use.why != _BETWEEN_WHY):
        return False
    if use.purpose is not Purpose.DOCUMENT and (part.holds_files or use.encoding == "base64"):
        return True
    return begins_with_file(decoded_head(part.head, use.encoding))


def _fates(buffer: Buffer, leaf: Leaf, chosen: list[Leaf]) -> Iterable[tuple[PartRef, str]]:
    """A leaf and the files in it, each with the reason why it is not faxed, if there is one."""
    why = leaf.use.why
    if leaf.use.purpose is Purpose.TEXT:
        why = TEXT_WHY if leaf in chosen else _OTHER_TEXT_WHY
    yield leaf.ref, why
    for ordinal, file in enumerate(leaf.files[:MOST_FILES], start=1):
        ref = _file_ref(buffer, leaf, file, ordinal)
        yield ref, why_no_document(ref.content_type)


def _file_ref(buffer: Buffer, leaf: Leaf, file: EmbeddedFile, ordinal: int) -> PartRef:
    name = file.name
    if len(leaf.files) == 1 and content.extension(leaf.ref.filename) not in _WRAPPERS:
        name = leaf.ref.filename or name
    ref = replace(
        leaf.ref,
        part=f"{leaf.ref.part}.{_SHORT[file.encoding]}{ordinal}",
        filename=name,
        content_type="application/octet-stream",
        inner=(Layer(file.start, file.end, file.encoding, file.closed),),
    )
    try:
        head = first_bytes(contents(buffer, ref))
    except Damaged:
        return ref
    return replace(ref, content_type=content.sniff(head, name) or ref.content_type)


def _not_faxed(buffer: Buffer, ref: PartRef, why: str) -> NotFaxed:
    size, sha256 = measured(buffer, ref)
    return NotFaxed(ref.part, ref.filename or None, ref.content_type, size, sha256, why)


def _bodies(buffer: Buffer, leaves: list[Leaf]) -> list[Body]:
    """The parts that are the mail's text: the plain ones unless they are empty, else one other."""
    texts = [leaf for leaf in leaves if leaf.use.purpose is Purpose.TEXT]
    plain = [_body(buffer, leaf) for leaf in texts if leaf.part.content_type == content.TEXT]
    others = [leaf for leaf in texts if leaf.part.content_type != content.TEXT]
    if others and not any(line.text.strip() for body in plain for line in body.lines):
        return [_body(buffer, others[0])]
    return plain


def _body(buffer: Buffer, leaf: Leaf) -> Body:
    """The text of a part without the files in it."""
    raw = _without_files(_raw_text(buffer, leaf), leaf.files)
    return Body(leaf, body_lines(raw, leaf.part, leaf.use.content_type))


def _raw_text(buffer: Buffer, leaf: Leaf) -> bytes:
    """Decoded bytes; a text in doubt is shown as far as it can be decoded."""
    part = leaf.part
    end = min(part.end, part.start + _MOST_TEXT)
    try:
        return b"".join(decode(buffer, part.start, end, leaf.use.encoding))
    except Damaged:
        raw = buffer[part.start : end]
        return decoded_anyhow(raw, leaf.use.encoding)


def _without_files(raw: bytes, files: Iterable[EmbeddedFile]) -> bytes:
    kept, at = [], 0
    for file in files:
        kept.append(raw[at : file.start])
        at = file.end
    return b"".join([*kept, raw[at:]])


def _damage(scanner: StructureScanner, leaves: list[Leaf], *, nested: bool) -> str | None:
    if scanner.problem is not None:
        return f"The mail cannot be read: {scanner.problem}."
    if any(is_encrypted(part) for part in scanner.parts if nested or not part.is_in_mail):
        return "The mail is encrypted, so its documents cannot be read. Send it unencrypted."
    if any(len(leaf.files) > MOST_FILES for leaf in leaves):
        return f"More than {MOST_FILES} files are written in its text. Attach them."
    return None
