"""Pages as a fax machine prints them: the grid, black and white, Group 4 in a TIFF (M9, M10).

A line of a fax has 1,728 dots, 204 to the inch (ITU-T T.4). Fine is 7.7 lines to the
millimetre, superfine twice that; the API names the two words only, so they mean what T.30 means
by them. Pillow is imported where it is used: only the preparing child may hold it.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from PIL.Image import Image

LINE = 1728
"""Dots in a line."""

_DOTS_PER_INCH = 204
_LINES_PER_MM = {"fine": 7.7, "superfine": 15.4}
_PAPER_MM = {"a4": 297.0, "letter": 279.4}
_MM_PER_INCH = 25.4
_WHITE_FROM, _BLACK_TO = 224, 48
_LEVELS = [
    round(min(max((value - _BLACK_TO) / (_WHITE_FROM - _BLACK_TO), 0.0), 1.0) * 255)
    for value in range(256)
]


@dataclass(frozen=True, slots=True)
class Grid:
    """The dots of one page.

    Attributes:
        resolution: ``fine`` or ``superfine``.
        paper: ``a4`` or ``letter``.
    """

    resolution: str = "fine"
    paper: str = "a4"

    @property
    def lines(self) -> int:
        """Lines of one page."""
        return int(_PAPER_MM[self.paper] * _LINES_PER_MM[self.resolution])

    @property
    def lines_per_inch(self) -> float:
        """Lines to the inch."""
        return _LINES_PER_MM[self.resolution] * _MM_PER_INCH

    @property
    def stretch(self) -> float:
        """Lines for each dot of the same length: what keeps a circle round."""
        return self.lines_per_inch / _DOTS_PER_INCH


def black_and_white(gray: "Image") -> "Image":
    """A picture in grey as dots: clean paper and ink, greys by Floyd-Steinberg."""
    from PIL import Image  # noqa: PLC0415 - in the child only

    return gray.point(_LEVELS).convert("1", dither=Image.Dither.FLOYDSTEINBERG)


class FaxTiff:
    """Writes pages into a TIFF, one at a time.

    Attributes:
        sizes: bytes of each page so far.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        self._path = path
        self._resolution = (_DOTS_PER_INCH, round(grid.lines_per_inch))
        self.sizes: list[int] = []

    @property
    def pages(self) -> int:
        """Written so far."""
        return len(self.sizes)

    def __enter__(self) -> Self:
        from PIL.TiffImagePlugin import AppendingTiffWriter  # noqa: PLC0415 - in the child only

        self._file = AppendingTiffWriter(self._path, new=True)
        return self

    def add(self, page: "Image") -> None:
        """Write one page of dots."""
        encoded = io.BytesIO()
        page.save(encoded, "TIFF", compression="group4", dpi=self._resolution)
        if self.pages:
            self._file.newFrame()
        self._file.write(encoded.getbuffer())
        self.sizes.append(encoded.tell())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
