"""How many pages a PDF or TIFF has. Runs in the preparing child only: hostile files come here.

A TIFF's pages are its chain of image file directories (TIFF 6.0 section 2; BigTIFF), walked
without reading any picture; a chain that leaves the file or bites its own tail is damage, not a
smaller document (M8). A PDF is opened by pdfium, from disk.
"""

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

from mail2fax.errors import Mail2FaxError

_MOST_DIRECTORIES = 10_000
_CLASSIC, _BIG = 42, 43
_OFFSETS, _LENGTHS = frozenset({273, 324}), frozenset({279, 325})  # of strips and tiles
_WIDTHS = {3: "H", 4: "I", 16: "Q"}
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_STRIPS = 100_000
_MOST_FIELDS = 10_000
_WIDTH, _HEIGHT, _BITS, _SAMPLES = 256, 257, 258, 277
_TOLD = _OFFSETS | _LENGTHS | {_WIDTH, _HEIGHT, _BITS, _SAMPLES}
_MOST_UNPACKED = 200_000_000
_MOST_LOOKED_AT = 1000
_LONGEST_SIDE = 14_400  # points: 200 inches, the largest page PDF readers open


class Damaged(Mail2FaxError):
    """The file is cut, broken or not of its kind."""


class Locked(Mail2FaxError):
    """The file does not open without a password."""


class TooLarge(Mail2FaxError):
    """Opening the file would take more than any document needs; how much, and what to do."""


def pages_of_tiff(path: Path) -> int:
    """Pages of a TIFF file.

    Raises:
        Damaged: it has no directory, or its chain of directories is broken.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        form, offset = _header(file)
        seen: set[int] = set()
        while offset:
            if offset in seen or len(seen) >= _MOST_DIRECTORIES:
                raise Damaged("its list of pages runs in a circle")
            if offset >= size:
                raise Damaged("it ends before its last page")
            seen.add(offset)
            offset = _next_directory(file, form, offset)
        if not seen:
            raise Damaged("it has no pages")
        return len(seen)


class _Form:
    """How a TIFF's numbers are written: byte order and width."""

    def __init__(self, order: str, *, big: bool) -> None:
        self.order = order
        self.tag = struct.Struct(order + "HH" + ("Q" if big else "I"))
        self.count = struct.Struct(order + ("Q" if big else "H"))
        self.offset = struct.Struct(order + ("Q" if big else "I"))
        self.entry = 20 if big else 12


def _header(file: BinaryIO) -> tuple[_Form, int]:
    start = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None or len(start) < 8:  # noqa: PLR2004 - the length just asked for
        raise Damaged("it is not a TIFF file")
    kind, low = struct.unpack(order + "HI", start[2:])
    if kind == _CLASSIC:
        return _Form(order, big=False), low
    if kind != _BIG:
        raise Damaged("it is not a TIFF file")
    form = _Form(order, big=True)
    return form, _number(file, form.offset)


def _next_directory(file: BinaryIO, form: _Form, offset: int) -> int:
    """Where the directory after the one at ``offset`` begins, 0 after the last."""
    _seek(file, offset)
    entries = _number(file, form.count)
    if entries == 0:
        raise Damaged("one of its pages is empty")
    _seek(file, offset + form.count.size + entries * form.entry)
    return _number(file, form.offset)


def check_strips(path: Path) -> None:
    """Look whether every page's picture lies inside the file (M8) and can be unpacked (M9).

    Raises:
        Damaged: some of it would lie behind the file's end.
        TooLarge: it would need more memory than any page does.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        form, offset = _header(file)
        for _ in range(_MOST_DIRECTORIES):
            if not offset:
                return
            fields = _fields(file, form, offset)
            if _last_byte(fields) > size:
                raise Damaged("it ends before its last page does")
            _check_unpacked(fields)
            offset = _next_directory(file, form, offset)


def check_values(path: Path) -> None:
    """Look whether everything that the directories point to lies inside the file (M8).

    Resolution and the like often stand behind the last picture: without them a file that was
    cut there looks whole. Only asked where nothing marked the file's end, because some programs
    write fields of their own that point nowhere.

    Raises:
        Damaged: something would lie behind the file's end.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        form, offset = _header(file)
        for _ in range(_MOST_DIRECTORIES):
            if not offset:
                return
            if _last_value(file, form, offset) > size:
                raise Damaged("it ends before its last page does")
            offset = _next_directory(file, form, offset)


