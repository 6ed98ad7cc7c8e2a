"""A mail on disk becomes documents on disk, or a refusal: the second gate (M8, M9).

Doubt stops the whole fax: a subset of the documents that somebody wanted to send is a wrong
fax. Runs in the preparing child; hostile bytes may end it, and nothing else.
"""

import contextlib
import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mail2fax.preparing.fax_tiff import Grid
from mail2fax.preparing.fitting import DoesNotFit, Fitter, Room
from mail2fax.preparing.making import Maker, Refused, Source
from mail2fax.preparing.text_page import text_document, why_unprintable
from mail2fax.preparing.typesetting import Unprintable
from mail2fax.preparing.watch import Watch
from mail2fax.reading import joining
from mail2fax.reading.contents import PartRef, contents, measured
from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import Buffer
from mail2fax.reading.joining import Stored
from mail2fax.reading.mail import TEXT_WHY, MailReading, read_mail
from mail2fax.reading.options.decision import (
    NO_ANSWER,
    asks_for_earlier_fax,
    asks_for_page,
    is_answer,
)
from mail2fax.reading.pictures import PictureKnowledge
from mail2fax.values import PAGE, Document, NotFaxed, Reading, Response, Verdict, Wish

_PIECE = 1 << 20
_SUPERFINE = "superfine"
_UNFIT, _TOO_LARGE = "5.6.0", "5.3.4"  # RFC 3463
_CANNOT_BE_JOINED = "The mail was split and cannot be joined: {damaged}. Send it in one mail."


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
class Asked:
    """What the rule of a mail and its addresses want of its documents.

    Attributes:
        dialects: other products' spellings of options that are read too (O6).
        resends: whether an address asks for an earlier fax, so that no document is needed.
        resolution: of pages that are made here, ``fine`` or ``superfine``; the mail may ask for
            superfine itself.
        paper: ``a4`` or ``letter``.
        page_always: whether the mail's text is made a page beside what is attached.
        page_alone: whether it is when nothing is attached.
        known_pictures: SHA-256 (hex) of the pictures that are known as not documents (M6).
        pictures_decided: what a person decided about the other ones, None while nobody did.
        others: files of the mails it is joined with, in order (M5).
        joined: how: ``partial`` or ``scan``; empty without others.
        nested: whether documents of mails inside the mail are faxed (M5).
    """

    dialects: tuple[str, ...] = ()
    resends: bool = False
    resolution: str = "fine"
    paper: str = "a4"
    page_always: bool = False
    page_alone: bool = False
    known_pictures: tuple[str, ...] = ()
    pictures_decided: str | None = None
    others: tuple[str, ...] = ()
    joined: str = ""
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing made of a mail.

    Attributes:
        reading: documents, the rest with its fate, the comment, and the verdict.
        header_sha256, body_sha256: hex, of the bytes that were read (K5).
        others: the same of each mail it was joined with, in order.
    """

    reading: Reading
    header_sha256: str
    body_sha256: str
    others: tuple[tuple[str, str], ...] = ()


def prepare_mail(
    mail: Path,
    directory: Path,
    limits: DocumentLimits,
    asked: Asked | None = None,
    watch: Watch | None = None,
) -> Prepared:
    """Decode, recognise and count the documents of a mail.

    Args:
        mail: the mail's file.
        directory: where its documents are written, made when missing.
        limits: what a fax may be made of.
        asked: what is wanted of them; None for nothing in particular.
        watch: keeps the time of each document; None when nobody needs to.

    Raises:
        OSError: the mail cannot be read or a document not be written.
    """
    asked = asked or Asked()
    with contextlib.ExitStack() as stack:
        stored = [_opened(stack, path) for path in (mail, *map(Path, asked.others))]
        hashes = [_hashes(buffer, size) for buffer, size in stored]
        buffer, found = _read(stored, asked)
        reading = _Work(buffer, found, directory, limits, asked, watch or Watch()).reading()
        return Prepared(reading, *hashes[0], tuple(hashes[1:]))


def _opened(stack: contextlib.ExitStack, path: Path) -> Stored:
    """A mail's file as a buffer, while the stack lasts."""
    file = stack.enter_context(path.open("rb"))
    size = os.fstat(file.fileno()).st_size
    if not size:
        return b"", 0  # which cannot be mapped
    return stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), size


def _read(stored: Sequence[Stored], asked: Asked) -> tuple[Buffer, MailReading]:
    """The one mail that the stored ones are, and where its bytes lie."""
    knowledge = PictureKnowledge(frozenset(asked.known_pictures), asked.pictures_decided)
    if asked.joined == "scan":
        readings = [
            read_mail(buffer, size, asked.dialects, knowledge, nested=asked.nested)
            for buffer, size in stored
        ]
        return joining.side_by_side(stored, readings)
    buffer, size = stored[0]
    if asked.joined == "partial":
        try:
            whole = joining.joined(stored)
        except Damaged as damaged:
            found = read_mail(b"", 0)
            return b"", replace(found, damage=_CANNOT_BE_JOINED.format(damaged=damaged))
        buffer, size = whole, whole.size
    found = read_mail(buffer, size, asked.dialects, knowledge, nested=asked.nested)
    return buffer, found if size else replace(found, damage="The mail is empty.")


