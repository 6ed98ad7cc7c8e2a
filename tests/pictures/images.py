"""Small real pictures, the same at every run: what stands in signatures, and what is a document."""

import io
import random
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageDraw


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _noise(width: int, height: int, seed: int) -> Image.Image:
    """A picture that no format makes much smaller, as photographs are."""
    source = random.Random(seed)
    small = Image.frombytes("RGB", (width // 4, height // 4),
                            source.randbytes(width // 4 * (height // 4) * 3))  # fmt: skip
    return small.resize((width, height), Image.Resampling.BICUBIC)


def _shade(width: int, height: int) -> Image.Image:
    """A picture as large as a photograph's that takes a few kilobytes."""
    grey = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (grey, grey.rotate(180), grey))


def _page(seed: int, lines: int = 60) -> Image.Image:
    """A page of a letter at 200 dots an inch, in black and white."""
    page = Image.new("1", (1654, 2339), 1)
    pen = ImageDraw.Draw(page)
    source = random.Random(seed)
    for line in range(lines):
        at = 120.0
        while at < 1400:
            word = source.randint(20, 120)
            pen.rectangle((at, 150 + line * 34, at + word, 166 + line * 34), fill=0)
            at += word + 14
    return page


def _mark(width: int, height: int) -> Image.Image:
    """A plain drawing, as logos are."""
    logo = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(logo)
    pen.ellipse((4, 4, height - 4, height - 4), fill="navy")
    pen.rectangle((height // 2, height // 3, width - 8, 2 * height // 3), fill="teal")
    return logo


# TIFF inside, big-endian, one entry: Orientation (0x0112) 6, the camera was held upright.
_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


_KINDS = ((b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"), (b"BM", "bmp"))

_MADE: dict[str, Callable[[], bytes]] = {
    "logo": lambda: _saved(_mark(300, 100), "PNG"),
    "logo-gif": lambda: _saved(_mark(180, 60).convert("P"), "GIF"),
    "logo-jpeg": lambda: _saved(_mark(240, 120), "JPEG"),
    "dot": lambda: _saved(Image.new("1", (1, 1)), "GIF"),
    "letterhead": lambda: _saved(_mark(1400, 220), "PNG"),
    "banner": lambda: _saved(_noise(1200, 300, 1), "PNG"),
    "square": lambda: _saved(_mark(512, 512), "PNG"),
    "photo": lambda: _saved(_noise(1600, 1200, 2), "JPEG", quality=80),
    "photo-small": lambda: _saved(_noise(320, 240, 3), "JPEG", quality=70),
    "photo-exif": lambda: _saved(
        _noise(1600, 1200, 4), "JPEG", quality=80, exif=b"Exif\0\0II*\0\x08\0\0\0" + b"\0" * 40_000
    ),
    "screenshot": lambda: _saved(_noise(1280, 720, 5), "PNG"),
    "scan": lambda: _saved(_page(6), "PNG", dpi=(200, 200)),
    "scan-jpeg": lambda: _saved(_page(7).convert("L"), "JPEG", quality=40),
    "scan-webp": lambda: _saved(_page(8).convert("L"), "WEBP", lossless=True),
    "scan-bmp": lambda: _saved(_page(9), "BMP"),
    "logo-light": lambda: _saved(_mark(200, 80), "PNG"),
    "emblem-light": lambda: _saved(_mark(480, 480), "PNG"),
    "scan-light": lambda: _saved(_page(10, lines=8), "PNG", dpi=(200, 200)),
    "photo-light": lambda: _saved(_shade(1100, 840), "JPEG", quality=10, exif=_EXIF),
}  # fmt: skip


@cache
def picture(name: str) -> bytes:
    """A picture by its name in the table."""
    return _MADE[name]()


def names() -> tuple[str, ...]:
    """Every picture there is."""
    return tuple(_MADE)


def kind_of(data: bytes) -> str:
    """What kind of picture it is: the subtype of ``image/``."""
    return next((kind for begins, kind in _KINDS if data.startswith(begins)), "jpeg")
