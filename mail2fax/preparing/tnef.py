"""The attachments of a ``winmail.dat``: Outlook's own form of a mail (TNEF, MS-OXTNEF).

A stream of attributes, each with its length and checksum. Only what names an attachment and
where its bytes lie is looked at; nothing is copied. Every step goes forward over bytes that are
there, so that hostile lengths end it early and nothing makes it long.
"""

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mail2fax.preparing.pages import Damaged
from mail2fax.reading.decoding import Buffer

_SIGNATURE = 0x223E9F78
_START, _ATTRIBUTE = struct.Struct("<IH"), struct.Struct("<BII")
_NUMBER, _PROPERTY = struct.Struct("<I"), struct.Struct("<HH")
_MESSAGE, _ATTACHMENT = 1, 2
_CODEPAGE, _BEGIN, _TITLE, _DATA, _PROPERTIES = 0x69007, 0x69002, 0x18010, 0x6800F, 0x69005
_MOST_ATTACHMENTS = 100
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_SEVERAL, _NAMED, _BY_NAME = 0x1000, 0x8000, 1
_LONG_NAME, _NAME, _CONTENT, _METHOD = 0x3707, 0x3704, 0x3701, 0x3705
_HIDDEN, _CONTENT_ID, _TYPE = 0x7FFE, 0x3712, 0x370E
_INTERFACE = 16
_EMBEDDED_MAIL, _EMBEDDED_OBJECT = 5, 6
_LONGEST_NAME, _PIECE = 2000, 1 << 20


@dataclass(frozen=True, slots=True)
class Attached:
    """One attachment of the stream.

    Attributes:
        filename: as its sender named it; empty without a name.
        label: the content type it claims, if any.
        start, end: where its bytes lie; the end is -1 until they are found.
        method: how it is attached (MS-OXCMSG 2.2.2.9): 5 a mail, 6 an object of the text.
        in_text: whether the text shows it.
    """

    filename: str = ""
    label: str = ""
    start: int = 0
    end: int = -1
    method: int = 1
    in_text: bool = False

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail inside the mail."""
        return self.method == _EMBEDDED_MAIL

    @property
    def is_object(self) -> bool:
        """Whether it belongs to the rich text, as a pasted picture does."""
        return self.method == _EMBEDDED_OBJECT


def attachments(data: Buffer, size: int) -> list[Attached]:
    """The attachments of a TNEF stream of ``size`` bytes, in order.

    Raises:
        Damaged: it is cut, or a length or checksum is not true.
    """
    found: list[Attached] = []
    charset = "cp1252"
    for level, name, start, end in _attributes(data, size):
        if name == _CODEPAGE and end - start >= _NUMBER.size:
            charset = _charset(_NUMBER.unpack(data[start : start + 4])[0])
        if level != _ATTACHMENT:
            continue
        if name == _BEGIN:
            found.append(Attached())
        if not found or len(found) > _MOST_ATTACHMENTS:
            raise Damaged("its list of attachments is broken")
        found[-1] = _with(found[-1], name, data, (start, end), charset)
    if any(one.end < 0 for one in found):
        raise Damaged("one of its attachments has no content")
    return found


def _attributes(data: Buffer, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Level, name, start and end of each attribute; bytes behind the last are let be."""
    if size < _START.size or _START.unpack(data[0:6])[0] != _SIGNATURE:
        raise Damaged("it does not begin as it should")
    at = _START.size
    while at < size and data[at : at + 1] in (b"\x01", b"\x02"):
        if at + _ATTRIBUTE.size > size:
            raise Damaged("it is cut")
        level, name, length = _ATTRIBUTE.unpack(data[at : at + _ATTRIBUTE.size])
        start = at + _ATTRIBUTE.size
        end = start + length
        if end + 2 > size:
            raise Damaged("it is cut")
        if _sum(data, start, end) != int.from_bytes(data[end : end + 2], "little"):
            raise Damaged("a checksum is wrong")
        yield level, name, start, end
        at = end + 2