def _hashes(buffer: Buffer, size: int) -> tuple[str, str]:
    """SHA-256 of a stored mail's header block and of everything behind it."""
    try:
        _, header_size = joining.header_of(buffer, 0, size)
    except Damaged:
        header_size = size  # a mail that is all header
    body = hashlib.sha256()
    for at in range(header_size, size, _PIECE):
        body.update(buffer[at : min(at + _PIECE, size)])
    return hashlib.sha256(buffer[0:header_size]).hexdigest(), body.hexdigest()


def _refused(
    found: MailReading,
    documents: list[Document],
    not_faxed: list[NotFaxed],
    why: str,
    status: str,
) -> Reading:
    verdict = Verdict(Response(554, status, why), "mail")
    return replace(_accepted(found, documents, not_faxed), verdict=verdict)


def _accepted(found: MailReading, documents: list[Document], not_faxed: list[NotFaxed]) -> Reading:
    has_page = any(one.role == PAGE for one in documents)
    return Reading(
        documents=tuple(documents),
        not_faxed=(
            *(one for one in found.not_faxed if not has_page or one.why != TEXT_WHY),
            *not_faxed,
        ),
        comment=found.comment,
        wishes=found.wishes,
        subject=found.subject,
        words=found.words,
        headline=found.headline,
        question=found.question,
        pictures=found.pictures,
    )


def finest(wishes: Iterable[Wish], otherwise: str | None) -> str:
    """The finest resolution that is wished for anywhere: a mail's files serve every number."""
    superfine = any(_SUPERFINE in (wish.key, wish.value.strip().lower()) for wish in wishes)
    return _SUPERFINE if superfine else otherwise or "fine"


class _Work:
    """The documents of one mail, one after the other."""

    def __init__(
        self,
        buffer: Buffer,
        found: MailReading,
        directory: Path,
        limits: DocumentLimits,
        asked: Asked,
        watch: Watch,
    ) -> None:
        self._buffer = buffer
        self._found = found
        self._asked = asked
        self._directory = directory
        self._watch = watch
        self._limits = limits
        self._resends = asked.resends or asks_for_earlier_fax(found.wishes)
        directory.mkdir(mode=0o700, exist_ok=True)
        grid = Grid(finest(found.wishes, asked.resolution), asked.paper)
        room = Room(limits.files, limits.fax_size)
        self._maker = Maker(directory, limits.decoded, grid, watch)
        self._fitter = Fitter(directory, room, grid, watch)
        self._documents: list[Document] = []
        self._not_faxed: list[NotFaxed] = []
        self._is_too_large = False

    def reading(self) -> Reading:
        """Everything about the mail."""
        why = self._told_of_damage() or self._why_not()
        not_faxed = [*self._maker.not_faxed, *self._not_faxed]
        if why:
            status = _TOO_LARGE if self._is_too_large else _UNFIT
            return _refused(self._found, self._documents, not_faxed, why, status)
        return _accepted(self._found, self._documents, not_faxed)

    def _told_of_damage(self) -> str:
        """Why nothing of the mail can be trusted, or nothing; then no part is told as faxed."""
        damage = self._found.damage or ""
        for candidate in self._found.candidates if damage else ():
            self._not_faxed.append(self._fate(candidate, damage))
        return damage

    def _fate(self, candidate: PartRef, why: str) -> NotFaxed:
        size, sha256 = measured(self._buffer, candidate)
        name, kind = candidate.filename or None, candidate.content_type
        return NotFaxed(candidate.part, name, kind, size, sha256, why)

    def _why_not(self) -> str:
        """Prepare every candidate; the first reason why the fax cannot be sent, or nothing."""
        reasons: list[str] = []
        for candidate in self._found.candidates:
            try:
                self._documents += self._made_of(candidate)
            except Refused as refused:
                reasons.append(str(refused))
                self._not_faxed.append(self._fate(candidate, str(refused)))
        reasons += self._maker.refusals
        if not reasons:
            reasons += self._with_text()
        return " ".join(reasons) or self._too_much()

    def _with_text(self) -> Iterator[str]:
        """Put the mail's text before its documents, as a page, where it is wanted (M12, R8)."""
        found, asked = self._found, self._asked
        always = asked.page_always or asks_for_page(found.wishes, asked.dialects)
        alone = not self._documents and not self._resends and not found.question
        if not (always or (asked.page_alone and alone)) or not found.words.strip():
            return
        if alone and is_answer(found.headline):
            yield f"{NO_ANSWER.text}."
            return
        try:
            with self._watch.over("The mail's text"):
                self._documents.insert(0, text_document(found, self._directory, asked.paper))
        except Unprintable as unprintable:
            yield why_unprintable(unprintable.letters)

    def _made_of(self, candidate: PartRef) -> list[Document]:
        source = Source(
            candidate.part, candidate.filename, candidate.content_type, candidate.closed
        )
        return self._maker.documents(source, self._pieces(candidate))

    def _pieces(self, candidate: PartRef) -> Iterator[bytes]:
        """Its decoded bytes; whatever is wrong with them comes up while they are written."""
        yield from contents(self._buffer, candidate)

    def _too_much(self) -> str:
        if not self._documents and not self._resends and not self._found.question:
            return "No attachment to fax was found. Attach the document as a PDF or TIFF."
        if too_many := self._too_many_pages():
            return too_many
        try:
            self._documents = self._fitter.fitted(self._documents)
        except DoesNotFit as error:
            self._is_too_large = True
            return str(error)
        return self._too_many_pages()

    def _too_many_pages(self) -> str:
        counted, most = sum(one.pages or 0 for one in self._documents), self._limits.pages
        self._is_too_large = counted > most
        return f"{counted} pages are more than the {most} of one fax." if counted > most else ""
