"""Pictures and PDFs become pages of dots (M9, M10). In the preparing child only.

The kind is known by its first bytes, and only that kind's decoder is tried. What a picture says
of its own size is believed only to refuse it before a decoder asks for the memory.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
_LONGEST_SHEET = 4  # pages of paper; what is longer is drawn narrower
_LIKE_PAPER = (1.25, 1.45)  # height by width: A4 is 1.41, Letter 1.29
_SANE_ASPECT = (0.2, 5.0)
_MOST_SCALE = 12.0
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
                gray, aspect = _upright_gray(picture), _aspect(picture)
                if several or _is_like_paper(gray, aspect):
                    yield _sheet(gray, aspect, grid)
                else:
                    yield from _pages(gray, aspect, grid)
    except (Damaged, TooLarge):
        raise
    except MemoryError:
        raise TooLarge("is too large to be converted. Send it as a PDF or JPEG.") from None
    except Exception as error:
        raise Damaged("it cannot be read as a picture") from error


def pages_of_pdf(path: Path, grid: Grid) -> Iterator["Image"]:
    """The pages of a PDF in dots, forms filled in, one in memory at a time.

    Raises:
        Damaged: one of its pages cannot be drawn.
    """
    import pypdfium2  # noqa: PLC0415 - in the child only

    try:
        with contextlib.closing(pypdfium2.PdfDocument(path)) as document:
            document.init_forms()
            for number in range(len(document)):
                with contextlib.closing(document[number]) as page:
                    yield _drawn(page, grid)
    except pypdfium2.PdfiumError as error:
        raise Damaged("one of its pages cannot be drawn") from error


def _drawn(page: Any, grid: Grid) -> "Image":
    """A page of a PDF as wide as a line of dots, drawn no larger than it is then needed."""
    width, height = page.get_size()
    size = _sheet_size(height / width, grid)
    scale = min(max(size[0] / width, size[1] / height), _MOST_SCALE)
    with contextlib.closing(page.render(scale=scale, grayscale=True)) as bitmap:
        return _on_sheet(bitmap.to_pil(), size)


def moves(path: Path, content_type: str) -> bool:
    """Whether a picture has more than the one that is faxed."""
    with _opened(path, content_type) as picture:
        return content_type not in _MANY_PAGES and bool(getattr(picture, "is_animated", False))


@contextlib.contextmanager
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


def _aspect(picture: "Image") -> float:
    """How much taller than wide its dots are: a fax of standard resolution has 204 by 98."""
    dpi = picture.info.get("dpi")
    if not isinstance(dpi, tuple) or not all(dpi):
        return 1.0
    aspect = float(dpi[0]) / float(dpi[1])
    return aspect if _SANE_ASPECT[0] < aspect < _SANE_ASPECT[1] else 1.0


def _is_like_paper(gray: "Image", aspect: float) -> bool:
    return _LIKE_PAPER[0] < gray.height * aspect / gray.width < _LIKE_PAPER[1]


def _sheet_size(shape: float, grid: Grid) -> tuple[int, int]:
    """Dots and lines of a sheet of that height by width, which fills the line."""
    lines = LINE * shape * grid.stretch
    shrink = min(1.0, _LONGEST_SHEET * grid.lines / lines)
    return max(1, round(LINE * shrink)), max(1, round(lines * shrink))


def _sheet(gray: "Image", aspect: float, grid: Grid) -> "Image":
    """A picture of a whole sheet: a scan, or a fax that came."""
    return _on_sheet(gray, _sheet_size(gray.height * aspect / gray.width, grid))


def _on_sheet(gray: "Image", size: tuple[int, int]) -> "Image":
    from PIL import Image  # noqa: PLC0415 - in the child only

    scaled = gray.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    page = Image.new("L", (LINE, size[1]), 255)
    page.paste(scaled, ((LINE - size[0]) // 2, 0))
    return black_and_white(page)


def _pages(gray: "Image", aspect: float, grid: Grid) -> Iterator["Image"]:
    """A picture on one page; one that would be unreadable there goes on several."""
    from PIL import Image  # noqa: PLC0415 - in the child only

    room = LINE - 2 * _MARGIN, grid.lines - 2 * round(_MARGIN * grid.stretch)
    factor = min(room[0] / gray.width, _MOST_ENLARGED)
    width, height = gray.width * factor, gray.height * aspect * factor * grid.stretch
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
