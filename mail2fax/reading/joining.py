"""Stored mails that belong together, read as one without a byte being copied (M5, K3). Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mail2fax.reading.contents import PartRef
from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import Buffer
from mail2fax.reading.headers import Headers
from mail2fax.reading.mail import MailReading
from mail2fax.reading.series import PARTIAL
from mail2fax.reading.structure import StructureScanner

_PIECE = 1 << 18
_LONGEST_HEADER = 100_000
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
_OF_INNER = re.compile(r"content-.*|subject|message-id|encrypted|mime-version")

Stored = tuple[Buffer, int]
"""A stored mail: its bytes and how many they are."""


class Spliced:
    """Stretches of several buffers, read as one."""

    def __init__(self, stretches: Sequence[tuple[Buffer, int, int]]) -> None:
        self._stretches = stretches
        self.size = sum(end - start for _, start, end in stretches)

    def __getitem__(self, key: slice, /) -> bytes:
        start, stop, _ = key.indices(self.size)
        return b"".join(self._pieces(start, stop))

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for buffer, first, last in self._stretches:
            length = last - first
            if start < length and stop > 0:
                yield buffer[first + max(start, 0) : first + min(stop, length)]
            start, stop = start - length, stop - length
            if stop <= 0:
                return


def joined(mails: Sequence[Stored]) -> Spliced:
    """The one mail that parts of a ``message/partial`` are (RFC 2046 5.2.2.1).

    Args:
        mails: bytes and size of each, in the order of their numbers.

    Raises:
        Damaged: one of them is none, or is encoded, which the RFC forbids.
    """
    bodies = [_body(buffer, size) for buffer, size in mails]
    first, (outer, start, end) = mails[0][0], bodies[0]
    inner, inner_size = header_of(first, start, end)
    head = b"".join(field.raw for field in outer.fields if not _OF_INNER.fullmatch(field.name))
    head += b"".join(field.raw for field in inner.fields if _OF_INNER.fullmatch(field.name))
    head += b"\r\n"
    rest = [
        (buffer, start, end) for (buffer, _), (_, start, end) in zip(mails, bodies, strict=True)
    ]
    return Spliced([(head, 0, len(head)), (first, start + inner_size, end), *rest[1:]])


def _body(buffer: Buffer, size: int) -> tuple[Headers, int, int]:
    """A part's top header, and where its body begins and ends.

    Raises:
        Damaged: it cannot be joined.
    """
    headers, header_size = header_of(buffer, 0, size)
    if headers.parameters("content-type")[0] != PARTIAL:
        raise Damaged("one of its parts is not a part of a mail")
    if headers.word("content-transfer-encoding") not in _PLAIN:
        raise Damaged("one of its parts is encoded as a whole")
    return headers, header_size, size


def header_of(buffer: Buffer, start: int, end: int) -> tuple[Headers, int]:
    """The header that begins at ``start``, and the length of its block with the empty line.

    Raises:
        Damaged: it has no end.
    """
    scanner = StructureScanner()
    last = min(end, start + _LONGEST_HEADER + _PIECE)
    for at in range(start, last, _PIECE):
        scanner.feed(buffer[at : min(at + _PIECE, last)])
        if scanner.header_size is not None:
            break
    if scanner.header_size is None:
        raise Damaged("one of its parts has no end of its header")
    return scanner.top, scanner.header_size


def side_by_side(
    mails: Sequence[Stored], readings: Sequence[MailReading]
) -> tuple[Spliced, MailReading]:
    """Whole mails as one: everything that is in them, in their order, the words of the first.

    Args:
        mails: the mails of a split scan.
        readings: of each of them.
    """
    buffer = Spliced([(one, 0, size) for one, size in mails])
    offsets = [sum(size for _, size in mails[:before]) for before in range(len(mails))]
    candidates: list[PartRef] = []
    for offset, one in zip(offsets, readings, strict=True):
        candidates += _moved(one.candidates, offset)
    return buffer, replace(
        readings[0],
        candidates=tuple(candidates),
        not_faxed=tuple(part for one in readings for part in one.not_faxed),
        damage=next((one.damage for one in readings if one.damage), None),
        question=" ".join(one.question for one in readings if one.question),
        pictures=tuple(sha256 for one in readings for sha256 in one.pictures),
    )


def _moved(refs: Iterable[PartRef], offset: int) -> list[PartRef]:
    return [replace(ref, start=ref.start + offset, end=ref.end + offset) for ref in refs]
