"""M8, M9: pages are counted, and a broken chain of pages is damage."""

import struct
from pathlib import Path

import pytest

from mail2fax.preparing.pages import (
    Damaged,
    check_strips,
    check_values,
    pages_of_pdf,
    pages_of_tiff,
)


def tiff(order: str, pages: int, *, big: bool = False, last: int = 0) -> bytes:
    """A TIFF of so many one-entry directories; ``last`` is what the last one points to."""
    count, offset = (order + "Q", order + "Q") if big else (order + "H", order + "I")
    mark = b"II" if order == "<" else b"MM"
    head = 16 if big else 8
    length = struct.calcsize(count) + (20 if big else 12) + struct.calcsize(offset)
    data = mark + (
        struct.pack(order + "HHHQ", 43, 8, 0, head) if big else struct.pack(order + "HI", 42, head)
    )
    for page in range(1, pages + 1):
        following = last if page == pages else head + page * length
        entry = bytes(20 if big else 12)
        data += struct.pack(count, 1) + entry + struct.pack(offset, following)
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("pages", [1, 2, 7])
def test_a_tiffs_directories_are_its_pages(
    tmp_path: Path, order: str, pages: int, *, big: bool
) -> None:
    """M9: both byte orders, classic and BigTIFF."""
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(order, pages, big=big))

    assert pages_of_tiff(path) == pages


def test_a_tiff_cut_at_any_byte_is_damaged(tmp_path: Path) -> None:
    """M8: never a shorter document."""
    whole = tiff("<", 3)
    path = tmp_path / "a.tif"
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(Damaged):
            pages_of_tiff(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tiff("<", 2, last=8), "circle"),
        (tiff("<", 2, last=9999), "ends before"),
        (b"II*\0\0\0\0\0", "no pages"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "empty"),
        (b"II\x2c\0\x08\0\0\0", "not a TIFF"),
        (b"%PDF-1.4", "not a TIFF"),
        (b"", "not a TIFF"),
    ],
)
def test_a_broken_tiff_says_how(tmp_path: Path, data: bytes, says: str) -> None:
    """M8: the reason is words for a person."""
    path = tmp_path / "a.tif"
    path.write_bytes(data)

    with pytest.raises(Damaged, match=says):
        pages_of_tiff(path)


def test_what_is_no_pdf_is_damaged(tmp_path: Path) -> None:
    """M8: an empty file and a cut one do not open."""
    path = tmp_path / "a.pdf"
    for data in (b"", b"%PDF-1.4\n1 0 obj\n"):
        path.write_bytes(data)
        with pytest.raises(Damaged):
            pages_of_pdf(path)


@pytest.mark.parametrize("count", [2**63, 2**64 - 1])
def test_a_number_that_no_file_can_hold_is_damage(tmp_path: Path, count: int) -> None:
    """M2, M9: BigTIFF has numbers of eight bytes, which no seek and no read takes."""
    path = tmp_path / "big.tif"
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
    path.write_bytes(header + struct.pack("<Q", count) + b"\0" * 40)

    for look in (pages_of_tiff, check_strips):
        with pytest.raises(Damaged):
            look(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_value_behind_the_last_picture_belongs_to_the_file(
    tmp_path: Path, order: str, *, big: bool
) -> None:
    """M8: without its resolution a TIFF would be drawn at another height."""
    data = bytearray(tiff(order, 1, big=big))
    at = (16 if big else 8) + (8 if big else 2)
    shape = order + ("HHQQ" if big else "HHII")
    count, size = (2, 16) if big else (1, 8)
    data[at : at + struct.calcsize(shape)] = struct.pack(shape, 282, 5, count, len(data))
    path = tmp_path / "a.tif"
    whole = bytes(data) + bytes(size)
    path.write_bytes(whole)
    check_values(path)
    for cut in range(len(data), len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(Damaged):
            check_values(path)
