"""Pictures that Fax.Plus does not take become pages of dots (M9). In the preparing child only.

The kind is known by its first bytes, and only that kind's decoder is tried. What a picture says
of its own size is believed only to refuse it before a decoder asks for the memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mail2fax.preparing.fax_tiff import LINE, Grid, black_and_white
from mail2fax.preparing.pages import Damaged, TooLarge
from mail2fax.reading import content

if TYPE_CHECKING:
    from PIL.Image import Image

_DECODERS = {
    content.GIF: ("GIF",),
    content.WEBP: ("WEBP",),
    content.BMP: ("BMP",),
    content.HEIC: ("HEIF", "AVIF"),
    content.JPEG_2000: ("JPEG2000",),
    content.ICON: ("ICO",),
    content.PCX: ("PCX",),
    content.DCX: ("DCX",),
    content.NETPBM: ("PPM",),
    content.PHOTOSHOP: ("PSD",),
    content.PNG: ("PNG",),
    content.JPEG: ("JPEG", "MPO"),
    content.TIFF: ("TIFF",),
}
_MANY_PAGES = frozenset({content.DCX, content.TIFF})
_MOST_PIXELS = 40_000_000
_MARGIN = 72
_MOST_ENLARGED = 2.0
_MOST_PAGES_OF_ONE = 20
_ORIENTATION = 0x0112
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
    6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
"""What turns a picture upright, by its EXIF orientation (EXIF 2.3 section 4.6.4)."""


def pages_of_picture(path: Path, content_type: str, grid: Grid) -> Iterator["Image"]:
    """The pages of a picture, in dots. Of one that moves, the first picture.

    Raises:
        Damaged: its decoder does not get through it.
        TooLarge: it has more pixels than can be held.
    """
    try:
        with _opened(path, content_type) as picture:
            several = content_type in _MANY_PAGES
            for number in range(getattr(picture, "n_frames", 1) if several else 1):
                if number:
                    picture.seek(number)
                yield from _pages(_upright_gray(picture), grid)
    except (Damaged, TooLarge):
        raise
    except MemoryError:
        raise TooLarge("is too large to be converted. Send it as a PDF or JPEG.") from None
    except Exception as error:
        raise Damaged("it cannot be read as a picture") from error


def moves(path: Path, content_type: str) -> bool:
    """Whether a picture has more than the one that is faxed."""
    with _opened(path, content_type) as picture:
        return content_type not in _MANY_PAGES and bool(getattr(picture, "is_animated", False))


@contextmanager
def _opened(path: Path, content_type: str) -> Iterator["Image"]:
    """A picture whose pixels are not read yet."""
    from PIL import Image  # noqa: PLC0415 - in the child only

    if content_type == content.HEIC:
        import pi_heif  # noqa: PLC0415 - in the child only

        pi_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # the pixels are counted here, against our own limit
    with Image.open(path, formats=_DECODERS[content_type]) as picture:
        yield picture


def _count_pixels(picture: "Image") -> None:
    pixels = picture.width * picture.height
    if pixels > _MOST_PIXELS:
        raise TooLarge(
            f"has {pixels / 1e6:.0f} million pixels, more than the {_MOST_PIXELS / 1e6:.0f} that "
            "can be converted. Send it smaller, or as a PDF."
        )


def _upright_gray(picture: "Image") -> "Image":
    """One picture in grey, on white, as its camera was held."""
    from PIL import Image  # noqa: PLC0415 - in the child only

    _count_pixels(picture)
    picture.draft("L", (2 * LINE, 2 * LINE))
    picture.load()
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    gray = _on_white(picture) if picture.has_transparency_data else _gray(picture)
    return gray.transpose(Image.Transpose[turn]) if turn else gray


def _gray(picture: "Image") -> "Image":
    if picture.mode in ("I", "F"):
        low, high = picture.getextrema()
        assert isinstance(low, (int, float))
        assert isinstance(high, (int, float))
        scale = 255 / (high - low) if high > low else 1.0
        return picture.point(lambda value: value * scale - low * scale).convert("L")
    if picture.mode == "CMYK":
        return picture.convert("RGB").convert("L")
    return picture.convert("L")


def _on_white(picture: "Image") -> "Image":
    from PIL import Image  # noqa: PLC0415 - in the child only

    layered = picture.convert("LA")
    white = Image.new("L", layered.size, 255)
    white.paste(layered.getchannel("L"), mask=layered.getchannel("A"))
    return white


def _pages(gray: "Image", grid: Grid) -> Iterator["Image"]:
    """A picture on one page; one that would be unreadable there goes on several."""
    from PIL import Image  # noqa: PLC0415 - in the child only

    room = LINE - 2 * _MARGIN, grid.lines - 2 * round(_MARGIN * grid.stretch)
    factor = min(room[0] / gray.width, _MOST_ENLARGED)
    width, height = gray.width * factor, gray.height * factor * grid.stretch
    shrink = min(1.0, room[1] / height)
    too_narrow = width * shrink < min(width, room[0]) / 2
    if not too_narrow or height > _MOST_PAGES_OF_ONE * room[1]:
        width, height = width * shrink, height * shrink
    size = max(1, round(width)), max(1, round(height))
    scaled = gray.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    for top in range(0, size[1], room[1]):
        piece = scaled.crop((0, top, size[0], min(top + room[1], size[1])))
        page = Image.new("L", (LINE, grid.lines), 255)
        page.paste(piece, ((LINE - size[0]) // 2, (grid.lines - room[1]) // 2))
        yield black_and_white(page)