def _last_value(file: BinaryIO, form: _Form, directory: int) -> int:
    """Where the last value of a directory ends that does not stand in it, 0 when all do."""
    _seek(file, directory)
    entries = file.read(form.entry * min(_number(file, form.count), _MOST_FIELDS))
    last = 0
    for at in range(0, len(entries) - form.entry + 1, form.entry):
        _, kind, count = form.tag.unpack_from(entries, at)
        length = _SIZES.get(kind, 1) * count
        if length > form.offset.size:
            last = max(last, form.offset.unpack_from(entries, at + form.tag.size)[0] + length)
    return last


def _fields(file: BinaryIO, form: _Form, directory: int) -> dict[int, tuple[int, ...]]:
    """The numbers that one page's directory says of its picture, by tag."""
    _seek(file, directory)
    entries = file.read(form.entry * min(_number(file, form.count), _MOST_FIELDS))
    found: dict[int, tuple[int, ...]] = {}
    for at in range(0, len(entries) - form.entry + 1, form.entry):
        tag, kind, count = form.tag.unpack_from(entries, at)
        if tag in _TOLD and kind in _WIDTHS and count <= _MOST_STRIPS:
            value = entries[at + form.tag.size : at + form.entry]
            found[tag] = _array(file, form, _WIDTHS[kind], count, value)
    return found


def _last_byte(fields: dict[int, tuple[int, ...]]) -> int:
    """Where the picture data of one page ends, 0 when it names none."""
    offsets = next((fields[tag] for tag in _OFFSETS if tag in fields), ())
    lengths = next((fields[tag] for tag in _LENGTHS if tag in fields), ())
    pairs = zip(offsets, lengths, strict=False)
    return max((offset + length for offset, length in pairs), default=0)


def _check_unpacked(fields: dict[int, tuple[int, ...]]) -> None:
    width, height, bits, samples = (
        max(fields.get(tag) or (1,)) for tag in (_WIDTH, _HEIGHT, _BITS, _SAMPLES)
    )
    unpacked = width * height * bits * samples // 8
    if unpacked > _MOST_UNPACKED:
        raise TooLarge(
            f"has a page that unpacks to {unpacked / 1e6:.0f} MB, more than the "
            f"{_MOST_UNPACKED / 1e6:.0f} MB that one may have. Scan it smaller."
        )


def _array(file: BinaryIO, form: _Form, width: str, count: int, value: bytes) -> tuple[int, ...]:
    """The numbers of an entry, which stand in it when they fit and elsewhere when not."""
    shape = struct.Struct(f"{form.order}{count}{width}")
    if shape.size > len(value):
        _seek(file, form.offset.unpack(value)[0])
        value = file.read(shape.size)
        if len(value) < shape.size:
            raise Damaged("it ends before its last page does")
    return shape.unpack_from(value)


def _seek(file: BinaryIO, offset: int) -> None:
    if offset > os.fstat(file.fileno()).st_size:
        raise Damaged("it ends before its last page")
    file.seek(offset)


def _number(file: BinaryIO, form: struct.Struct) -> int:
    data = file.read(form.size)
    if len(data) < form.size:
        raise Damaged("it ends before its last page")
    value: int = form.unpack(data)[0]
    return value


def pages_of_pdf(path: Path) -> int:
    """Pages of a PDF file.

    Raises:
        Locked: it needs a password.
        Damaged: it does not open, or has no pages.
        TooLarge: one of its first pages is larger than any paper.
    """
    import pypdfium2  # noqa: PLC0415 - 60 ms and a native library, only where a PDF is

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Locked("it opens only with a password") from error
        raise Damaged("it is not a complete PDF file") from error
    try:
        pages = len(document)
        if pages == 0:
            raise Damaged("it has no pages")
        sides = [_longest_side(document, number) for number in range(min(pages, _MOST_LOOKED_AT))]
    finally:
        document.close()
    if max(sides) > _LONGEST_SIDE:
        raise TooLarge("has a page larger than any paper. Print it to a PDF in A4 or Letter.")
    return pages


def _longest_side(document: Any, page: int) -> float:
    """In points; 0 of a page that does not say."""
    import pypdfium2  # noqa: PLC0415 - as above

    try:
        return float(max(document.get_page_size(page)))
    except pypdfium2.PdfiumError:
        return 0.0
