"""How many pixels a picture has, by its first bytes, without opening it (M6).

Sizes stand in the headers of PNG (ISO 15948 11.2.2), JPEG (ITU-T T.81 B.2.2), GIF, BMP, WebP
(RFC 9649) and HEIF (ISO 23008-12 6.5.3). A JPEG's may lie behind tens of kilobytes of EXIF.
"""

import struct
from collections.abc import Callable

ENOUGH = 1 << 18
"""So many first bytes tell the size of nearly every picture."""

Pixels = tuple[int, int]

_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})
_FRAMES = range(0xC0, 0xD0)
_OLD_BITMAP = 12
_MOST_BOXES = 64


def pixels_of(head: bytes) -> Pixels | None:
    """Width and height of the picture that begins so.

    Args:
        head: its first decoded bytes, up to `ENOUGH`.

    Returns:
        None when it is no picture of a known kind, or its size lies further on.
    """
    for begins, read in _READERS:
        if head.startswith(begins):
            return _sane(read, head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _sane(_webp, head)
    return _sane(_heif, head) if head[4:8] == b"ftyp" else None


def _sane(read: Callable[[bytes], Pixels | None], head: bytes) -> Pixels | None:
    try:
        found = read(head)
    except (struct.error, IndexError):
        return None  # it ends before its size does
    return found if found and min(found) > 0 else None


def _png(head: bytes) -> Pixels | None:
    if head[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(head: bytes) -> Pixels | None:
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _bmp(head: bytes) -> Pixels | None:
    if struct.unpack_from("<I", head, 14)[0] == _OLD_BITMAP:
        width, height = struct.unpack_from("<HH", head, 18)
    else:
        width, height = struct.unpack_from("<ii", head, 18)
    return abs(width), abs(height)


def _jpeg(head: bytes) -> Pixels | None:
    """The size in the first frame header; what lies before it is stepped over."""
    at = 2
    while True:
        while head[at] == 0xFF and head[at + 1] == 0xFF:  # noqa: PLR2004 - fill bytes (B.1.1.2)
            at += 1
        mark, kind = head[at], head[at + 1]
        if mark != 0xFF:  # noqa: PLR2004 - no marker where one must be
            return None
        if kind in _FRAMES and kind not in _NO_FRAME:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 if kind in _NO_LENGTH else 2 + struct.unpack_from(">H", head, at + 2)[0]


def _webp(head: bytes) -> Pixels | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return (_u24(head, 24) + 1, _u24(head, 27) + 1)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _u24(head: bytes, at: int) -> int:
    return head[at] | head[at + 1] << 8 | head[at + 2] << 16


def _heif(head: bytes) -> Pixels | None:
    """The largest size it names: the others are its thumbnail's and its tiles'."""
    found: list[Pixels] = []
    at = head.find(b"ispe")
    while at >= 0 and len(found) < _MOST_BOXES:
        found.append(struct.unpack_from(">II", head, at + 8))
        at = head.find(b"ispe", at + 4)
    return max(found, key=lambda size: size[0] * size[1], default=None)


_READERS: tuple[tuple[bytes, Callable[[bytes], Pixels | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"GIF8", _gif),
    (b"BM", _bmp),
)
