"""Header fields: split, unfolded, decoded; every step is linear in their length.

Only what is read is touched, and only up to `LONGEST_FIELD` bytes: hostile headers cost CPU in
parsers that believe them (RFC 5322 2.2, RFC 2045 5, RFC 2047, RFC 2231).
"""

import base64
import binascii
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mail2fax.reading.charsets import eight_bit, in_charset

LONGEST_FIELD = 8192
_MOST_DOUBLED = 3
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.ASCII)
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=(?:\s+(?==\?))?", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_PIECE = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?", re.ASCII)
_GLUED = re.compile(r'(\s*[\w*-]+\s*=\s*"[^"]*")\s+([\w*-]+\s*=.*)', re.ASCII | re.DOTALL)
_HEX = re.compile(rb"%([0-9A-Fa-f]{2})")
_Q = re.compile(rb"=([0-9A-Fa-f]{2})")
_PIECES = r'((?:[^"{0}]+|"(?:[^"\\]+|\\.?)*"?)*)(?:{0}|\Z)'
_BY_SEMICOLON = re.compile(_PIECES.format(";"), re.DOTALL)
_BY_COMMA = re.compile(_PIECES.format(","), re.DOTALL)
_WHOLE = -1
_MOST_PARAMETERS = 200
_MOST_MAILBOXES = 1000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its lower-case name, its bytes as received, and its unfolded value."""

    name: str
    raw: bytes
    value: bytes


def fields(block: bytes) -> Iterator[Field]:
    """The fields of a header block, in order; lines that are none are skipped (M4).

    Args:
        block: the bytes up to and with the empty line.
    """
    raw: list[bytes] = []
    for line in block.removeprefix(_BOM).splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and raw:
            raw.append(line)
            continue
        yield from _field(raw)
        raw = [line] if _FIELD.match(line) else []
    yield from _field(raw)


def first_line_of_body(lines: list[bytes]) -> int:
    """Index of the line behind the last field of a block that no empty line ends (M4)."""
    behind = 0
    for index, line in enumerate(lines):
        is_more = line[:1] in (b" ", b"\t") and behind == index
        if is_more or _FIELD.match(line.removeprefix(_BOM)):
            behind = index + 1
    return behind


def _field(lines: list[bytes]) -> Iterator[Field]:
    if not lines:
        return
    raw = b"".join(lines)
    name, _, value = raw.partition(b":")
    if len(lines) > 1 or b"\r" in value[:-2]:
        value = b"".join(line.rstrip(b"\r\n") for line in value.splitlines())
    yield Field(name.strip().decode("ascii").lower(), raw, value.strip(b" \t\r\n"))


class Headers:
    """The fields of one part by name; the first of a doubled field counts (M4).

    Attributes:
        fields: all of them, in order.
    """

    def __init__(self, block: bytes = b"") -> None:
        self.fields = tuple(fields(block))
        self._fields: dict[str, list[bytes]] = {}
        self._read: dict[str, tuple[str, dict[str, str]]] = {}
        for field in self.fields:
            self._fields.setdefault(field.name, []).append(field.value)

    def count(self, name: str) -> int:
        """How often a field stands there."""
        return len(self._fields.get(name, ()))

    def raw(self, name: str) -> bytes:
        """A field's unfolded value; empty when it is absent or longer than `LONGEST_FIELD`."""
        value = self._fields.get(name, (b"",))[0]
        return value if len(value) <= LONGEST_FIELD else b""

    def is_too_long(self, name: str) -> bool:
        """Whether a field is there and too long to be read."""
        return any(len(value) > LONGEST_FIELD for value in self._fields.get(name, ()))

    def content_type(self) -> tuple[str, dict[str, str]]:
        """Type and parameters; of a doubled field the multipart, else the first that is a type.

        Without a boundary line in the body a multipart is no multipart, so that the other
        reading is not lost.
        """
        read = [parameters(value) for value in self._fields.get("content-type", ())[:_MOST_DOUBLED]]
        divided = [one for one in read if one[0].startswith("multipart/") and "boundary" in one[1]]
        typed = [one for one in read if "/" in one[0]]
        return (*divided, *typed, *read, ("", {}))[0]

    def text(self, name: str) -> str:
        """An unstructured field as text."""
        return decoded(self.raw(name))

    def word(self, name: str) -> str:
        """The first token of a field, in lower case, such as an encoding's name."""
        return eight_bit(self.raw(name)).split(";")[0].strip().strip('"').lower()

    def parameters(self, name: str) -> tuple[str, dict[str, str]]:
        """A structured field: its value in lower case, its parameters by lower-case name."""
        if name not in self._read:
            self._read[name] = parameters(self.raw(name))
        return self._read[name]