def _sum(data: Buffer, start: int, end: int) -> int:
    """The sum of all bytes, as the two bytes behind them hold it."""
    pieces = (data[at : min(at + _PIECE, end)] for at in range(start, end, _PIECE))
    return sum(sum(piece) for piece in pieces) & 0xFFFF


def _with(one: Attached, name: int, data: Buffer, place: tuple[int, int], charset: str) -> Attached:
    """An attachment and what one attribute says of it."""
    start, end = place
    if name == _TITLE:
        title = _text(data[start : min(end, start + _LONGEST_NAME)], charset)
        return replace(one, filename=one.filename or title)
    if name == _DATA and (end > start or one.end < 0):
        return replace(one, start=start, end=end)
    return _with_properties(one, data, place, charset) if name == _PROPERTIES else one


def _with_properties(one: Attached, data: Buffer, place: tuple[int, int], charset: str) -> Attached:
    for name, kind, start, end in _properties(data, *place):
        value = data[start : min(end, start + _LONGEST_NAME)]
        if name == _LONG_NAME and (long_name := _string(value, kind, charset)):
            one = replace(one, filename=long_name)
        elif name == _NAME:
            one = replace(one, filename=one.filename or _string(value, kind, charset))
        elif name == _TYPE:
            one = replace(one, label=_string(value, kind, charset).lower())
        elif name == _METHOD:
            one = replace(one, method=int.from_bytes(value[:4], "little"))
        elif name == _CONTENT_ID or (name == _HIDDEN and value[:1] == b"\1"):
            one = replace(one, in_text=True)
        elif name == _CONTENT and one.end <= one.start:
            one = replace(one, start=start + (_INTERFACE if kind == _OBJECT else 0), end=end)
    return one


def _properties(data: Buffer, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Name, type, start and end of the first value of each property (MS-OXTNEF 2.1.3.4)."""
    count, at = _number(data, at, end), at + 4
    for _ in range(count):
        if at + _PROPERTY.size > end:
            raise Damaged("it is cut")
        kind, name = _PROPERTY.unpack(data[at : at + 4])
        at = _behind_name(data, at + 4, end) if name >= _NAMED else at + 4
        several, kind = bool(kind & _SEVERAL), kind & ~_SEVERAL
        is_long = kind in (_STRING, _UNICODE, _OBJECT, _BINARY)
        values = 1
        if several or is_long:
            values, at = _number(data, at, end), at + 4
        for number in range(values):
            length = _number(data, at, end) if is_long else _FIXED.get(kind, end)
            at += 4 if is_long else 0
            if at + length > end:
                raise Damaged("it is cut")
            if number == 0:
                yield name, kind, at, at + length
            at += length + -length % 4


def _behind_name(data: Buffer, at: int, end: int) -> int:
    """Where the value of a property begins that has a name of its own."""
    at += 16
    by_name, at = _number(data, at, end), at + 4
    if by_name != _BY_NAME:
        return at + 4
    length = _number(data, at, end)
    return at + 4 + length + -length % 4


def _number(data: Buffer, at: int, end: int) -> int:
    if at + 4 > end:
        raise Damaged("it is cut")
    value: int = _NUMBER.unpack(data[at : at + 4])[0]
    return value


def _string(value: bytes, kind: int, charset: str) -> str:
    return _text(value, "utf-16-le" if kind == _UNICODE else charset)


def _text(value: bytes, charset: str) -> str:
    return value.decode(charset, "replace").partition("\0")[0].strip()


def _charset(codepage: int) -> str:
    """The codec of a Windows code page, or the Western one."""
    try:
        return codecs.lookup(f"cp{codepage}").name if codepage != 65001 else "utf-8"  # noqa: PLR2004 - Windows' number
    except LookupError:
        return "cp1252"
