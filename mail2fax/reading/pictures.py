"""Whether a picture is a document or belongs to the mail's text: decided, or asked (M6). Pure.

A picture that stands in the text, or is named as signatures name theirs, belongs to the text
when it is small, and is a document when it is large. What is neither is known from earlier
mails, or a person is asked: a page that is lost is a disaster, a logo on a page of its own is
not, and a question is between them.
"""

import binascii
import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from mail2fax.reading.pixels import ENOUGH, Pixels, pixels_of

SEND: Final = "send"
WITHOUT: Final = "without"
"""What a person decided about the pictures of a mail: fax them, or leave them out."""

_SMALL_SIDE = 400
_SMALL_SIZE = 60_000
_PAGE_SIDE = 800  # a page at 100 dots an inch is 827 wide
_SIGNATURE_NAME = re.compile(r"(image\d{3}|logo.*|signature.*|outlook-.*)\.\w{3,4}", re.IGNORECASE)
_SHOWN = re.compile(
    r"\b(?:src|background|xlink:href)\s{0,5}=\s{0,5}"
    r"(?:\"([^\"]{1,500})|'([^']{1,500})|([^\"'\s>]{1,500}))"
    r"|url\(\s{0,5}(?:\"([^\"]{1,500})|'([^']{1,500})|([^)]{1,500}))",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"data:image/[a-z0-9.+-]{1,40}(?:;[^;,\"'<>]{1,200}){0,5};base64,([a-z0-9+/=%\s]+)",
    re.IGNORECASE,
)
_WHY_BODY = "A small picture of the text or signature is not faxed."
_WHY_KNOWN = "A picture that stands in every mail is taken as part of the signature, not faxed."
_WHY_WITHOUT = "It was left out, as was decided."


class Fate(StrEnum):
    """What becomes of a picture."""

    BODY = "body"
    DOCUMENT = "document"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture.

    Attributes:
        name: its file name; may be empty.
        size: bytes, decoded.
        pixels: width and height, None when its first bytes do not tell.
        is_shown: whether the mail's HTML shows it.
        is_known: whether it stood in three earlier mails of this identity.
    """

    name: str
    size: int
    pixels: Pixels | None
    is_shown: bool
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class PictureKnowledge:
    """What was known before a mail came, and what a person said since.

    Attributes:
        known: SHA-256 (hex) of the pictures that stood in three earlier mails of its identity.
        decided: `SEND` or `WITHOUT` once a person decided, else None.
    """

    known: frozenset[str] = frozenset()
    decided: str | None = None


NOTHING_KNOWN: Final = PictureKnowledge()


def is_signature_name(name: str) -> bool:
    """Whether mail programs or people call a picture of their signature so."""
    return _SIGNATURE_NAME.fullmatch(name) is not None


def is_small(size: int, pixels: Pixels | None) -> bool:
    """Whether a picture is too small for anything but a letterhead, and known to be so."""
    return size < _SMALL_SIZE and pixels is not None and min(pixels) < _SMALL_SIDE


def _is_large(size: int, pixels: Pixels | None) -> bool:
    """Whether a picture is too large for a letterhead."""
    if pixels is None:
        return False
    side = min(pixels)
    return side >= _PAGE_SIDE or (side >= _SMALL_SIDE and size >= _SMALL_SIZE)


def fate_of(picture: Picture, decided: str | None = None) -> Fate:
    """What becomes of a picture.

    Args:
        picture: what is known of it.
        decided: what a person said about the pictures in doubt, if one did.
    """
    if not picture.is_shown and not is_signature_name(picture.name):
        return Fate.DOCUMENT
    if is_small(picture.size, picture.pixels):
        return Fate.BODY
    if _is_large(picture.size, picture.pixels):
        return Fate.DOCUMENT
    if picture.is_known:
        return Fate.BODY
    return {None: Fate.ASK, SEND: Fate.DOCUMENT, WITHOUT: Fate.BODY}[decided]


def why_not_faxed(picture: Picture, fate: Fate) -> str:
    """The sentence a person reads about a picture that is no document."""
    if fate is Fate.ASK:
        return f"It may be a document or a part of the signature ({measures(picture)})."
    if is_small(picture.size, picture.pixels):
        return _WHY_BODY
    return _WHY_KNOWN if picture.is_known else _WHY_WITHOUT


def measures(picture: Picture) -> str:
    """How large a picture is, in words."""
    weight = f"{max(1, round(picture.size / 1000))} kB"
    if picture.pixels is None:
        return weight
    width, height = picture.pixels
    return f"{width} x {height} pixels, {weight}"


def question(asked: Iterable[Picture]) -> str:
    """What a person is asked about these pictures; empty when there are none."""
    named = [f"\u201c{one.name or 'picture without a name'}\u201d ({measures(one)})"
             for one in asked]  # fmt: skip
    if not named:
        return ""
    pictures = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    if len(named) == 1:
        return f"It is not clear whether {pictures} is a document or a part of the signature."
    return f"It is not clear whether {pictures} are documents or parts of the signature."


def shown_in(text: str) -> frozenset[str]:
    """What an HTML text shows: Content-IDs as ``cid:…`` and locations, unquoted (RFC 2392)."""
    found = (html.unescape(one[one.lastindex or 0]) for one in _SHOWN.finditer(text))
    return frozenset(_reference(one.strip().strip("\"'")) for one in found)


def written_in(text: str) -> Iterator[Picture]:
    """The pictures an HTML text holds itself, as ``data:`` (RFC 2397), as far as they are known."""
    for one in _WRITTEN.finditer(text):
        code = "".join(unquote(one[1]).split())
        try:
            head = binascii.a2b_base64(code[: ENOUGH // 3 * 4])
        except binascii.Error:
            head = b""
        yield Picture("", len(code) * 3 // 4, pixels_of(head), is_shown=True)


def references_to(content_id: str, location: str) -> frozenset[str]:
    """How an HTML text would refer to a part with these header fields (RFC 2392, RFC 2557)."""
    bare = content_id.strip().removeprefix("<").removesuffix(">").strip()
    found = {f"cid:{bare.casefold()}"} if bare else set()
    return frozenset(found | ({_reference(location.strip())} if location.strip() else set()))


def _reference(text: str) -> str:
    """A reference in the form in which they are compared."""
    plain = unquote(text)
    return plain.casefold() if plain[:4].casefold() == "cid:" else plain
