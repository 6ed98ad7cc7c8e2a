"""One attachment becomes one file ready to fax, or a refusal with a sentence (M8, M9).

Fax.Plus takes PDF, TIFF, JPEG, PNG, Word, Excel, RTF and text as they are, and they pass
untouched. Other pictures become pages of dots. All else is refused by name, with what to do.
"""

import hashlib
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mail2fax.errors import Mail2FaxError
from mail2fax.preparing import conversion, inspection, pages, tnef
from mail2fax.preparing.fax_tiff import FaxTiff, Grid
from mail2fax.preparing.watch import Watch
from mail2fax.reading import content
from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import Buffer
from mail2fax.reading.parts import made_up_name, why_no_document
from mail2fax.values import Converted, Document, NotFaxed

_HEAD, _TAIL = 4096, 4096
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_LONGEST_NAME = 60
_TEXT_NAMES = frozenset({".txt", ".text", ".log", ".csv", ".md"})
_HTML_NAMES = frozenset({".html", ".htm", ".xhtml"})
_PIECE = 1 << 20
_MUST_BE_WHOLE = frozenset({content.PNG, ".docx", ".xlsx"})
_ADVICE = {
    content.HTML: "is a web page. Print it to a PDF and send that.",
    content.SLIDES: "is a presentation. Save it as a PDF and send that.",
    content.ZIP: "is a packed archive. Attach the documents themselves.",
    "application/vnd.rar": "is a packed archive. Attach the documents themselves.",
    "application/x-7z-compressed": "is a packed archive. Attach the documents themselves.",
    "application/gzip": "is a packed archive. Attach the documents themselves.",
    "application/vnd.oasis.opendocument.text": "is an OpenDocument text. Save it as a PDF.",
    "application/vnd.oasis.opendocument": "is an OpenDocument file. Save it as a PDF.",
    content.TNEF: "is Outlook's own form of a mail. Send it as HTML or plain text.",
    "application/postscript": "is a PostScript file. Save it as a PDF and send that.",
}
_OUTLOOK = "Outlook's own form of the mail: its text is not faxed, only the documents in it: {}."
_SMALL_PICTURE = 60_000
_OTHER = "is of a kind that cannot be faxed. Send it as a PDF."


class Refused(Mail2FaxError):
    """The mail is not faxed; the text is the sentence the sender reads."""


class _Unnamed(Mail2FaxError):
    """A refusal whose sentence still wants the document's name before it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document comes from.

    Attributes:
        part: its section in the mail.
        filename: as its sender named it; empty without a name.
        label: the content type it claims.
        closed: whether something marked its end.
        inside: whether it lies inside another attachment.
    """

    part: str
    filename: str
    label: str
    closed: bool = True
    inside: bool = False

    @property
    def shown(self) -> str:
        """How a sentence calls it."""
        return f"\u201c{self.filename or f'part {self.part}'}\u201d"


