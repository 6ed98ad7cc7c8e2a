"""A part's content, decoded in bounded pieces, strictly: doubt stops the fax (M8).

Broken lines and blank ones are tolerated, because copiers and gateways make them (M4), and so
is what can only have been added: the mark with which sendmail breaks an endless line, and up to
three stray characters where the rest has whole groups. Any other character that is none of the
encoding, a wrong or missing padding in a part that nothing closed, and a cut escape are damage.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Protocol

import pybase64

from mail2fax.reading.damage import Damaged
from mail2fax.reading.embedded_codes import BINHEX, UU, YENC, unbinhexed, uudecoded, ydecoded

_PIECE = 1 << 18
_SPACE = b"\r\n\t \0"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LETTERS = _ALPHABET + b"=" + _SPACE
_PLAIN = frozenset({"", "7bit", "8bit", "binary", "none"})
_FILES_IN_TEXT = frozenset({"uuencode", "x-uuencode", "x-uue", "uue", "x-yencode", "x-binhex"})
_EMBEDDED: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    UU: uudecoded,
    YENC: ydecoded,
    BINHEX: unbinhexed,
}
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_BROKEN_LINE = re.compile(rb"!\r?\n")
_SOFT = re.compile(rb"=[ \t]*\r?\n")
_GROUP = 4


class Buffer(Protocol):
    """The bytes of a mail: a ``bytes`` or a memory map."""

    def __getitem__(self, key: slice, /) -> bytes:
        """A copy of a piece."""


def decode(
    buffer: Buffer, start: int, end: int, encoding: str, *, closed: bool = True
) -> Iterator[bytes]:
    """The decoded bytes of ``buffer[start:end]``.

    Args:
        buffer: the mail.
        start, end: the part's body.
        encoding: Content-Transfer-Encoding in lower case (RFC 2045 6); one that only says that
            a file is written in the text leaves the text as it is.
        closed: whether a boundary ended the part, so that what is missing was never there.

    Raises:
        Damaged: while being iterated.
    """
    return decoded(_pieces(buffer, start, end), encoding, closed=closed)


def is_known(encoding: str) -> bool:
    """Whether `decode` knows an encoding."""
    names = _PLAIN | _FILES_IN_TEXT | _EMBEDDED.keys()
    return encoding in names or encoding in ("base64", "quoted-printable")


def decoded(pieces: Iterator[bytes], encoding: str, *, closed: bool = True) -> Iterator[bytes]:
    """The decoded bytes of a stream; arguments and errors as for `decode`."""
    if encoding == "base64":
        return _base64(pieces, closed=closed)
    if encoding == "quoted-printable":
        return _quoted_printable(pieces)
    if encoding in _PLAIN or encoding in _FILES_IN_TEXT:
        return pieces
    if encoding in _EMBEDDED:
        return _EMBEDDED[encoding](pieces)
    raise Damaged(f"its encoding {encoding[:40]!r} is not known")


def _pieces(buffer: Buffer, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _PIECE):
        yield buffer[at : min(at + _PIECE, end)]


def _base64(pieces: Iterator[bytes], *, closed: bool) -> Iterator[bytes]:
    kept, padding, strays = b"", 0, 0
    for piece in _whole_lines(pieces):
        if not kept and not padding and (whole_groups := _whole_groups(piece)):
            yield whole_groups
            continue
        letters = piece.translate(None, _SPACE)
        if letters.translate(None, _LETTERS):
            letters, found = _without_strays(piece)
            strays += found
        body = letters.rstrip(b"=") if b"=" in letters else letters
        if (padding and body) or b"=" in body:
            raise Damaged("its base64 goes on behind its end")
        padding += len(letters) - len(body)
        body = kept + body
        whole = len(body) - len(body) % _GROUP
        kept = body[whole:]
        yield base64.b64decode(body[:whole])
    if kept and not padding and not closed:
        raise Damaged("its base64 is cut")
    if strays >= _GROUP or (strays and (len(kept) + padding) % _GROUP):
        raise Damaged("its base64 has characters that are none")  # they may stand for letters
    if kept:
        yield _last_group(kept, padding)


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end with a line, unless a line is endless."""
    kept = b""
    for piece in pieces:
        data = kept + piece
        end = data.rfind(b"\n") + 1 or len(data)
        kept = data[end:]
        yield data[:end]
    if kept:
        yield kept


def _whole_groups(piece: bytes) -> bytes:
    """The bytes of a piece that is whole groups of letters; none when it may be anything else.

    Nearly every piece is, and need not be parted from its line ends first.
    """
    if b"=" in piece or piece.translate(None, _LETTERS):
        return b""
    try:
        return pybase64.b64decode(piece)
    except binascii.Error:
        return b""


def _without_strays(piece: bytes) -> tuple[bytes, int]:
    """The letters alone, and how many characters that are none stood among them."""
    unbroken = _BROKEN_LINE.sub(b"", piece).translate(None, _SPACE)
    strays = unbroken.translate(None, _LETTERS)
    return unbroken.translate(None, strays), len(strays)


def _last_group(kept: bytes, padding: int) -> bytes:
    """The bytes of an incomplete last group; more padding than needed does no harm.

    Raises:
        Damaged: no byte can be made of it.
    """
    if padding and len(kept) + padding < _GROUP:
        raise Damaged("its base64 is cut")
    try:
        return base64.b64decode(kept + b"=" * (-len(kept) % _GROUP))
    except binascii.Error:
        raise Damaged("its base64 is cut") from None


def _quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    kept = b""
    for piece in pieces:
        data = kept + piece
        line_end = data.rfind(b"\n") + 1
        kept = data[line_end:]
        if len(kept) > _PIECE:
            raise Damaged("its quoted-printable text is one endless line")
        yield _unquoted(data[:line_end])
    kept = kept.rstrip(b" \t")
    if kept.endswith(b"="):
        kept = kept[:-1]  # a soft break whose line end belongs to the boundary
    yield _unquoted(kept)


def _unquoted(lines: bytes) -> bytes:
    joined = _SOFT.sub(b"", lines)
    if _BAD_ESCAPE.search(joined):
        raise Damaged("its quoted-printable text is broken")
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), joined)


def decoded_head(raw: bytes, encoding: str, most: int = 3072) -> bytes:
    """What the first raw bytes of a part decode to, as far as they do: for a first look."""
    if encoding == "base64":
        letters = raw.partition(b"=")[0]
        letters = letters.translate(None, bytes(set(range(256)) - set(_ALPHABET)))
        return base64.b64decode(letters[: len(letters) - len(letters) % _GROUP])[:most]
    if encoding == "quoted-printable":
        return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), _SOFT.sub(b"", raw))[:most]
    return raw[:most]


def decoded_anyhow(raw: bytes, encoding: str) -> bytes:
    """All that can be made of a text; only where nobody faxes it."""
    return decoded_head(raw, encoding, most=len(raw))


def decoded_tail(raw: bytes, encoding: str) -> bytes:
    """What the last raw bytes of a part decode to, for a look at its end."""
    if encoding != "base64":
        return raw
    letters = raw.translate(None, _SPACE).rstrip(b"=")
    letters = letters[len(raw.partition(b"\n")[0].translate(None, _SPACE)) :]
    letters = letters.translate(None, bytes(set(range(256)) - set(_ALPHABET)))
    if len(letters) % _GROUP == 1:
        letters = letters[:-1]
    return base64.b64decode(letters + b"=" * (-len(letters) % _GROUP))
