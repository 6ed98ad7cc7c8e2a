"""The first gate: reasons to refuse a mail, found while it arrives (M0, R7).

One forward pass in constant memory. What it cannot know (damage, pages, passwords) is the
second gate's, which answers by mail. In the same pass each byte is hashed once: the top header
and the rest apart, so that preparing can vouch for both (K5), and the mail's digest leaves out
what servers on the way rewrite (L9).
"""

import hashlib
from dataclasses import dataclass

from mail2fax.reading import content, pictures
from mail2fax.reading.bodies import body_lines
from mail2fax.reading.body_text import as_text
from mail2fax.reading.charsets import in_charset
from mail2fax.reading.decoding import decoded_head, decoded_tail
from mail2fax.reading.headers import Headers
from mail2fax.reading.options import marks
from mail2fax.reading.parts import (
    MAIL_WHY,
    Purpose,
    Use,
    headline_of,
    is_encrypted,
    is_hop_field,
    use_of,
)
from mail2fax.reading.pixels import pixels_of
from mail2fax.reading.series import PARTIAL, partial_of
from mail2fax.reading.structure import Part, StructureScanner
from mail2fax.values import Headline, Response, SeriesPart, Verdict, Wish

OUR_MARK = "x-mail2fax-reference"
"""The header field of our own replies (W8: no loops)."""

_MOST_HOPS = 50
_AUTOMATIC = frozenset({"auto-replied", "auto-notified"})
_OF_PROGRAMS = (
    "list-id",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-fc-machinegenerated",
)
_NOT_BY_HAND = frozenset({"bulk", "junk", "list", "auto_reply"})
_NO_DOCUMENT = (
    "No attachment to fax was found. Attach the document as a PDF or TIFF and send it again"
)
_ONLY_MAIL = f"Nothing but a mail is attached. {MAIL_WHY[:-1]} and send it again"
_ENCRYPTED = "The mail is encrypted, so its documents cannot be read. Send it unencrypted"
_NO_SERIES = "The mail is a part of a split mail and does not say which. Send the whole in one mail"
_CUT = "The mail is cut: its last boundary is missing. Send it again"


@dataclass(frozen=True, slots=True)
class GateReading:
    """What the first gate found.

    Attributes:
        verdict: the refusal on the line, or none.
        loop: the refusal of what goes round in circles; it holds for every mail (W8, L10).
        no_document: the refusal of a mail that nothing is attached to; it is none when the mail
            asks for an earlier fax, which only its rule can tell.
        wishes: options in its headers; those of its first lines too, as far as its first 4 KB
            show them, to be understood when the mail is prepared.
        headline: of the top header.
        header_sha256, body_sha256: hex, of the top header block and of everything behind it.
        digest: hex, of the mail without the fields that hops rewrite (L9).
        size: bytes of the whole mail.
        series: which of several it is by its own word, None when it is one of its own (M5).
        filenames: of the parts that may be documents.
        is_automatic: whether no person wrote it just now; it may be faxed, and is no answer.
    """

    verdict: Verdict
    loop: Response | None
    no_document: Response | None
    wishes: tuple[Wish, ...]
    headline: Headline
    header_sha256: str
    body_sha256: str
    digest: str
    size: int
    series: SeriesPart | None = None
    filenames: tuple[str, ...] = ()
    is_automatic: bool = False


class Gate:
    """Takes a mail as it arrives, in any chunks: `feed`, then `finish` once.

    Args:
        nested: whether documents of mails inside the mail are faxed (M5).
    """

    def __init__(self, *, nested: bool = False) -> None:
        self._nested = nested
        self._scanner = StructureScanner()
        self._header_hash = hashlib.sha256()
        self._body_hash = hashlib.sha256()
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        known = self._scanner.header_size
        self._scanner.feed(chunk)
        if known is None:
            self._hash_header(chunk)
        else:
            self._body_hash.update(chunk)
        self._size += len(chunk)

    def _hash_header(self, chunk: bytes) -> None:
        """A chunk that may hold the end of the header."""
        header_size = self._scanner.header_size
        split = len(chunk) if header_size is None else header_size - self._size
        self._header_hash.update(chunk[:split])
        self._body_hash.update(chunk[split:])

    def finish(self) -> GateReading:
        """The mail is over: what the gate says."""
        self._scanner.close()
        headers = self._scanner.top
        leaves = [
            (part, use_of(part, nested=self._nested))
            for part in self._scanner.parts
            if not part.is_multipart
        ]
        loop = _loop(headers)
        refusal = loop or _refusal(self._scanner, headers, nested=self._nested)
        body_sha256 = self._body_hash.hexdigest()
        return GateReading(
            verdict=Verdict(refusal, "line" if refusal else None),
            loop=loop,
            no_document=_no_document(self._scanner, leaves),
            wishes=(*marks.in_headers(headers.fields), *_first_lines(leaves)),
            headline=headline_of(headers),
            header_sha256=self._header_hash.hexdigest(),
            body_sha256=body_sha256,
            digest=_digest(headers, body_sha256),
            size=self._size,
            series=_series(self._scanner),
            filenames=_filenames(leaves),
            is_automatic=_is_automatic(headers),
        )


def _digest(headers: Headers, body_sha256: str) -> str:
    digest = hashlib.sha256()
    for field in headers.fields:
        if not is_hop_field(field.name):
            digest.update(field.raw)
    digest.update(body_sha256.encode())
    return digest.hexdigest()