class Maker:
    """Makes the documents of one mail, one after the other.

    Args:
        directory: where files go; it exists.
        decoded: bytes that all of them together may have.
        grid: the pages of what is converted.
        watch: keeps the time of each.

    Attributes:
        not_faxed: what of attachments is not faxed though they are.
        refusals: why something inside an attachment stops the fax, a sentence each; the rest of
            the attachment is looked at and told all the same.
    """

    def __init__(self, directory: Path, decoded: int, grid: Grid, watch: Watch) -> None:
        self._directory = directory
        self._decoded = decoded
        self._grid = grid
        self._watch = watch
        self._left = decoded
        self._ordinal = 0
        self.not_faxed: list[NotFaxed] = []
        self.refusals: list[str] = []

    def documents(self, source: Source, pieces: Iterable[bytes]) -> list[Document]:
        """Write one attachment to disk, look at what it is, and convert it if need be.

        Several come of Outlook's ``winmail.dat``; what of it is not faxed is told.

        Raises:
            Refused: it cannot be faxed, and why.
            OSError: the disk does not take it.
        """
        self._ordinal += 1
        path = self._directory / f"{self._ordinal}-part"
        with _refusing(source):
            written = self._written(pieces, path)
            is_tnef = content.sniff(written.head) == content.TNEF
            if is_tnef and not source.inside:
                return self._inside(source, path, written)
            with self._watch.over(source.shown):
                return [self._document(source, path, written)]

    def _document(self, source: Source, path: Path, written: "_Written") -> Document:
        content_type = _true_type(source, written.head, path)
        if content_type in content.PICTURES:
            return self._converted(source, path, content_type, written)
        counted = _pages(path, content_type, written.tail, closed=source.closed)
        inspection.inspect(path, content_type)
        filename = made_up_name(source.filename, content_type, self._ordinal)
        final = path.rename(self._directory / _safe_name(self._ordinal, filename))
        size, sha256 = written.size, written.sha256
        return Document(source.part, filename, content_type, size, sha256, counted, final.name)

    def _inside(self, source: Source, path: Path, written: "_Written") -> list[Document]:
        """The documents of a winmail.dat, whose own text is not faxed (M5)."""
        if not source.closed:
            raise pages.Damaged("it may be cut")
        self._left += written.size  # what is in it is counted by itself
        found: list[Document] = []
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            with self._watch.over(source.shown):
                attached = tnef.attachments(data, written.size)
            for number, one in enumerate(attached, start=1):
                inner = Source(f"{source.part}.tnef{number}", one.filename, one.label, inside=True)
                why = _why_not(one, data)
                if not why:
                    try:
                        found += self.documents(inner, _between(data, one.start, one.end))
                        continue
                    except Refused as refused:
                        why = str(refused)
                        self.refusals.append(why)
                self.not_faxed.append(_told(inner, data[one.start : one.end], why))
        path.unlink()
        name, size, sha256 = source.filename or None, written.size, written.sha256
        self.not_faxed.append(
            NotFaxed(
                source.part, name, content.TNEF, size, sha256, _OUTLOOK.format(len(found) or "none")
            )
        )
        return found

    def _converted(
        self, source: Source, path: Path, content_type: str, written: "_Written"
    ) -> Document:
        """A picture as pages of dots; what came is not kept."""
        filename = made_up_name(source.filename, content_type, self._ordinal)
        final = self._directory / _safe_name(self._ordinal, f"{filename}.tif")
        with FaxTiff(final, self._grid) as fax:
            for page in conversion.pages_of_picture(path, content_type, self._grid):
                fax.add(page)
        why = f"Converted to black and white, because Fax.Plus does not take {content_type}."
        if conversion.moves(path, content_type):
            why += " Only the first of its pictures is faxed."
        path.unlink()
        return Document(
            source.part, filename, content_type, written.size, written.sha256, fax.pages,
            final.name, converted=converted(final, why),
        )  # fmt: skip

    def _written(self, pieces: Iterable[bytes], path: Path) -> "_Written":
        """Write the decoded bytes."""
        digest, size, head, tail = hashlib.sha256(), 0, b"", b""
        with path.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                self._left -= len(piece)
                if self._left < 0:
                    raise _Unnamed("is too large: the attachments of one mail may have "
                                   f"{self._decoded / 1e6:.0f} MB.")  # fmt: skip
                digest.update(piece)
                head = head if len(head) >= _HEAD else (head + piece)[:_HEAD]
                tail = (tail + piece)[-_TAIL:]
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if not size:
            raise _Unnamed("is empty. Attach it again.")
        return _Written(size, digest.hexdigest(), head, tail)


@dataclass(frozen=True, slots=True)
class _Written:
    """Decoded bytes on disk: their count, SHA-256 in hex, beginning and end."""

    size: int
    sha256: str
    head: bytes
    tail: bytes


