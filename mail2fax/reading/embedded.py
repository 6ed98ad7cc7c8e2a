"""Files that stand inside a text as lines: uuencode, yEnc and BinHex (M4)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mail2fax.reading.charsets import eight_bit
from mail2fax.reading.embedded_codes import (
    BINHEX,
    UU,
    YENC,
    binhex_name,
    lines,
    may_be_uu_line,
)
from mail2fax.reading.headers import clean

MOST_FILES = 100
_UU_BEGINS = re.compile(rb"begin [0-7]{3,4} ([^\r\n]+)\r?\n")
_YENC_BEGINS = re.compile(rb"=ybegin (?=[^\r\n]*size=)[^\r\n]*? name=([^\r\n]*)\r?\n")
_BINHEX_BEGINS = b"(This file must be converted with BinHex"
_ANY_BEGINS = re.compile(
    rb"\s*(?:begin [0-7]{3,4} [^\r\n]|=ybegin |\(This file must be converted with BinHex)"
)
_NAME_LINES = 3


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file in a text.

    Attributes:
        encoding: how it is written, as `decoding` knows it.
        name: as it stands there; empty without one.
        start, end: of its lines in the text, in bytes.
        closed: whether its last line came.
    """

    encoding: str
    name: str
    start: int
    end: int
    closed: bool


def begins_with_file(head: bytes) -> bool:
    """Whether a text is a file from its first line on."""
    return _ANY_BEGINS.match(head) is not None


def embedded_files(pieces: Iterable[bytes]) -> list[EmbeddedFile]:
    """The files in a decoded text, in order, at most one more than `MOST_FILES`."""
    text = _Text(lines(pieces))
    found: list[EmbeddedFile] = []
    for line in text:
        one = _uu(text, line) or _yenc(text, line) or _binhex(text, line)
        if one is not None:
            found.append(one)
        if len(found) > MOST_FILES:
            break
    return found


class _Text(Iterator[bytes]):
    """Lines that can be looked at before they are taken, and where they stand."""

    def __init__(self, coming: Iterator[bytes]) -> None:
        self._coming = coming
        self._next: bytes | None = next(coming, None)
        self.at = 0  # behind the line taken last

    def __next__(self) -> bytes:
        line = self._next
        if line is None:
            raise StopIteration
        self.at += len(line)
        self._next = next(self._coming, None)
        return line

    @property
    def following(self) -> bytes:
        """The next line; empty at the end."""
        return self._next or b""

    def skip_to(self, is_last: re.Pattern[bytes]) -> bool:
        """Take lines up to and with the one that matches; whether it came."""
        return any(is_last.match(line) for line in self)


_UU_ENDS = re.compile(rb"[ \t]*end\s*\Z")
_YENC_ENDS = re.compile(rb"=yend[ \r\n]")
_BINHEX_ENDS = re.compile(rb"[^:]*:\s*\Z")
_BINHEX_ONE_LINE = re.compile(rb":[^:]+:\s*\Z")


def _named(raw: bytes) -> str:
    return clean(eight_bit(raw)).strip('"')


def _uu(text: _Text, line: bytes) -> EmbeddedFile | None:
    begin = _UU_BEGINS.match(line)
    if begin is None or not may_be_uu_line(text.following):
        return None
    start = text.at - len(line)
    closed = text.skip_to(_UU_ENDS)
    return EmbeddedFile(UU, _named(begin[1]), start, text.at, closed)


def _yenc(text: _Text, line: bytes) -> EmbeddedFile | None:
    begin = _YENC_BEGINS.match(line)
    if begin is None:
        return None
    start = text.at - len(line)
    closed = text.skip_to(_YENC_ENDS)
    return EmbeddedFile(YENC, _named(begin[1]), start, text.at, closed)


def _binhex(text: _Text, line: bytes) -> EmbeddedFile | None:
    if not line.startswith(_BINHEX_BEGINS):
        return None
    while text.following and not text.following.strip():
        next(text)
    if not text.following.startswith(b":"):
        return None
    start = text.at
    beginning = first = next(text)
    closed = bool(_BINHEX_ONE_LINE.match(first))
    while not closed and beginning.count(b"\n") < _NAME_LINES and text.following:
        following = next(text)
        beginning += following
        closed = bool(_BINHEX_ENDS.match(following))
    closed = closed or text.skip_to(_BINHEX_ENDS)
    return EmbeddedFile(BINHEX, clean(binhex_name(beginning)), start, text.at, closed)
