"""How many pages a PDF or TIFF has. Runs in the preparing child only: hostile files come here.

A TIFF's pages are its chain of image file directories (TIFF 6.0 section 2; BigTIFF), walked
without reading any picture; a chain that leaves the file or bites its own tail is damage, not a
smaller document (M8). A PDF is opened by pdfium, from disk.
"""

import struct
from pathlib import Path
from typing import BinaryIO

from mail2fax.errors import Mail2FaxError

_MOST_DIRECTORIES = 10_000
_CLASSIC, _BIG = 42, 43
_OFFSETS, _LENGTHS = frozenset({273, 324}), frozenset({279, 325})  # of strips and tiles
_WIDTHS = {3: "H", 4: "I", 16: "Q"}
_MOST_STRIPS = 100_000


class Damaged(Mail2FaxError):
    """The file is cut, broken or not of its kind."""


class Locked(Mail2FaxError):
    """The file does not open without a password."""


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
    file.seek(offset)
    entries = _number(file, form.count)
    if entries == 0:
        raise Damaged("one of its pages is empty")
    file.seek(offset + form.count.size + entries * form.entry)
    return _number(file, form.offset)


def check_strips(path: Path) -> None:
    """Look whether the picture data of every page lies inside the file (M8).

    Raises:
        Damaged: some of it would lie behind the file's end.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        form, offset = _header(file)
        for _ in range(_MOST_DIRECTORIES):
            if not offset:
                return
            if _last_byte(file, form, offset) > size:
                raise Damaged("it ends before its last page does")
            offset = _next_directory(file, form, offset)


def _last_byte(file: BinaryIO, form: _Form, directory: int) -> int:
    """Where the picture data of one page ends, 0 when it names none."""
    file.seek(directory)
    entries = file.read(form.entry * _number(file, form.count))
    found: dict[str, tuple[int, ...]] = {}
    for at in range(0, len(entries) - form.entry + 1, form.entry):
        tag, kind, count = form.tag.unpack_from(entries, at)
        key = "offsets" if tag in _OFFSETS else "lengths" if tag in _LENGTHS else ""
        if key and kind in _WIDTHS and count <= _MOST_STRIPS:
            value = entries[at + form.tag.size : at + form.entry]
            found[key] = _array(file, form, _WIDTHS[kind], count, value)
    pairs = zip(found.get("offsets", ()), found.get("lengths", ()), strict=False)
    return max((offset + length for offset, length in pairs), default=0)


def _array(file: BinaryIO, form: _Form, width: str, count: int, value: bytes) -> tuple[int, ...]:
    """The numbers of an entry, which stand in it when they fit and elsewhere when not."""
    shape = struct.Struct(f"{form.order}{count}{width}")
    if shape.size > len(value):
        file.seek(form.offset.unpack(value)[0])
        value = file.read(shape.size)
        if len(value) < shape.size:
            raise Damaged("it ends before its last page does")
    return shape.unpack_from(value)


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
    finally:
        document.close()
    if pages == 0:
        raise Damaged("it has no pages")
    return pages
