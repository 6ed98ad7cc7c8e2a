"""What each part of a mail is for: a document, the mail's text, or neither, and why (M3, M6, M7).

The first gate asks it of a mail that passes by, the reader of one that lies on disk; both know
the part's header and its first 4 KB.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mail2fax.reading import content
from mail2fax.reading.author import only_mailbox
from mail2fax.reading.charsets import in_charset
from mail2fax.reading.decoding import decoded_head
from mail2fax.reading.headers import Headers, addresses
from mail2fax.reading.structure import AS_IT_STANDS, Part
from mail2fax.values import Headline

_TEXT_TYPES = frozenset({content.TEXT, content.HTML})
MAIL_WHY = "A mail inside the mail is not faxed. Attach its documents themselves."
_NOT_DOCUMENTS = {
    "message/rfc822": MAIL_WHY,
    "message/global": MAIL_WHY,
    "text/calendar": "A calendar entry is not faxed.",
    "text/vcard": "A contact card is not faxed.",
    "text/x-vcard": "A contact card is not faxed.",
    "application/pgp-signature": "A digital signature is not faxed.",
    "application/pgp-keys": "A public key is not faxed.",
    "application/pkcs7-signature": "A digital signature is not faxed.",
    "application/x-pkcs7-signature": "A digital signature is not faxed.",
    "message/delivery-status": "A delivery report is not faxed.",
    "message/disposition-notification": "A read receipt is not faxed.",
    "text/rfc822-headers": "A delivery report is not faxed.",
    "message/partial": "A part of a split mail is not faxed. Send it in one mail.",
    "message/external-body": "What is not in the mail cannot be faxed. Attach it.",
    "application/applefile": "Finder's notes about a file are not faxed.",
}
_OPENED_MAIL = "The documents of this mail are faxed, not the mail itself."
_IN_MAIL = "It is part of a mail inside the mail, which is not faxed."
_TEXT_IN_MAIL = "The text of a mail inside the mail is not faxed."
_EMPTY = "An empty part is not faxed."
_HIDDEN_PARTS = re.compile(rb"^--[^\r\n]+\r?\ncontent-", re.IGNORECASE | re.MULTILINE)
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_META_CHARSET = re.compile(
    rb"<meta\s[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_META_WITHIN = 2048
_MADE_UP = "document"
_HOPS = re.compile(
    r"received|return-path|delivered-to|dkim-signature|arc-.*|authentication-results|"
    r"x-ms-.*|x-google-.*",
)


class Purpose(StrEnum):
    """What a part is in the mail."""

    DOCUMENT = "document"
    PICTURE = "picture"  # a document or a part of the text; the whole mail tells (M6)
    TEXT = "text"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Use:
    """What a leaf part is for.

    Attributes:
        purpose: document, picture, the mail's own text, or nothing to be faxed.
        why: for nothing, the sentence the person reads.
        content_type: by content where it can be told, else as labelled.
        filename: decoded; empty when the part has none.
        encoding: Content-Transfer-Encoding in lower case.
    """

    purpose: Purpose
    why: str
    content_type: str
    filename: str
    encoding: str


def use_of(part: Part, *, nested: bool = False) -> Use:
    """What a leaf is for, by its header and its first 4 KB.

    Args:
        part: a leaf, or a mail inside the mail.
        nested: whether documents of mails inside the mail are faxed (M5).
    """
    encoding = part.encoding
    filename = part.headers.parameters("content-disposition")[1].get("filename", "")
    filename = filename or part.parameters.get("name", "")
    found = content.sniff(decoded_head(part.head, encoding), filename)
    purpose, why = _purpose(part, found, filename, nested=nested)
    return Use(purpose, why, found or part.content_type, filename, encoding)


def _purpose(part: Part, found: str | None, filename: str, *, nested: bool) -> tuple[Purpose, str]:
    """Purpose of a part and, for nothing, the reason."""
    label, real = part.content_type, found or part.content_type
    if part.is_mail or (part.is_in_mail and not nested):
        return _purpose_by_mail(part, nested=nested)
    if why := why_no_document(label) or why_no_document(real):
        return Purpose.NOTHING, why
    if found in (None, content.HTML) and _is_own_text(part, filename):
        return (Purpose.NOTHING, _TEXT_IN_MAIL) if part.is_in_mail else (Purpose.TEXT, "")
    if why := _why_nothing(part):
        return Purpose.NOTHING, why
    is_picture = real.startswith("image/") and real != content.TIFF
    return Purpose.PICTURE if is_picture else Purpose.DOCUMENT, ""


def _why_nothing(part: Part) -> str:
    """Why a part that is no text is no document either; empty when it may be one (M7)."""
    if "multipart/report" in part.path and part.content_type != content.PDF:
        return "A delivery report is not faxed."
    if part.content_type.startswith("multipart/") and not part.head.strip():
        return _EMPTY
    return ""


def _purpose_by_mail(part: Part, *, nested: bool) -> tuple[Purpose, str]:
    """What a mail inside the mail, or a part of it, is for."""
    if not part.is_mail:
        return Purpose.NOTHING, _IN_MAIL
    if not nested:
        return Purpose.NOTHING, MAIL_WHY
    is_open = part.children > 0 or part.encoding in AS_IT_STANDS
    return (Purpose.NOTHING, _OPENED_MAIL) if is_open else (Purpose.DOCUMENT, "")


def _is_own_text(part: Part, filename: str) -> bool:
    """Whether a part without a signature of its own is the mail's text.

    GNU mailutils attaches even the first, nameless one, or labels it like the file behind it.
    A multipart in which no boundary line ever came is a text, unless other ones show in it.
    """
    if filename:
        return False
    if part.content_type.startswith("multipart/"):
        return content.looks_like_text(part.head) and not _HIDDEN_PARTS.search(part.head)
    if part.number == "1":
        plain = part.encoding != "base64" and content.looks_like_text(part.head)
        return part.content_type in _TEXT_TYPES or plain
    disposition = part.headers.parameters("content-disposition")[0]
    return part.content_type in _TEXT_TYPES and disposition != "attachment"


def why_no_document(content_type: str) -> str:
    """Why a kind of content is never a document, a sentence (M7); empty when it may be one."""
    return _NOT_DOCUMENTS.get(content_type, "")


def made_up_name(filename: str, content_type: str, ordinal: int) -> str:
    """A name for a document: its own with the right extension, or one by type and order (M3)."""
    wanted = content.FAXABLE.get(content_type, "")
    bare = filename.replace("/", "_").replace("\\", "_").strip(". ")
    if not bare:
        return f"{_MADE_UP}-{ordinal}{wanted}"
    known = {
        wanted,
        ".tiff" if wanted == ".tif" else wanted,
        ".jpeg" if wanted == ".jpg" else wanted,
    }
    return bare if not wanted or content.extension(bare) in known else f"{bare}{wanted}"


def is_encrypted(part: Part) -> bool:
    """Whether only the sender's correspondents could read it (S/MIME, PGP/MIME)."""
    if part.content_type == "multipart/encrypted" or part.content_type in _ENCRYPTED:
        return True
    return decoded_head(part.head, part.encoding).startswith(b"-----BEGIN PGP MESSAGE-----")


