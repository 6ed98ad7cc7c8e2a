"""A mail on disk becomes documents on disk, or a refusal: the second gate (M8, M9).

Doubt stops the whole fax: a subset of the documents that somebody wanted to send is a wrong
fax. Runs in the preparing child; hostile bytes may end it, and nothing else.
"""

import hashlib
import mmap
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from mail2fax.errors import Mail2FaxError
from mail2fax.preparing import pages
from mail2fax.reading import content
from mail2fax.reading.decoding import Buffer, Damaged, decode
from mail2fax.reading.mail import MailReading, PartRef, measured, read_mail
from mail2fax.reading.options.decision import asks_for_earlier_fax
from mail2fax.reading.parts import made_up_name
from mail2fax.values import Document, NotFaxed, Reading, Response, Verdict

_HEAD, _TAIL = 4096, 4096
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_LONGEST_NAME = 60
_TEXT_NAMES = frozenset({".txt", ".text", ".log", ".csv", ".md"})
_PIECE = 1 << 20
_MUST_BE_WHOLE = frozenset({content.PNG, ".docx", ".xlsx"})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a fax may be made of; sizes in bytes.

    Attributes:
        files: documents Fax.Plus takes in one fax.
        fax_size: bytes of all of them together.
        decoded: bytes of all attachments of a mail.
        pages: pages of all documents, as far as they can be counted.
    """

    files: int = 10
    fax_size: int = 30_000_000
    decoded: int = 100_000_000
    pages: int = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing made of a mail.

    Attributes:
        reading: documents, the rest with its fate, the comment, and the verdict.
        header_sha256, body_sha256: hex, of the bytes that were read (K5).
    """

    reading: Reading
    header_sha256: str
    body_sha256: str


class _Refused(Mail2FaxError):
    """The mail is not faxed; the text is the sentence the sender reads."""


