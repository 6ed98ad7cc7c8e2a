"""What is too large or too much for one fax is drawn in black and white and joined (M10).

Only as much as is needed: the largest documents first, until all of them fit; when there are
too many, those that follow one another become one file. The order stays that of the mail.
Office, RTF and text files cannot be drawn here. The mail's text as a page stays a file of its
own, because not every number gets it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mail2fax.errors import Mail2FaxError
from mail2fax.preparing import conversion
from mail2fax.preparing.fax_tiff import FaxTiff, Grid
from mail2fax.preparing.making import converted
from mail2fax.preparing.pages import Damaged, TooLarge
from mail2fax.preparing.watch import Watch
from mail2fax.reading import content
from mail2fax.values import Converted, Document

if TYPE_CHECKING:
    from PIL.Image import Image

_DRAWN = frozenset({content.PDF, content.TIFF, content.PNG, content.JPEG})
_MANY = "Converted to black and white and joined, because a fax may have {} files."
_LARGE = "Converted to black and white, because a fax may have {:.0f} MB."


class DoesNotFit(Mail2FaxError):
    """The documents cannot be made to fit into one fax; a sentence with what to do."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one fax may have: files, and bytes of all of them together."""

    files: int
    size: int


def size_of(documents: Iterable[Document]) -> int:
    """Bytes of the files of documents, each counted once."""
    return sum({one.file: one.file_size for one in documents}.values())


def files_of(documents: Iterable[Document]) -> int:
    """Files of documents."""
    return len({one.file for one in documents})


class Fitter:
    """Makes documents fit into one fax.

    Args:
        directory: where their files are.
        room: what one fax may have.
        grid: the dots of a page.
        watch: keeps the time of each document.
    """

    def __init__(self, directory: Path, room: Room, grid: Grid, watch: Watch) -> None:
        self._directory = directory
        self._room = room
        self._grid = grid
        self._watch = watch
        self._sizes: dict[str, list[int]] = {}

    def fitted(self, documents: Sequence[Document]) -> list[Document]:
        """The same documents in files that fit.

        Raises:
            DoesNotFit: they cannot be made to, and what to do.
            OSError: the disk does not take a file.
        """
        found = list(documents)
        if files_of(found) > self._room.files:
            found = self._joined(found)
        while size_of(found) > self._room.size:
            largest = max((one for one in found if self._may_shrink(one)),
                          key=lambda one: one.file_size, default=None)  # fmt: skip
            if largest is None:
                raise DoesNotFit(self._still_too_large(found))
            found[found.index(largest)] = self._drawn([largest], self._why_large())[0]
        return found

    def _why_large(self) -> str:
        return _LARGE.format(self._room.size / 1e6)

    def _may_shrink(self, one: Document) -> bool:
        return _can_be_drawn(one) and one.file not in self._sizes

    def _joined(self, documents: list[Document]) -> list[Document]:
        """Neighbours in one file each."""
        found: list[Document] = []
        for can, run in groupby(documents, _can_be_drawn):
            group = list(run)
            is_run = can and len(group) > 1
            found += self._drawn(group, _MANY.format(self._room.files)) if is_run else group
        if files_of(found) > self._room.files:
            others = ", ".join(
                f"\u201c{one.filename}\u201d" for one in found if not _can_be_drawn(one)
            )
            raise DoesNotFit(
                f"{len(documents)} documents are more than the {self._room.files} files of one "
                f"fax, and {others} cannot be joined here. Send them as PDF, or in parts."
            )
        return found

    def _drawn(self, documents: list[Document], why: str) -> list[Document]:
        """Documents that follow one another, in one file of dots."""
        first = documents[0]
        file = self._directory / f"{Path(first.file).stem}-drawn.tif"
        counts: list[int] = []
        with FaxTiff(file, self._grid) as fax:
            for one in documents:
                before = fax.pages
                self._draw(one, fax)
                counts.append(fax.pages - before)
        self._sizes[file.name] = fax.sizes
        made = converted(file, why)
        for one in documents:
            (self._directory / one.file).unlink()
        return [
            replace(one, file=file.name, converted=_also(one, made), pages=count)
            for one, count in zip(documents, counts, strict=True)
        ]

    def _draw(self, one: Document, fax: FaxTiff) -> None:
        shown = f"\u201c{one.filename}\u201d"
        with self._watch.over(shown):
            try:
                for page in self._pages(one):
                    fax.add(page)
                    if not self._watch.go_on():
                        raise DoesNotFit(
                            f"{shown} takes too long to be made smaller. Scan it in black and "
                            "white, or send it in parts."
                        )
            except (Damaged, TooLarge) as error:
                raise DoesNotFit(
                    f"{shown} is too large for one fax and cannot be made smaller: {error}. "
                    "Scan it in black and white."
                ) from None

    def _pages(self, one: Document) -> Iterator["Image"]:
        path, kind = self._directory / one.file, one.uploaded_as[1]
        if kind == content.PDF:
            return conversion.pages_of_pdf(path, self._grid)
        return conversion.pages_of_picture(path, kind, self._grid)

    def _still_too_large(self, documents: list[Document]) -> str:
        """What is left when all that can be drawn is: the pages that would fit."""
        limit = f"{self._room.size / 1e6:.0f} MB of one fax"
        others = [one for one in documents if not _can_be_drawn(one)]
        room = self._room.size - size_of(others)
        if others and room < self._room.size // 2:
            names = ", ".join(f"\u201c{one.filename}\u201d" for one in others)
            return (
                f"The documents have {size_of(documents) / 1e6:.1f} MB, more than the {limit}, and "
                f"{names} cannot be made smaller here. Send PDF, or in parts."
            )
        fit = 0
        drawn = dict.fromkeys(one.file for one in documents if one.file in self._sizes)
        sizes = [size for file in drawn for size in self._sizes[file]]
        for size in sizes:
            room -= size
            fit += room >= 0
        return (
            f"In black and white too the documents have {size_of(documents) / 1e6:.1f} MB, more "
            f"than the {limit}. Only the first {fit} of their {len(sizes)} pages would fit: send "
            "them in parts."
        )


def _also(one: Document, made: Converted) -> Converted:
    """What became of a document, after what had become of it before."""
    return replace(made, why=f"{one.converted.why} {made.why}") if one.converted else made


def _can_be_drawn(one: Document) -> bool:
    return one.uploaded_as[1] in _DRAWN and not one.role
