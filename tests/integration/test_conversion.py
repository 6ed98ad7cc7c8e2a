"""M9: pictures that Fax.Plus does not take become pages of dots, and bombs never open."""

import base64
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from mail2fax.preparing.documents import DocumentLimits, Prepared, prepare_mail
from mail2fax.preparing.pages import pages_of_tiff
from tests.unit.mails import attached, mail, real_pdf, real_tiff

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
    "AAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABegABAAAAAAAAABgAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAA"
    "AAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34"
    "+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmu"
    "bgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAA"
    "QAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAACBtZGF0AAAAFCgBrxmA9wHgT//0clxf"
    "wv7S5v+c"
)
"""A picture of 64 by 64, black above and white below, from a HEVC encoder."""


def picture(size: tuple[int, int] = (400, 300), mode: str = "L") -> Image.Image:
    """White, with a black rectangle in the upper left quarter."""
    drawn = Image.new("L", size, 255)
    ImageDraw.Draw(drawn).rectangle((0, 0, size[0] // 2, size[1] // 2), fill=0)
    return drawn.convert(mode)


def as_file(kind: str, mode: str = "L", **options: Any) -> bytes:
    """The picture in one format."""
    file = io.BytesIO()
    picture(mode=mode).save(file, kind, **options)
    return file.getvalue()


def prepared(tmp_path: Path, *documents: tuple[bytes, str]) -> Prepared:
    """What becomes of a mail with these attachments, content and name."""
    path = tmp_path / "mail.eml"
    parts = [attached(data, name, "application/octet-stream") for data, name in documents]
    path.write_bytes(mail(*parts))
    return prepare_mail(path, tmp_path / "documents", DocumentLimits())


def why(found: Prepared) -> str:
    """The sentence of a refusal, or nothing."""
    refusal = found.reading.verdict.refusal
    return refusal.text if refusal else ""


def ink(page: Image.Image) -> tuple[float, float]:
    """The share of black in the picture's upper left quarter, and in its lower right one."""
    box = page.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    left, top, right, bottom = box
    whole = page.convert("L")
    quarter = whole.crop((left, top, right, bottom))
    rest = whole.crop((right + 8, bottom + 8, right + 100, bottom + 100))
    return _black(quarter), _black(rest)


def _black(image: Image.Image) -> float:
    counts = image.histogram()
    return counts[0] / max(1, sum(counts))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (as_file("GIF"), "a.gif"),
        (as_file("WEBP", "RGB"), "a.webp"),
        (as_file("WEBP", "RGBA", lossless=True), "b.webp"),
        (as_file("BMP", "RGB"), "a.bmp"),
        (as_file("BMP", "1"), "b.bmp"),
        (as_file("JPEG2000", "RGB"), "a.jp2"),
        (as_file("PCX"), "a.pcx"),
        (as_file("PPM", "RGB"), "a.ppm"),
        (as_file("PPM", "1"), "a.pbm"),
        (as_file("ICO", "RGBA", sizes=[(200, 150)]), "a.ico"),
        (as_file("AVIF", "RGB"), "a.avif"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_picture_becomes_a_page_of_dots(tmp_path: Path, data: bytes, name: str) -> None:
    """M9: Group 4 on the fax's grid, the right way up; size and digest are those of the mail."""
    found = prepared(tmp_path, (data, name))

    assert why(found) == ""
    (document,) = found.reading.documents
    assert document.converted is not None
    assert document.size == len(data)
    assert document.pages == 1
    file = tmp_path / "documents" / document.file
    assert pages_of_tiff(file) == 1
    with Image.open(file) as page:
        assert (page.width, page.info["compression"]) == (1728, "group4")
        assert tuple(round(float(dpi)) for dpi in page.info["dpi"]) == (204, 196)
        quarter, rest = ink(page)
    assert quarter > 0.98
    assert rest == 0
    assert file.stat().st_size == document.converted.size
    assert sorted(path.name for path in file.parent.iterdir()) == [document.file]


def test_heic_becomes_a_page(tmp_path: Path) -> None:
    """M9: what phones send."""
    (document,) = prepared(tmp_path, (HEIC, "IMG_0042.HEIC")).reading.documents

    assert document.content_type == "image/heic"
    assert document.converted is not None
    assert "image/heic" in document.converted.why
    with Image.open(tmp_path / "documents" / document.file) as page:
        assert ink(page)[0] > 0.9


def test_a_camera_held_sideways(tmp_path: Path) -> None:
    """M9: the EXIF orientation is honoured: the ink goes from upper left to upper right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (document,) = prepared(
        tmp_path, (as_file("WEBP", "RGB", exif=exif), "a.webp")
    ).reading.documents

    with Image.open(tmp_path / "documents" / document.file) as page:
        box = page.convert("L").point(lambda value: 255 - value).getbbox()
        assert box is not None
        assert box[0] > 800
        assert box[3] - box[1] > box[2] - box[0]


def test_what_is_transparent_is_paper(tmp_path: Path) -> None:
    """M9: nobody means black by it."""
    nothing = io.BytesIO()
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(nothing, "WEBP", lossless=True)
    (document,) = prepared(tmp_path, (nothing.getvalue(), "a.webp")).reading.documents

    with Image.open(tmp_path / "documents" / document.file) as page:
        assert page.convert("L").getextrema() == (255, 255)


def test_greys_become_dots(tmp_path: Path) -> None:
    """M9: a photo keeps its greys as a share of dots, where a threshold would lose them."""
    grey = io.BytesIO()
    Image.new("L", (800, 800), 136).save(grey, "BMP")
    (document,) = prepared(tmp_path, (grey.getvalue(), "a.bmp")).reading.documents

    with Image.open(tmp_path / "documents" / document.file) as page:
        assert 0.45 < _black(page.convert("L").crop((400, 400, 1200, 1200))) < 0.55


def test_of_a_picture_that_moves_the_first_is_faxed(tmp_path: Path) -> None:
    """M9: and the sender is told."""
    moving = as_file("GIF", save_all=True, append_images=[Image.new("L", (400, 300), 0)])
    (document,) = prepared(tmp_path, (moving, "a.gif")).reading.documents

    assert document.pages == 1
    assert document.converted is not None
    assert "Only the first" in document.converted.why
    with Image.open(tmp_path / "documents" / document.file) as page:
        assert ink(page) == pytest.approx((1.0, 0.0), abs=0.02)


def test_a_long_picture_takes_several_pages(tmp_path: Path) -> None:
    """M9: a screenshot of a conversation stays readable."""
    long = io.BytesIO()
    picture((600, 6000)).save(long, "BMP")
    (document,) = prepared(tmp_path, (long.getvalue(), "a.bmp")).reading.documents

    assert document.pages == pages_of_tiff(tmp_path / "documents" / document.file) > 3


PASS = [
    (real_pdf(2), "a.pdf"), (real_tiff(2), "a.tif"), (as_file("PNG"), "a.png"),
    (as_file("JPEG"), "a.jpg"), (b"{\\rtf1 hello}", "a.rtf"), (b"hello", "a.txt"),
    (as_file("TIFF", "1", compression="group4"), "b.tif"),
    (as_file("TIFF", "1", compression="group3"), "c.tif"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "name"), PASS, ids=[name for _, name in PASS])
def test_what_fax_plus_takes_passes_untouched(tmp_path: Path, data: bytes, name: str) -> None:
    """M9: not a byte is changed."""
    (document,) = prepared(tmp_path, (data, name)).reading.documents

    assert document.converted is None
    assert (tmp_path / "documents" / document.file).read_bytes() == data


def zipped(*entries: tuple[str, bytes]) -> bytes:
    """A ZIP of these."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + b"\0" * 60 + b"\0\0\0\0IEND\xaeB`\x82"


def jpeg(width: int, height: int) -> bytes:
    """A JPEG that declares a size and holds nothing."""
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC0, 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8\xff\xe0\0\x04ab" + frame + b"\xff\xda\0\x02" + b"\xff\xd9"


def gif(width: int, height: int) -> bytes:
    """A GIF whose screen is as large as it says."""
    small = as_file("GIF")
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


def large_tiff() -> bytes:
    """A TIFF whose only page declares 65,535 by 65,535 dots of 24 bits."""
    small = as_file("TIFF", "RGB")
    out = bytearray(small)
    (directory,) = struct.unpack_from("<I", out, 4)
    for entry in range(struct.unpack_from("<H", out, directory)[0]):
        at = directory + 2 + 12 * entry
        if struct.unpack_from("<H", out, at)[0] in (256, 257):
            out[at + 2 : at + 12] = struct.pack("<HII", 4, 1, 65535)
    return bytes(out)


BOMBS = [
    (png(60_000, 60_000), "a.png", "unpacks to 14400 MB"),
    (png(0, 1), "b.png", "it has no picture"),
    (jpeg(65_000, 65_000), "a.jpg", "unpacks to 12675 MB"),
    (jpeg(65_000, 65_000)[:12] + b"\xff\xd9", "b.jpg", "it has no picture"),
    (gif(65_535, 65_535), "a.gif", "has 4295 million pixels"),
    (large_tiff(), "a.tif", "has a page that unpacks to"),
    (real_pdf(1).replace(b"595 842", b"99999 9"), "a.pdf", "larger than any paper"),
    (zipped(("word/document.xml", b" " * 20_000_000)), "a.docx", "times its size"),
    (zipped(*[(f"word/{n}", b" " * 21_000_000) for n in range(10)]), "b.docx", "unpacks to 210 MB"),
    (zipped(*[(f"word/{n}", b"") for n in range(10_001)]), "c.docx", "contradicts its own list"),
    (zipped(("a.pdf", b"x")), "a.zip", "is a packed archive"),
    (zipped(("x/a.bin", b"x" * 5000), ("ppt/presentation.xml", b"")), "a.pptx", "presentation"),
    (zipped(("mimetype", b"application/vnd.oasis.opendocument.text")), "a.odt", "packed archive"),
    (b"<html><body>hello</body></html>", "a.html", "is a web page"),
    (b"%!PS-Adobe-3.0", "a.ps", "is a PostScript file"),
    (HEIC[: len(HEIC) // 2], "a.heic", "is damaged"),
    (as_file("WEBP", "RGB")[:-200], "a.webp", "it cannot be read as a picture"),
    (as_file("BMP", "RGB")[:-200], "a.bmp", "it cannot be read as a picture"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
     + "EncryptedPackage".encode("utf-16-le") + b"\0" * 99, "a.xls", "only with a password"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "name", "sentence"), BOMBS, ids=[name for _, name, _ in BOMBS])
def test_bombs_and_other_kinds_are_refused_by_name(
    tmp_path: Path, data: bytes, name: str, sentence: str
) -> None:
    """M9: by what they declare, before anything unpacks them; and what to do is said."""
    found = prepared(tmp_path, (data, name))

    assert sentence in why(found)
    assert f"\u201c{name}\u201d" in why(found)
    assert found.reading.documents == ()


def test_an_office_document_is_known_by_its_contents(tmp_path: Path) -> None:
    """M3, M9: even when its first entry says nothing."""
    data = zipped(("[Content_Types].xml", b"x" * 9000), ("word/document.xml", b"hello"))
    hidden = zipped(("a.bin", bytes(range(256)) * 40), ("xl/workbook.xml", b"hello"))
    found = prepared(tmp_path, (data, "a"), (hidden, "b"))

    assert [document.filename for document in found.reading.documents] == ["a.docx", "b.xlsx"]