@contextmanager
def _refusing(source: Source) -> Iterator[None]:
    """What is wrong with a document becomes the sentence its sender reads."""
    try:
        yield
    except (Damaged, pages.Damaged) as damaged:
        sentence = f"{source.shown} is damaged: {damaged}. Save it again and send it again."
        raise Refused(sentence) from None
    except pages.Locked:
        sentence = f"{source.shown} opens only with a password. Save it without one and send it"
        raise Refused(f"{sentence} again.") from None
    except (pages.TooLarge, _Unnamed) as refused:
        raise Refused(f"{source.shown} {refused}") from None


def _why_not(one: tnef.Attached, data: Buffer) -> str:
    """Why an attachment of Outlook's is no document, a sentence; empty when it may be one."""
    if one.is_mail:
        return why_no_document("message/rfc822")
    if one.is_object:
        return "An object of the mail's rich text is not faxed. Attach it as a file."
    found = content.sniff(data[one.start : one.start + _HEAD], one.filename) or one.label
    small = one.end - one.start < _SMALL_PICTURE
    if one.in_text and small and found.startswith("image/"):
        return "A small picture of the text or signature is not faxed."
    return why_no_document(found)


def _told(source: Source, data: bytes, why: str) -> NotFaxed:
    digest = hashlib.sha256(data).hexdigest()
    kind = source.label or "application/octet-stream"
    return NotFaxed(source.part, source.filename or None, kind, len(data), digest, why)


def _between(data: Buffer, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _PIECE):
        yield data[at : min(at + _PIECE, end)]


def converted(path: Path, why: str) -> Converted:
    """A finished file of ours, on disk for good."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
        os.fsync(file.fileno())
    kind = content.PDF if path.suffix == ".pdf" else content.TIFF
    return Converted(kind, path.stat().st_size, digest.hexdigest(), why)


def _true_type(source: Source, head: bytes, path: Path) -> str:
    """What the content is, if it can be faxed.

    Raises:
        _Unnamed: it cannot, and what to do.
        pages.Damaged: it contradicts its own format.
    """
    found = content.sniff(head, source.filename)
    if found is None and content.looks_like_text(head):
        is_text = source.label.startswith("text/")
        if source.label == content.HTML or content.extension(source.filename) in _HTML_NAMES:
            found = content.HTML  # a fragment of a page, whose source nobody wants to read
        elif is_text or content.extension(source.filename) in _TEXT_NAMES:
            found = content.TEXT
    if found == content.ZIP and source.closed:
        found = inspection.kind_in_zip(path) or content.ZIP
    if found not in content.FAXABLE and found not in content.PICTURES:
        raise _Unnamed(_ADVICE.get(found or "", _OTHER))
    assert found is not None, "it is of one of the kinds"
    return found


def _pages(path: Path, content_type: str, tail: bytes, *, closed: bool) -> int | None:
    """Pages of a document that is whole.

    Raises:
        pages.Damaged: it is not.
        pages.Locked: it needs a password.
        pages.TooLarge: it has a page like no paper.
    """
    whole = content.is_complete(content_type, tail)
    must_be = not closed or content_type in _MUST_BE_WHOLE
    must_be = must_be or content.FAXABLE[content_type] in _MUST_BE_WHOLE
    if whole is False and must_be:
        raise pages.Damaged("it is cut")
    if content_type == content.TIFF:
        counted = pages.pages_of_tiff(path)
        pages.check_strips(path)
        if not closed:
            pages.check_values(path)
        return counted
    if whole is None and not closed:
        raise pages.Damaged("it may be cut")
    return pages.pages_of_pdf(path) if content_type == content.PDF else None


def _safe_name(ordinal: int, filename: str) -> str:
    """A name for the spool's disk, in ASCII, that keeps the extension."""
    ending = content.extension(filename)
    stem = _UNSAFE.sub("_", filename.removesuffix(ending))[:_LONGEST_NAME].strip("._")
    return f"{ordinal}-{stem or 'document'}{ending}"
