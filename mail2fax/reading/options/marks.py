"""Where wishes stand: X-Fax headers, first lines, Subject marks (O2, O3).

Outside a mark everything is text. A mark is removed from where it stood; the rest of the text
is what it was.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mail2fax.reading.headers import LONGEST_FIELD, Field, decoded
from mail2fax.reading.options.words import SHORTHANDS
from mail2fax.values import Wish

HEADER, BODY, SUBJECT, ADDRESS = "header", "body", "subject", "address"

_MARK = re.compile(r"\[\s*fax\s*:([^\[\]]*)(\]?)", re.IGNORECASE)
_ANSWER = re.compile(
    r"\s*(?:\[[^\[\]]*\]\s*)*(?:re|aw|sv|vs|antw|wg|fwd?|tr|rif|rv|r|i)(?:\[[0-9]+\])?\s*:",
    re.IGNORECASE,
)
_LINE = re.compile(r"\s*fax-options\s*:(.*)", re.IGNORECASE)
_X_FAX = "x-fax-"
_OPTIONS = "options"
_PIECE = re.compile(r'(?:[^,;"]|"[^"]*"?)+')
_WORD = re.compile(r"([^\s:=]+)\s*[\s:=]\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]*", re.ASCII)
_UNCLOSED = "The Subject has [fax: without a closing ]. Close it, and send the mail again"
_INHERITED = (
    "The Subject's [fax: ...] stands behind Re: or Fwd:, so it may be an older mail's. "
    "Write it in front, or remove it"
)
_TOO_LONG = "An X-Fax header is too long to be read"
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


@dataclass(frozen=True, slots=True)
class Marked:
    """A text without its marks, and what stood in them."""

    text: str
    wishes: tuple[Wish, ...] = ()


def wishes_in(text: str, place: str) -> tuple[Wish, ...]:
    """The wishes of one mark's inside: ``fine, at 08:00, tag: oncology, comment "a, b"``."""
    found: list[Wish] = []
    for piece in _PIECE.findall(text):
        words = piece.strip()
        if found and found[-1].key == "from" and _NUMBER.fullmatch(words):
            found[-1] = Wish("from", f"{found[-1].value},{words}", place)
        elif words:
            found.append(_wish(words, place))
    return tuple(found)


def _wish(words: str, place: str) -> Wish:
    whole = words.lower().replace(" ", "_").replace("-", "_")
    if whole in SHORTHANDS:
        return Wish(whole, "", place)
    split = _WORD.fullmatch(words)
    if split is None:
        return Wish(words.lower(), "", place)
    return Wish(split[1].lower(), split[2].strip().strip('"').strip(), place)


def in_headers(fields: Iterable[Field]) -> tuple[Wish, ...]:
    """The wishes of ``X-Fax-At: 08:00`` and ``X-Fax-Options: fine, at 08:00``.

    Args:
        fields: of the mail's top header.
    """
    return tuple(wish for field in fields for wish in _of_field(field.name, field.value))


def _of_field(name: str, value: bytes) -> Iterator[Wish]:
    if not name.startswith(_X_FAX):
        return
    key = name.removeprefix(_X_FAX)
    if len(value) > LONGEST_FIELD:
        yield Wish(key, "", HEADER, _TOO_LONG)
    elif key == _OPTIONS:
        yield from wishes_in(decoded(value), HEADER)
    else:
        yield Wish(key, decoded(value), HEADER)


def in_subject(subject: str) -> Marked:
    """The wishes of every ``[fax: …]``, and the Subject without them.

    A mark behind ``Re:`` or ``Fwd:`` may be an older mail's: it stops the fax (O6).
    """
    wishes: list[Wish] = []
    rest, behind = "", 0
    for found in _MARK.finditer(subject):
        if not found[2]:
            wishes.append(Wish("", "", SUBJECT, _UNCLOSED))
        elif _ANSWER.match(subject[: found.start()]):
            wishes.append(Wish("", "", SUBJECT, _INHERITED))
        else:
            wishes += wishes_in(found[1], SUBJECT)
        rest = _joined(rest, subject[behind : found.start()])
        behind = found.end()
    return Marked(_joined(rest, subject[behind:]) if behind else subject, tuple(wishes))


def _joined(before: str, after: str) -> str:
    """Two pieces of a Subject between which a mark stood."""
    return f"{before.rstrip()} {after.strip()}".strip()


def in_text(text: str) -> Marked:
    """The wishes of the ``fax-options:`` lines a text begins with, and the text behind them."""
    lines = text.split("\n")
    wishes: list[Wish] = []
    last = 0
    for number, line in enumerate(lines, start=1):
        bare = line.strip(_INVISIBLE + " \t\r\u00a0")
        found = _LINE.fullmatch(bare)
        if found:
            wishes += wishes_in(found[1], BODY)
            last = number
        elif bare:
            break
    return Marked("\n".join(lines[last:]), tuple(wishes))
