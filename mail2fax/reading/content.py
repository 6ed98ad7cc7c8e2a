"""What a content is, by its first bytes and not by its label (M3, M9)."""

import re

PDF, TIFF, PNG, JPEG = "application/pdf", "image/tiff", "image/png", "image/jpeg"
TEXT, HTML, TNEF = "text/plain", "text/html", "application/ms-tnef"
_OLE = "application/x-ole-storage"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_OLD_WORD, _OLD_EXCEL = "application/msword", "application/vnd.ms-excel"
_ZIP = "application/zip"

FAXABLE = {
    PDF: ".pdf",
    TIFF: ".tif",
    PNG: ".png",
    JPEG: ".jpg",
    _WORD: ".docx",
    _EXCEL: ".xlsx",
    _OLD_WORD: ".doc",
    _OLD_EXCEL: ".xls",
    "application/rtf": ".rtf",
    TEXT: ".txt",
}
"""Types Fax.Plus takes as they are, each with the extension its name gets."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (b"%!PS", "application/postscript"),
    (b"\x78\x9f\x3e\x22", TNEF),
    (b"PK\x03\x04", _ZIP),
    (b"Rar!", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
)
_IN_ZIP = (
    (b"word/", _WORD),
    (b"xl/", _EXCEL),
    (b"ppt/", _SLIDES),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "application/vnd.oasis.opendocument"),
)
_HTML = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_BRANDS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"avif"}
_OFFICE_BY_NAME = {".doc": _OLD_WORD, ".xls": _OLD_EXCEL}
_PDF_WITHIN = 1024
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(head: bytes, filename: str = "") -> str | None:
    """The content type of what begins so; None for what has no signature.

    Args:
        head: the first bytes, decoded; a few KB.
        filename: tells Word from Excel in the container both use, and text from data.
    """
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    for signature, content_type in _SIGNATURES:
        if head.startswith(signature):
            return _inside(content_type, head, filename)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return "image/heic"
    return HTML if _HTML.match(head) else None


def _inside(content_type: str, head: bytes, filename: str) -> str:
    """Containers hold several kinds: by the names in them, or by their own name."""
    if content_type == _ZIP:
        return next((found for mark, found in _IN_ZIP if mark in head), _ZIP)
    if content_type == _OLE:
        return _OFFICE_BY_NAME.get(extension(filename), _OLE)
    return content_type


def extension(filename: str) -> str:
    """A name's extension with its dot, in lower case; empty without one."""
    dot = filename.rfind(".")
    return filename[dot:].lower() if dot > 0 and len(filename) - dot <= 6 else ""  # noqa: PLR2004 - .jpeg, .xhtml


def looks_like_text(head: bytes) -> bool:
    """Whether nothing in it can only be data."""
    return bool(head.strip()) and not _BINARY.search(head)


def is_complete(content_type: str, tail: bytes) -> bool | None:
    """Whether a content that ends so is whole by its own format (M8); None if it cannot tell.

    Args:
        content_type: as `sniff` says.
        tail: its last bytes, decoded.
    """
    ends = {
        PDF: b"%%EOF" in tail[-1024:],
        PNG: b"IEND" in tail[-16:],
        JPEG: b"\xff\xd9" in tail[-64:],
        _WORD: b"PK\x05\x06" in tail,
        _EXCEL: b"PK\x05\x06" in tail,
        "application/rtf": tail.rstrip(b"\0\r\n \t").endswith(b"}"),
        _OLD_WORD: None,
        _OLD_EXCEL: None,
        TIFF: None,
    }
    return ends.get(content_type, False)