def prepare_mail(
    mail: Path,
    directory: Path,
    limits: DocumentLimits,
    *,
    dialects: tuple[str, ...] = (),
    resends: bool = False,
) -> Prepared:
    """Decode, recognise and count the documents of a mail.

    Args:
        mail: the mail's file.
        directory: where its documents are written, made when missing.
        limits: what a fax may be made of.
        dialects: other products' spellings of options that are read too (O6).
        resends: whether an address asks for an earlier fax, so that no document is needed.

    Raises:
        OSError: the mail cannot be read or a document not be written.
    """
    with mail.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return Prepared(
                _refused(read_mail(b"", 0), [], [], "The mail is empty."), *_hashes(b"", 0, 0)
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            found = read_mail(buffer, size, dialects)
            resends = resends or asks_for_earlier_fax(found.wishes)
            reading = _Work(buffer, found, directory, limits, resends=resends).reading()
            return Prepared(reading, *_hashes(buffer, found.header_size, size))


def _hashes(buffer: Buffer, header_size: int, size: int) -> tuple[str, str]:
    body = hashlib.sha256()
    for at in range(header_size, size, _PIECE):
        body.update(buffer[at : min(at + _PIECE, size)])
    return hashlib.sha256(buffer[0:header_size]).hexdigest(), body.hexdigest()


def _refused(
    found: MailReading, documents: list[Document], not_faxed: list[NotFaxed], why: str
) -> Reading:
    verdict = Verdict(Response(554, "5.6.0", why), "mail")
    return replace(
        _accepted(found, documents), not_faxed=(*found.not_faxed, *not_faxed), verdict=verdict
    )


def _accepted(found: MailReading, documents: list[Document]) -> Reading:
    return Reading(
        documents=tuple(documents),
        not_faxed=found.not_faxed,
        comment=found.comment,
        wishes=found.wishes,
        subject=found.subject,
        words=found.words,
        headline=found.headline,
    )


class _Work:
    """The documents of one mail, one after the other."""

    def __init__(
        self,
        buffer: Buffer,
        found: MailReading,
        directory: Path,
        limits: DocumentLimits,
        *,
        resends: bool,
    ) -> None:
        self._buffer = buffer
        self._found = found
        self._directory = directory
        self._limits = limits
        self._resends = resends
        self._documents: list[Document] = []
        self._not_faxed: list[NotFaxed] = []
        self._decoded = 0

    def reading(self) -> Reading:
        """Everything about the mail."""
        why = self._found.damage or self._why_not()
        if why:
            return _refused(self._found, self._documents, self._not_faxed, why)
        return _accepted(self._found, self._documents)

    def _why_not(self) -> str:
        """Prepare every candidate; the first reason why the fax cannot be sent, or nothing."""
        reasons: list[str] = []
        self._directory.mkdir(mode=0o700, exist_ok=True)
        for ordinal, candidate in enumerate(self._found.candidates, start=1):
            try:
                self._documents.append(self._document(candidate, ordinal))
            except _Refused as refused:
                reasons.append(str(refused))
                size, sha256 = measured(self._buffer, candidate)
                name, kind = candidate.filename or None, candidate.content_type
                why = NotFaxed(candidate.part, name, kind, size, sha256, str(refused))
                self._not_faxed.append(why)
        return " ".join(reasons) or self._too_much()

    def _too_much(self) -> str:
        limits, documents = self._limits, self._documents
        size = sum(document.size for document in documents)
        counted = sum(document.pages or 0 for document in documents)
        if not documents and not self._resends:
            return "No attachment to fax was found. Attach the document as a PDF or TIFF."
        if len(documents) > limits.files:
            return f"{len(documents)} documents are more than the {limits.files} of one fax."
        if size > limits.fax_size:
            return (
                f"The documents have {size / 1e6:.1f} MB, more than the "
                f"{limits.fax_size / 1e6:.0f} MB of one fax. Scan in black and white, or in parts."
            )
        if counted > limits.pages:
            return f"{counted} pages are more than the {limits.pages} of one fax."
        return ""

    def _document(self, candidate: PartRef, ordinal: int) -> Document:
        """Decode one candidate to disk and look at what it is.

        Raises:
            _Refused: it cannot be faxed, and why.
        """
        shown = f"\u201c{candidate.filename or f'part {candidate.part}'}\u201d"
        path = self._directory / f"{ordinal}-part"
        try:
            size, sha256, head, tail = self._written(candidate, path)
            content_type = _true_type(candidate, head)
            pages_ = _pages(path, content_type, tail, closed=candidate.closed)
        except (Damaged, pages.Damaged) as damaged:
            raise _Refused(
                f"{shown} is damaged: {damaged}. Save it again and send it again."
            ) from None
        except pages.Locked:
            raise _Refused(
                f"{shown} opens only with a password. Save it without one and send it again."
            ) from None
        except _Refused as refused:
            raise _Refused(f"{shown} {refused}") from None
        filename = made_up_name(candidate.filename, content_type, ordinal)
        final = self._directory / _safe_name(ordinal, filename)
        path.rename(final)
        return Document(candidate.part, filename, content_type, size, sha256, pages_, final.name)

    def _written(self, candidate: PartRef, path: Path) -> tuple[int, str, bytes, bytes]:
        """Write the decoded bytes: their count, SHA-256, beginning and end."""
        digest, size, head, tail = hashlib.sha256(), 0, b"", b""
        pieces = decode(
            self._buffer, candidate.start, candidate.end, candidate.encoding,
            closed=candidate.closed,
        )  # fmt: skip
        with path.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                self._decoded += len(piece)
                if self._decoded > self._limits.decoded:
                    raise _Refused("is too large: the attachments of one mail may have "
                                   f"{self._limits.decoded / 1e6:.0f} MB.")  # fmt: skip
                digest.update(piece)
                head = head if len(head) >= _HEAD else (head + piece)[:_HEAD]
                tail = (tail + piece)[-_TAIL:]
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if not size:
            raise _Refused("is empty. Attach it again.")
        return size, digest.hexdigest(), head, tail


def _true_type(candidate: PartRef, head: bytes) -> str:
    """What the content is, if Fax.Plus takes it.

    Raises:
        _Refused: it does not, and what to do.
    """
    found = content.sniff(head, candidate.filename)
    if found is None and content.looks_like_text(head):
        is_text = candidate.content_type.startswith("text/")
        if is_text or content.extension(candidate.filename) in _TEXT_NAMES:
            found = content.TEXT
    if found == content.TNEF:
        raise _Refused("is Outlook's own form of a mail. Send it as HTML or plain text.")
    if found not in content.FAXABLE:
        raise _Refused("is of a kind that cannot be faxed. Send it as a PDF.")
    return found


def _pages(path: Path, content_type: str, tail: bytes, *, closed: bool) -> int | None:
    """Pages of a document that is whole.

    Raises:
        pages.Damaged: it is not.
        pages.Locked: it needs a password.
    """
    whole = content.is_complete(content_type, tail)
    must_be = not closed or content_type in _MUST_BE_WHOLE
    must_be = must_be or content.FAXABLE[content_type] in _MUST_BE_WHOLE
    if whole is False and must_be:
        raise pages.Damaged("it is cut")
    if content_type == content.TIFF:
        counted = pages.pages_of_tiff(path)
        pages.check_strips(path)
        return counted
    if whole is None and not closed:
        raise pages.Damaged("it may be cut")
    return pages.pages_of_pdf(path) if content_type == content.PDF else None


def _safe_name(ordinal: int, filename: str) -> str:
    """A name for the spool's disk, in ASCII, that keeps the extension."""
    ending = content.extension(filename)
    stem = _UNSAFE.sub("_", filename.removesuffix(ending))[:_LONGEST_NAME].strip("._")
    return f"{ordinal}-{stem or 'document'}{ending}"
