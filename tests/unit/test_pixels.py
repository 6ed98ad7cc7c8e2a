"""M6: pixel sizes by the first bytes, as Pillow sees them, and of broken beginnings none."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mail2fax.reading.pixels import ENOUGH, pixels_of
from tests.pictures.images import names, picture

PNG, GIF = picture("logo"), picture("logo-gif")


def webp(chunk: bytes, body: bytes) -> bytes:
    """A WebP file's beginning."""
    return b"RIFF\0\0\0\0WEBP" + chunk + b"\0\0\0\0" + body


def heif(*sizes: tuple[int, int]) -> bytes:
    """A HEIF file's beginning with these ispe boxes."""
    boxes = b"".join(b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", *size) for size in sizes)
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\0meta" + boxes


@pytest.mark.parametrize("name", names())
def test_real_pictures_have_the_size_pillow_sees(name: str) -> None:
    """M6: PNG, JPEG also behind 40 KB of EXIF, GIF, BMP, WebP."""
    data = picture(name)

    assert pixels_of(data[:ENOUGH]) == Image.open(io.BytesIO(data)).size


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (webp(b"VP8X", b"\0\0\0\0" + b"\x2b\x01\0" + b"\x63\0\0"), (300, 100)),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 100)), (300, 100)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 99 << 14)), (300, 100)),
        (b"BM" + b"\0" * 12 + struct.pack("<IHH", 12, 30, 40), (30, 40)),
        (b"BM" + b"\0" * 12 + struct.pack("<Iii", 40, 30, -40), (30, 40)),
        (heif((512, 512), (4032, 3024), (320, 240)), (4032, 3024)),
        (b"\xff\xd8\xff\xff\xff\x01\xff\xc0\0\x11\x08\0\x64\x01\x2c\x03", (300, 100)),
    ],
    ids=["VP8X", "VP8", "VP8L", "old bitmap", "top down", "tiles", "fill bytes"],
)
def test_every_form_of_a_header_is_read(head: bytes, size: tuple[int, int]) -> None:
    """M6: the forms Pillow does not write; of a HEIC's sizes the whole picture's."""
    assert pixels_of(head) == size


@pytest.mark.parametrize(
    "head",
    [
        b"", b"%PDF-1.4", PNG[:20], GIF[:8], b"BM\0\0", webp(b"ALPH", b"\0" * 30), heif(),
        b"\xff\xd8\xff\xe1\xff\xff", b"\xff\xd8\xff\xe1\0\x02nothing", PNG[:16] + b"\0" * 8,
        PNG[:12] + b"IDAT" + b"\0" * 20,
    ],
)  # fmt: skip
def test_what_does_not_tell_its_size_has_none(head: bytes) -> None:
    """M6, M8: cut, empty, of no known kind: None, never a guess."""
    assert pixels_of(head) is None


@given(st.sampled_from(["logo", "logo-gif", "logo-jpeg", "scan-webp"]), st.data())
def test_no_bytes_make_it_fail(name: str, data: st.DataObject) -> None:
    """M2: a size or None, whatever the bytes are."""
    head = bytearray(picture(name)[:400])
    for _ in range(4):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    found = pixels_of(bytes(head[: data.draw(st.integers(0, len(head)))]))

    assert found is None or min(found) > 0
