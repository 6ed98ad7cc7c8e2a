"""What a document says of itself before anything opens it: bombs, locks, its true kind (M9).

Only what is declared is read: the header of a picture, a TIFF's directories, the list of
contents at the end of a ZIP. Whoever unpacks the document later believes those numbers too.
"""

import mmap
import struct
import zipfile
from pathlib import Path

from mail2fax.preparing.pages import Damaged, Locked, TooLarge
from mail2fax.reading import content

_MOST_UNPACKED = 200_000_000
_MOST_RATIO = 100
_SMALL = 10_000_000
_MOST_ENTRIES = 10_000
_PNG_COLOURS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_MARK, _START_OF_SCAN = 0xFF, 0xDA
_MAIN_PARTS = (
    ("word/document", content.WORD),
    ("xl/workbook", content.EXCEL),
    ("ppt/presentation", content.SLIDES),
)
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def inspect(path: Path, content_type: str) -> None:
    """Look for what must not be passed on.

    Raises:
        Damaged: it contradicts its own format.
        Locked: it opens only with a password.
        TooLarge: unpacked it would be larger than any page.
    """
    if content_type == content.PNG:
        _check_unpacked(_size_of_png(path))
    elif content_type == content.JPEG:
        _check_unpacked(_size_of_jpeg(path))
    elif content_type in (content.WORD, content.EXCEL):
        _list_of(path)
    elif content_type in content.OLD_OFFICE and _holds(path, _ENCRYPTED):
        raise Locked("it opens only with a password")


def kind_in_zip(path: Path) -> str | None:
    """Which Office document a ZIP is, by the names in it; None when it is none.

    Raises:
        Damaged: its list of contents cannot be read.
        TooLarge: it would unpack to more than any document needs.
    """
    names = {entry.filename for entry in _list_of(path)}
    found = (kind for start, kind in _MAIN_PARTS if any(name.startswith(start) for name in names))
    return next(found, None)


def _list_of(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:
        raise Damaged("its list of contents cannot be read") from error
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if len(entries) > _MOST_ENTRIES or packed > path.stat().st_size:
        raise TooLarge("contradicts its own list of contents. Save it as a PDF and send that.")
    _check_unpacked(unpacked)
    if unpacked > _SMALL and unpacked > _MOST_RATIO * packed:
        raise TooLarge(f"unpacks to {unpacked / packed:.0f} times its size. Send it as a PDF.")
    return entries


def _check_unpacked(size: int) -> None:
    if size > _MOST_UNPACKED:
        raise TooLarge(
            f"unpacks to {size / 1e6:.0f} MB, more than the {_MOST_UNPACKED / 1e6:.0f} MB that a "
            "document may have. Send it smaller."
        )


def _holds(path: Path, mark: bytes) -> bool:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return data.find(mark) >= 0


def _size_of_png(path: Path) -> int:
    """Bytes of the picture a PNG declares (W3C PNG section 11.2.1)."""
    with path.open("rb") as file:
        header = file.read(26)
    if header[12:16] != b"IHDR" or len(header) < 26:  # noqa: PLR2004 - the length asked for
        raise Damaged("it has no picture")
    width, height, depth, colour = struct.unpack(">IIBB", header[16:26])
    if not width or not height or colour not in _PNG_COLOURS:
        raise Damaged("it has no picture")
    return int(width * height * depth * _PNG_COLOURS[colour] // 8)


def _size_of_jpeg(path: Path) -> int:
    """Bytes of the picture a JPEG declares (ITU-T T.81 section B.2.2)."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        at = 2
        while at + 9 < len(data):
            marker = data[at + 1]
            if data[at] != _MARK or marker == _MARK:  # junk or a fill byte between two segments
                at += 1
            elif marker in _WITHOUT_LENGTH:
                at += 2
            elif marker in _FRAME_HEADERS:
                height, width, planes = struct.unpack_from(">HHB", data, at + 5)
                return int(height * width * planes)
            elif marker == _START_OF_SCAN:
                break
            else:
                at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    raise Damaged("it has no picture")
