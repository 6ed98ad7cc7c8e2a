"""Where a part's content lies in a mail, and the one door through which it is decoded.

A content may lie inside another: a uuencoded file in a quoted-printable text, a picture in a
mail inside the mail that is itself base64. Each such step is a `Layer` over the decoded bytes
of the one before it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import Buffer, decode, decoded, is_known


@dataclass(frozen=True, slots=True)
class Layer:
    """A piece of decoded bytes, and how it is encoded itself.

    Attributes:
        start, end: offsets in the decoded bytes of the layer around it.
        encoding: as `decoding.decode` knows it.
        closed: whether something marked its end.
    """

    start: int
    end: int
    encoding: str
    closed: bool = True


@dataclass(frozen=True, slots=True)
class PartRef:
    """A part: where its bytes lie in the mail and how they are encoded.

    Attributes:
        part: its MIME section, such as ``1.2``; what stands in a text has a name of its own
            behind its section: ``1.uu1``.
        filename: decoded; empty when it has none.
        content_type: by content where it can be told, else as labelled.
        start, end: its body in the mail.
        encoding: Content-Transfer-Encoding in lower case.
        closed: whether a boundary ended it.
        inner: the way from its decoded bytes to the content, outermost layer first.
    """

    part: str
    filename: str
    content_type: str
    start: int
    end: int
    encoding: str
    closed: bool
    inner: tuple[Layer, ...] = ()


def contents(buffer: Buffer, ref: PartRef) -> Iterator[bytes]:
    """The decoded bytes of a part, in bounded pieces.

    Raises:
        Damaged: while being iterated.
    """
    pieces = decode(buffer, ref.start, ref.end, ref.encoding, closed=ref.closed)
    for layer in ref.inner:
        pieces = decoded(_cut(pieces, layer.start, layer.end), layer.encoding, closed=layer.closed)
    return pieces


def _cut(pieces: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes from ``start`` to ``end`` of a stream; what is behind is not decoded."""
    at = 0
    for piece in pieces:
        if at >= end:
            return
        if at + len(piece) > start:
            yield piece[max(0, start - at) : end - at]
        at += len(piece)


def first_bytes(pieces: Iterator[bytes], most: int = 4096) -> bytes:
    """The beginning of a stream.

    Raises:
        Damaged: it is damaged already there.
    """
    head = b""
    while len(head) < most and (piece := next(pieces, None)) is not None:
        head += piece
    return head[:most]


def measured(buffer: Buffer, ref: PartRef) -> tuple[int | None, str | None]:
    """Size and SHA-256 of a part's decoded bytes; None for each where it is damaged.

    An encoding that nobody knows is none, as RFC 2045 6.4 has it, for this purpose only.
    """
    if not ref.inner and not is_known(ref.encoding):
        ref = replace(ref, encoding="")
    digest, size = hashlib.sha256(), 0
    try:
        for piece in contents(buffer, ref):
            digest.update(piece)
            size += len(piece)
    except Damaged:
        return None, None
    return size, digest.hexdigest()