def _loop(headers: Headers) -> Response | None:
    if headers.count("received") > _MOST_HOPS:
        return Response(554, "5.4.6", "The mail has been through too many servers: a loop")
    if headers.count(OUR_MARK):
        return Response(550, "5.7.1", "An answer of this fax service is not faxed")
    return None


def _refusal(scanner: StructureScanner, headers: Headers, *, nested: bool) -> Response | None:
    if (reason := _automatic(scanner, headers)) is not None:
        return Response(550, "5.7.1", f"{reason} is not faxed")
    if scanner.problem is not None:
        text = f"The mail cannot be read: {scanner.problem}. Attach the documents to a plain mail"
        return Response(554, "5.6.0", text)
    if any(is_encrypted(part) for part in scanner.parts if nested or not part.is_in_mail):
        return Response(554, "5.6.0", _ENCRYPTED)
    return _damage(scanner)


def _damage(scanner: StructureScanner) -> Response | None:
    """What is missing of the mail, as far as the line can tell."""
    if scanner.unclosed and not may_be_complete(scanner.parts[-1]):
        return Response(554, "5.6.0", _CUT)
    if scanner.parts[0].content_type == PARTIAL and _series(scanner) is None:
        return Response(554, "5.6.0", _NO_SERIES)
    return None


def _series(scanner: StructureScanner) -> SeriesPart | None:
    """Which of several the whole mail says it is."""
    whole = scanner.parts[0] if scanner.parts else None
    return partial_of(whole) if whole and whole.content_type == PARTIAL else None


def _filenames(leaves: list[tuple[Part, Use]]) -> tuple[str, ...]:
    wanted = (Purpose.DOCUMENT, Purpose.PICTURE)
    return tuple(use.filename for _, use in leaves if use.purpose in wanted and use.filename)


def _automatic(scanner: StructureScanner, headers: Headers) -> str | None:
    """Which kind of automatic mail it is that nobody meant to be faxed (R9)."""
    if headers.parameters("auto-submitted")[0] in _AUTOMATIC:
        return "An automatic answer"
    if headers.count("x-ms-journal-report"):
        return "A journal report"
    if scanner.parts and scanner.parts[0].content_type == "multipart/report":
        return "A delivery report"
    return None


def _is_automatic(headers: Headers) -> bool:
    """Whether a program wrote it: RFC 3834, and what programs of old write instead."""
    submitted = headers.parameters("auto-submitted")[0]
    if submitted not in ("", "no") or any(headers.count(name) for name in _OF_PROGRAMS):
        return True
    return headers.word("precedence") in _NOT_BY_HAND


def _no_document(scanner: StructureScanner, leaves: list[tuple[Part, Use]]) -> Response | None:
    if _series(scanner) is not None:
        return None
    in_text = any(part.holds_files for part in (*(part for part, _ in leaves), *scanner.between))
    shown = _shown(leaves)
    if in_text or any(_may_be_document(part, use, shown) for part, use in leaves):
        return None
    brings_mail = any(use.why == MAIL_WHY for _, use in leaves)
    return Response(554, "5.6.0", _ONLY_MAIL if brings_mail else _NO_DOCUMENT)


def _first_lines(leaves: list[tuple[Part, Use]]) -> tuple[Wish, ...]:
    """The wishes at the top of the first part, if it is the mail's text."""
    if not leaves or leaves[0][1].purpose is not Purpose.TEXT:
        return ()
    part, use = leaves[0]
    raw = decoded_head(part.head, use.encoding)
    return marks.in_text(as_text(body_lines(raw, part))).wishes


def _shown(leaves: list[tuple[Part, Use]]) -> frozenset[str]:
    """What the first and last kilobytes of the HTML texts show."""
    shown: frozenset[str] = frozenset()
    for part, use in leaves:
        if use.purpose is Purpose.TEXT and content.HTML in (part.content_type, use.content_type):
            for piece in (decoded_head(part.head, use.encoding), _end(part, use.encoding)):
                shown |= pictures.shown_in(in_charset(piece, part.parameters.get("charset", "")))
    return shown


def _end(part: Part, encoding: str) -> bytes:
    """The last kilobytes of a text."""
    if encoding == "quoted-printable":
        return decoded_head(part.tail, encoding, len(part.tail))
    return decoded_tail(part.tail, encoding)


def _may_be_document(part: Part, use: Use, shown: frozenset[str]) -> bool:
    """Whether nothing that is known on the line says that a part is none."""
    if use.purpose is not Purpose.PICTURE:
        return use.purpose is Purpose.DOCUMENT
    headers = part.headers
    own = pictures.references_to(headers.text("content-id"), headers.text("content-location"))
    head = decoded_head(part.head, use.encoding)
    size = part.size * 3 // 4 if use.encoding == "base64" else part.size
    picture = pictures.Picture(use.filename, size, pixels_of(head), bool(own & shown))
    return pictures.fate_of(picture) is not pictures.Fate.BODY


def may_be_complete(part: Part) -> bool:
    """Whether a part that no boundary ended may be whole by its own format (M8)."""
    if part.is_multipart:
        return False
    encoding = part.headers.word("content-transfer-encoding")
    found = content.sniff(decoded_head(part.head, encoding))
    if found is None:
        return False
    return content.is_complete(found, decoded_tail(part.tail, encoding)) is not False