def text_of(raw: bytes, part: Part) -> str:
    """Decoded bytes of a text part as text in its charset, for HTML also that of its ``meta``."""
    charset = part.parameters.get("charset", "")
    if not charset and (named := _META_CHARSET.search(raw[:_META_WITHIN])):
        charset = named[1].decode("ascii")
    return in_charset(raw, charset)


def headline_of(headers: Headers) -> Headline:
    """What mail2fax uses of the top header."""
    names: list[tuple[str, str]] = []
    for field in ("to", "cc"):
        names += [(address, name) for address, name in addresses(headers.raw(field)) if name]
    senders = addresses(headers.raw("from"))
    return Headline(
        subject=headers.text("subject"),
        message_id=headers.text("message-id"),
        references=headers.text("references") or headers.text("in-reply-to"),
        from_address=senders[0][0] if senders else "",
        from_name=senders[0][1] if senders else "",
        auto_submitted=headers.parameters("auto-submitted")[0],
        names=tuple(names),
        author=only_mailbox(headers, "from"),
        answer_to=only_mailbox(headers, "reply-to"),
        is_automatic=_is_automatic(headers),
        languages=headers.text("content-language"),
    )


def _is_automatic(headers: Headers) -> bool:
    """Whether nobody wrote it for us: automatic, bulk, or through a list (R9, RFC 3834)."""
    automatic = headers.parameters("auto-submitted")[0] not in ("", "no")
    bulk = headers.word("precedence") in ("bulk", "junk", "list")
    return automatic or bulk or headers.count("list-id") > 0


def is_hop_field(name: str) -> bool:
    """Whether servers on the way write the field, so that it tells nothing of the mail (L9)."""
    return _HOPS.fullmatch(name) is not None
