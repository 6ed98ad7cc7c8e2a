"""uuencode, yEnc and BinHex 4.0: files written as text, decoded strictly in bounded pieces (M4).

Each decoder takes one block as `embedded` finds it, from its first line to its last. What the
block says of itself (its end, lengths, checksums) must hold, or it is damaged (M8).
Sources: POSIX.1-2017 *uuencode*; the yEnc draft 1.3; RFC 1741 (BinHex).
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator

from mail2fax.reading.damage import Damaged

UU, YENC, BINHEX = "uu-file", "yenc-file", "binhex-file"
_LONGEST_LINE = 1 << 16
_BATCH = 1 << 17
_BINHEX_LETTERS = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes.maketrans(_BINHEX_LETTERS, _BASE64_LETTERS)
_MINUS_42 = bytes((byte - 42) % 256 for byte in range(256))
_YENC_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_YENC_NUMBER = re.compile(rb" (size|part|total|begin|end|crc32|pcrc32)=([0-9A-Fa-f]+)")
_RUN = 0x90
_FIXED_HEADER = 22  # bytes of a BinHex header beside the name
_LONGEST_NAME = 63


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream with their ends; one that is endless comes in parts."""
    kept = b""
    for piece in pieces:
        *whole, kept = (kept + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(kept) > _LONGEST_LINE:
            yield kept
            kept = b""
    if kept:
        yield kept


def uudecoded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The file of a uuencoded block.

    Raises:
        Damaged: while being iterated.
    """
    batch: list[bytes] = []
    backticks = False
    coming = lines(pieces)
    next(coming, b"")  # the line that names it
    for line in coming:
        text = line.rstrip(b"\r\n")
        if text.strip() == b"end":
            yield b"".join(batch)
            return
        backticks = backticks or b"`" in text
        batch.append(_uu_line(text, may_be_short=not backticks))
        if len(batch) * 45 > _BATCH:
            yield b"".join(batch)
            batch.clear()
    raise Damaged("its uuencoded text has no end")


def _uu_line(text: bytes, *, may_be_short: bool) -> bytes:
    """The bytes of one line; spaces at its end may have been lost where zero is a space.

    Raises:
        Damaged: it is not what its first letter says.
    """
    if not text.strip(b" `"):
        return b""
    wanted = uu_length(text)
    missing = wanted - len(text)
    if missing > 0 and not (may_be_short or missing < _shortened(text)):
        raise Damaged("its uuencoded text is cut")
    if missing < -1 and text[wanted:].strip(b" `"):  # one more is a checksum
        raise Damaged("its uuencoded text is broken")
    try:
        return binascii.a2b_uu(text[:wanted])
    except binascii.Error:
        raise Damaged("its uuencoded text is broken") from None


def uu_length(text: bytes) -> int:
    """How long a line must be by its first letter."""
    return 1 + ((text[0] - 32 & 63) + 2) // 3 * 4


def _shortened(text: bytes) -> int:
    """One more than the letters of the last group that some programs leave out."""
    return {0: 1, 1: 3, 2: 2}[(text[0] - 32 & 63) % 3]


def may_be_uu_line(line: bytes) -> bool:
    """Whether a line, perhaps a damaged one, can follow the first of a uuencoded file.

    Prose cannot: it is written in small letters, of which uuencode has none.
    """
    text = line.rstrip(b"\r\n")
    foreign = sum(not 32 <= letter <= 96 for letter in text)  # noqa: PLR2004 - the alphabet
    return text.strip() == b"end" or foreign * 4 <= len(text)


def ydecoded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The file of a yEnc block whose size and checksum hold.

    Raises:
        Damaged: while being iterated.
    """
    coming = lines(pieces)
    said = _numbers(next(coming, b""))
    size = crc = 0
    for line in coming:
        if line.startswith(b"=ypart "):
            said |= _numbers(line)
        elif line.startswith(b"=yend"):
            _check_yenc(said, _numbers(line), size, crc)
            return
        else:
            piece = _ydecoded_line(line.rstrip(b"\r\n"))
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            yield piece
    raise Damaged("its yEnc text has no end")


def _ydecoded_line(text: bytes) -> bytes:
    if b"=" in text:
        if text.endswith(b"=") and not text.endswith(b"=="):
            raise Damaged("its yEnc text is cut")
        text = _YENC_ESCAPE.sub(lambda found: bytes([(found[1][0] - 64) % 256]), text)
    return text.translate(_MINUS_42)


def _numbers(line: bytes) -> dict[bytes, bytes]:
    return dict(_YENC_NUMBER.findall(line.partition(b" name=")[0]))


def _check_yenc(begin: dict[bytes, bytes], end: dict[bytes, bytes], size: int, crc: int) -> None:
    """Hold the two lines around a yEnc file against it.

    Raises:
        Damaged: it is one of several parts, or size or checksum are others.
    """
    whole = begin.get(b"size", b"")
    if b"part" in begin and (begin.get(b"begin"), begin.get(b"end")) != (b"1", whole):
        raise Damaged("it is one part of several")
    wanted = end.get(b"crc32") or end.get(b"pcrc32")
    if str(size).encode() not in (whole, whole.lstrip(b"0")) or end.get(b"size") != whole:
        raise Damaged("its length is not the one it should have")
    if wanted is not None and int(wanted, 16) != crc:
        raise Damaged("its checksum does not hold")


def unbinhexed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The data fork of a BinHex 4.0 block whose checksums hold.

    Raises:
        Damaged: while being iterated.
    """
    coming = _runs_expanded(_six_bits(pieces))
    header, rest = _taken(coming, 1, b"")
    more, rest = _taken(coming, header[0] + _FIXED_HEADER - 1, rest)
    header += more
    _check_crc(binascii.crc_hqx(header[:-2], 0), header[-2:])
    left = int.from_bytes(header[-10:-6], "big")
    crc = 0
    while left:
        piece, rest = _taken(coming, 1, rest)
        piece, rest = (piece + rest)[:left], (piece + rest)[left:]
        left, crc = left - len(piece), binascii.crc_hqx(piece, crc)
        yield piece
    wanted, _ = _taken(coming, 2, rest)
    _check_crc(crc, wanted)
    for _ in coming:
        pass  # the resource fork; the end of the text must come


def binhex_name(text: bytes) -> str:
    """The file name in the beginning of a BinHex text, behind its colon; empty if cut."""
    letters = b"".join(text.split()).removeprefix(b":")[:128].partition(b":")[0]
    letters = letters[: len(letters) // 4 * 4]
    if letters.translate(None, _BINHEX_LETTERS):
        return ""
    plain = b"".join(_runs_expanded(iter([base64.b64decode(letters.translate(_TO_BASE64))])))
    named = plain[1 : 1 + plain[0]] if plain and 0 < plain[0] <= _LONGEST_NAME else b""
    return named.decode("mac_roman")


def _six_bits(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Bytes between the two colons."""
    kept, begun = b"", False
    for piece in pieces:
        letters = b"".join(piece.split())
        if not begun:
            begun, letters = bool(letters), letters.removeprefix(b":")
        body, colon, _ = letters.partition(b":")
        body = kept + body
        if body.translate(None, _BINHEX_LETTERS):
            raise Damaged("its BinHex text has letters that are none")
        whole = len(body) if colon else len(body) - len(body) % 4
        kept = body[whole:]
        yield _base64_of(body[:whole])
        if colon:
            return
    raise Damaged("its BinHex text is cut")


def _base64_of(letters: bytes) -> bytes:
    if len(letters) % 4 == 1:
        raise Damaged("its BinHex text is cut")
    return base64.b64decode(letters.translate(_TO_BASE64) + b"=" * (-len(letters) % 4))


def _runs_expanded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Runs written out: a byte, 0x90 and how often it stands there; 0x90 0 is 0x90 itself."""
    last, kept = b"", b""
    for piece in pieces:
        data, at, done = kept + piece, 0, bytearray()
        while (mark := data.find(_RUN, at)) >= 0 and mark + 1 < len(data):
            done += data[at:mark]
            count, before = data[mark + 1], bytes(done[-1:]) or last
            done += b"\x90" if count == 0 else before * (count - 1)
            at = mark + 2
        behind = len(data) if mark < 0 else mark
        done += data[at:behind]
        kept = data[behind:]
        last = bytes(done[-1:]) or last
        yield bytes(done)


def _taken(pieces: Iterator[bytes], count: int, rest: bytes) -> tuple[bytes, bytes]:
    """The next ``count`` bytes of ``rest`` and the stream, and what of it was read too much."""
    while len(rest) < count:
        piece = next(pieces, None)
        if piece is None:
            raise Damaged("its BinHex text is cut")
        rest += piece
    return rest[:count], rest[count:]


def _check_crc(crc: int, wanted: bytes) -> None:
    if crc != int.from_bytes(wanted, "big"):
        raise Damaged("its checksum does not hold")
