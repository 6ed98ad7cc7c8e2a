"""The fonts that a mail's text is printed with (M12).

Latin, Greek, Cyrillic, Arabic, Hebrew and Thai come with mail2fax as packages. Other scripts are
looked for among the machine's fonts, in a fixed order, so that a page looks the same each time.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGED = (
    "fontpkg_noto_sans",
    "fontpkg_noto_sans_arabic",
    "fontpkg_heebo",
    "fontpkg_noto_sans_thai",
)
SYSTEM = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_PATTERNS = (
    "**/DejaVuSans.ttf",
    "**/NotoSansCJK-Regular.ttc",
    "**/NotoSans*-Regular.ttf",
    "**/NotoSerif*-Regular.ttf",
    "**/DroidSansFallback*.ttf",
    "**/NotoEmoji*-Regular.ttf",
)
_ITALIC = "Italic"
_JAPANESE, _KOREAN, _CHINESE = 0, 1, 2
"""Which face of the CJK collection draws Han letters as that language does."""


class Font:
    """One face of a font file, opened when it is first needed."""

    def __init__(self, path: Path, index: int = 0) -> None:
        self._path = path
        self._index = index

    @cached_property
    def hb(self) -> Any:
        """HarfBuzz's font; its units are the face's own."""
        import uharfbuzz  # noqa: PLC0415 - in the child only

        blob = uharfbuzz.Blob.from_file_path(str(self._path))
        return uharfbuzz.Font(uharfbuzz.Face(blob, self._index))

    @cached_property
    def units(self) -> int:
        """To the em."""
        return int(self.hb.face.upem)

    def draws(self, letter: str) -> bool:
        """Whether it has a glyph for a letter, and one with ink where ink belongs."""
        glyph = self.hb.get_nominal_glyph(ord(letter))
        if not glyph:
            return False
        extents = self.hb.get_glyph_extents(glyph)
        return letter.isspace() or bool(extents and extents.width and extents.height)


def fonts_for(text: str, system: Sequence[Path] = SYSTEM) -> list[Font]:
    """The fonts to look for letters in, first to last.

    Args:
        text: tells whose Han letters are wanted.
        system: directories of the machine's fonts.
    """
    return [
        Font(path, _face(text) if path.suffix == ".ttc" else 0)
        for path in (*_packaged(), *_installed(system))
    ]


def _packaged() -> Iterator[Path]:
    for package in PACKAGED:
        found = find_spec(package)
        for directory in found.submodule_search_locations or () if found else ():
            files = sorted(Path(directory, "files").glob("*.ttf"))
            yield from (file for file in files if _ITALIC not in file.name)


def _installed(system: Sequence[Path]) -> Iterator[Path]:
    for pattern in _PATTERNS:
        for directory in system:
            yield from sorted(directory.glob(pattern))


def _face(text: str) -> int:
    if any("\u3040" <= letter <= "\u30ff" for letter in text):
        return _JAPANESE
    return _KOREAN if any("\uac00" <= letter <= "\ud7a3" for letter in text) else _CHINESE