def clean(text: str) -> str:
    """Text on one line: controls and direction overrides become one space."""
    return _CONTROL.sub(" ", text).strip()


def decoded(raw: bytes) -> str:
    """An unstructured value: RFC 2047 words decoded, raw 8-bit read, on one line."""
    return clean(_words(eight_bit(raw)))


def _words(text: str) -> str:
    """Text with its encoded words decoded; those that follow one another may share a character."""
    if "=?" not in text:
        return text
    done: list[str] = []
    raw, charset, at = b"", "", 0
    for found in _WORD.finditer(text):
        if found.start() > at or found[1].lower() != charset:
            done += [in_charset(raw, charset.split("*", maxsplit=1)[0]), text[at : found.start()]]
            raw, charset = b"", found[1].lower()
        raw += _word(found)
        at = found.end()
    return "".join([*done, in_charset(raw, charset.split("*")[0]), text[at:]])


def _word(found: re.Match[str]) -> bytes:
    """The bytes of one encoded word; as they stand where they cannot be decoded."""
    raw = found[3].encode("utf-8", "replace")
    if found[2] in "qQ":
        return _Q.sub(lambda hexed: bytes([int(hexed[1], 16)]), raw.replace(b"_", b" "))
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return raw


# Structured fields


def parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """Split ``value; name=value; …`` (RFC 2045 5.1), with RFC 2231 and RFC 2047 names.

    Unquoted values may contain spaces, as copiers write them; a semicolon may be missing behind
    the value or behind a quotation mark; the first of doubled names counts.
    """
    value, *rest = _split(eight_bit(raw), _BY_SEMICOLON, _MOST_PARAMETERS)
    value, _, glued = value.strip().partition(" ")
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for part in _unglued([glued, *rest]):
        name, equals, content = part.partition("=")
        known = _PIECE.fullmatch(name.strip().lower())
        if equals and known:
            number = int(known[2] or 0) if known[2] or not known[3] else _WHOLE
            piece = (bool(known[3]), _unquoted(content.strip()))
            pieces.setdefault(known[1].strip(), {}).setdefault(number, piece)
    found = {name: clean(_joined(numbered)) for name, numbered in pieces.items()}
    return _unquoted(value).strip().lower(), found


def _unglued(parts: list[str]) -> Iterator[str]:
    """The parameters; two come apart where one ends with a quotation mark and no semicolon."""
    for part in parts:
        left = part.replace("\t", " ")
        while glued := _GLUED.fullmatch(left):
            yield glued[1]
            left = glued[2]
        yield left


def _joined(numbered: dict[int, tuple[bool, str]]) -> str:
    """The pieces of one parameter in order (RFC 2231 3 and 4); beside a whole one none counts."""
    if _WHOLE in numbered:
        numbered = {0: numbered[_WHOLE]}
    if not any(encoded for encoded, _ in numbered.values()):
        return _words("".join(numbered[number][1] for number in sorted(numbered)))
    charset, raw = "utf-8", b""
    for position, number in enumerate(sorted(numbered)):
        encoded, text = numbered[number]
        if encoded and position == 0 and "'" in text.partition("'")[2]:
            charset, _, text = text.split("'", 2)
        content = text.encode("utf-8", "replace")
        raw += _HEX.sub(lambda hexed: bytes([int(hexed[1], 16)]), content) if encoded else content
    return in_charset(raw, charset or "utf-8")


def _split(text: str, pieces: re.Pattern[str], most: int) -> list[str]:
    """Split at a separator that stands outside quotation marks; what is too much is left out."""
    return [found[1] for found in itertools.islice(pieces.finditer(text), most)]


def _unquoted(text: str) -> str:
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text.strip('"')


# Addresses


def addresses(raw: bytes) -> list[tuple[str, str]]:
    """(address, display name) of each mailbox in an address field (RFC 5322 3.4)."""
    found: list[tuple[str, str]] = []
    for mailbox in _split(eight_bit(raw), _BY_COMMA, _MOST_MAILBOXES):
        name, bracket, rest = mailbox.rpartition("<")
        if bracket:
            found.append((rest.partition(">")[0].strip(), clean(_words(_unquoted(name.strip())))))
        elif "@" in mailbox:
            found.append((mailbox.strip(), ""))
    return found
