"""What a content is, by its first bytes and not by its label (M3, M9)."""

import re

PDF, TIFF, PNG, JPEG = "application/pdf", "image/tiff", "image/png", "image/jpeg"
TEXT, HTML, TNEF = "text/plain", "text/html", "application/ms-tnef"
OLE = "application/x-ole-storage"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_OLD_WORD, _OLD_EXCEL = "application/msword", "application/vnd.ms-excel"
OLD_OFFICE = frozenset({_OLD_WORD, _OLD_EXCEL})
ZIP = "application/zip"

FAXABLE = {
    PDF: ".pdf",
    TIFF: ".tif",
    PNG: ".png",
    JPEG: ".jpg",
    WORD: ".docx",
    EXCEL: ".xlsx",
    _OLD_WORD: ".doc",
    _OLD_EXCEL: ".xls",
    "application/rtf": ".rtf",
    TEXT: ".txt",
}
"""Types Fax.Plus takes as they are, each with the extension its name gets."""

GIF, WEBP, BMP, HEIC = "image/gif", "image/webp", "image/bmp", "image/heic"
JPEG_2000, ICON, PCX, DCX = (
    "image/jp2",
    "image/vnd.microsoft.icon",
    "image/vnd.zbrush.pcx",
    "image/x-dcx",
)
NETPBM, PHOTOSHOP = "image/x-portable-anymap", "image/vnd.adobe.photoshop"
PICTURES = frozenset({GIF, WEBP, BMP, HEIC, JPEG_2000, ICON, PCX, DCX, NETPBM, PHOTOSHOP})
"""Pictures Fax.Plus does not take; preparing converts them (M9)."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"\0\0\1\0", ICON),
    (b"\xb1\x68\xde\x3a", DCX),
    (b"8BPS\0\1", PHOTOSHOP),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"%!PS", "application/postscript"),
    (b"\x78\x9f\x3e\x22", TNEF),
    (b"PK\x03\x04", ZIP),
    (b"Rar!", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
)
_IN_ZIP = (
    (b"word/", WORD),
    (b"xl/", EXCEL),
    (b"ppt/", SLIDES),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "application/vnd.oasis.opendocument"),
)
_HTML = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_BRANDS = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"mif2", b"msf1", b"avif"}
)
_BITMAP = re.compile(rb"BM.{8}.{4}[\x0c\x28\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)
_PCX = re.compile(rb"\n[\x00-\x05]\x01[\x01\x02\x04\x08]")
_NETPBM = re.compile(rb"P[1-6]\s(?:#[^\n]{0,200}\n\s{0,9})*\s{0,9}[0-9]{1,9}\s{1,9}[0-9]{1,9}\s")
_PATTERNS = ((_HTML, HTML), (_BITMAP, BMP), (_PCX, PCX), (_NETPBM, NETPBM))
_OFFICE_BY_NAME = {".doc": _OLD_WORD, ".xls": _OLD_EXCEL}
_PDF_WITHIN = 1024
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


_WITH_AN_END = frozenset({PDF, TIFF, PNG, JPEG, WORD, EXCEL})
_ZIP_END = 18  # bytes behind its mark


def sniff(head: bytes, filename: str = "") -> str | None:
    """The content type of what begins so; None for what has no signature.

    Args:
        head: the first bytes, decoded; a few KB.
        filename: tells Word from Excel in the container both use, and text from data.
    """
    for signature, content_type in _SIGNATURES:
        if head.startswith(signature):
            return _inside(content_type, head, filename)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return HEIC
    return next((found for pattern, found in _PATTERNS if pattern.match(head)), None)


def _inside(content_type: str, head: bytes, filename: str) -> str:
    """Containers hold several kinds: by the names in them, or by their own name."""
    if content_type == ZIP:
        return next((found for mark, found in _IN_ZIP if mark in head), ZIP)
    if content_type == OLE:
        return _OFFICE_BY_NAME.get(extension(filename), OLE)
    return content_type


def extension(filename: str) -> str:
    """A name's extension with its dot, in lower case; empty without one."""
    dot = filename.rfind(".")
    return filename[dot:].lower() if dot > 0 and len(filename) - dot <= 6 else ""  # noqa: PLR2004 - .jpeg, .xhtml


def looks_like_text(head: bytes) -> bool:
    """Whether nothing in it can only be data."""
    return bool(head.strip()) and not _BINARY.search(head)


def _has_zip_end(tail: bytes) -> bool:
    """Whether the record that ends a ZIP file stands there with its comment (APPNOTE 4.3.16)."""
    _, mark, end = tail.rpartition(b"PK\x05\x06")
    return bool(mark) and len(end) >= _ZIP_END + int.from_bytes(end[16:18], "little")


def tells_its_end(content_type: str) -> bool:
    """Whether a content of this type shows that something of its end is missing."""
    return content_type in _WITH_AN_END


def is_complete(content_type: str, tail: bytes) -> bool | None:
    """Whether a content that ends so is whole by its own format (M8); None if it cannot tell.

    Args:
        content_type: as `sniff` says.
        tail: its last bytes, decoded.
    """
    ends = {
        PDF: tail.rstrip(b"\0\r\n \t").endswith(b"%%EOF"),  # an earlier one ends an earlier state
        PNG: b"IEND\xaeB`\x82" in tail[-64:],
        JPEG: b"\xff\xd9" in tail[-64:],
        WORD: _has_zip_end(tail),
        EXCEL: _has_zip_end(tail),
        "application/rtf": None,  # every group in it ends like the whole
        _OLD_WORD: None,
        _OLD_EXCEL: None,
        TIFF: None,
        **dict.fromkeys(PICTURES),
    }
    return ends.get(content_type, False)
