"""A body as lines, each known as the sender's, quoted or a marked signature (M11).

Plain text says by ``>`` what is quoted, ``format=flowed`` by depth (RFC 3676 4.5), HTML by its
elements; behind this, all are the same.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

_QUOTED = re.compile(r"\s{0,3}>")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_OTHER_SPACES = re.compile("[\u00a0\u2007\u202f]")
_LINE_ENDS = re.compile("\r\n|[\r\n\x0c\x85\u2028\u2029]")


MOST_LINES = 20_000
"""Lines of a body that are read: more than anybody writes, and few enough to be read soon."""


class Kind(Enum):
    """Whose a line is, as far as the body marks it."""

    OWN = "own"
    QUOTED = "quoted"
    SIGNATURE = "signature"


class Line(NamedTuple):
    """One line of a body, without its end and without quotation marks."""

    text: str
    kind: Kind = Kind.OWN


def plain_lines(text: str) -> list[Line]:
    """The lines of a plain text as it stands."""
    return [Line(line, Kind.QUOTED if _QUOTED.match(line) else Kind.OWN) for line in _split(text)]


def flowed_lines(text: str, *, delete_space: bool) -> list[Line]:
    """The lines of a ``format=flowed`` text, each paragraph one line (RFC 3676 4).

    Args:
        text: the body.
        delete_space: the parameter DelSp, for scripts that do not part words by spaces.
    """
    return [
        Line("".join(pieces), Kind.QUOTED if depth else Kind.OWN)
        for depth, pieces in _paragraphs(_split(text), delete_space)
    ]


def _paragraphs(lines: list[str], delete_space: bool) -> Iterator[tuple[int, list[str]]]:
    """(depth, pieces) of each paragraph; soft line ends join lines of the same depth."""
    pieces: list[str] = []
    depth, soft = 0, False
    for line in lines:
        content = line.lstrip(">")
        own_depth = len(line) - len(content)
        content = content.removeprefix(" ")  # stuffed, so that it begins with none of ours
        if pieces and not (soft and own_depth == depth and content != "-- "):
            yield depth, pieces
            pieces = []
        soft = content.endswith(" ") and content != "-- "
        pieces.append(content[:-1] if soft and delete_space else content)
        depth = own_depth
    if pieces:
        yield depth, pieces


def as_text(lines: Iterable[Line]) -> str:
    """Lines as one plain text again, with a mark before each that is quoted."""
    return "\n".join(
        f"> {line.text}" if line.kind is Kind.QUOTED and line.text[:1] != ">" else line.text
        for line in lines
    )


def _split(text: str) -> list[str]:
    return _LINE_ENDS.split(visible(text), MOST_LINES)[:MOST_LINES]


def visible(text: str) -> str:
    """Text without what nobody sees: controls, direction marks, halves of pairs.

    Joiners stay: Arabic, Indic and emoji are other words without them. Every space is plain.
    """
    return _OTHER_SPACES.sub(" ", _INVISIBLE.sub("", text))
