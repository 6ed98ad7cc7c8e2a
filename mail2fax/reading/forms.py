"""The forms in which the local part of an address may stand, apart from its numbers.

``fax+NUMBER`` (A3), ``FAX=NUMBER`` and ``/FAX=NUMBER/`` (A6; RFC 3191, RFC 3192), options behind
the number as ``/key=value/key`` (O2). A sub-address in any of its spellings is refused by name:
it is part of where a fax goes, and Fax.Plus documents none, so it is never dropped.
"""

import re
from dataclasses import dataclass

from mail2fax.reading.numbers import Refused, shown
from mail2fax.values import Wish

_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_FAX_KEYWORD = re.compile(r" */? *fax *= *", re.ASCII | re.IGNORECASE)
_OPTION_BEGINS = re.compile(r"/(?= *[A-Za-z])", re.ASCII)
_OPTION = re.compile(r" *([A-Za-z][A-Za-z0-9_-]*) *(?:[=:](.*))?", re.ASCII | re.DOTALL)
_ANOTHER_NUMBER = re.compile(r"(?:[,;&/] *\+?|(?<! )\+) *[0-9][0-9 ().-]{5,}", re.ASCII)
_SUB_ADDRESS = re.compile(
    r"[#*].*|(?:^|[ ;,.])(?:t33s|isub|tsub|sub|postd|ext|extension) *[.:=]* *[0-9#*]+.*"
    r"|(?:^|(?<=[0-9 )]))(?:ext|extension|x|p|w)[ .:=]*[0-9#*]+.*",
    re.ASCII | re.IGNORECASE,
)
_SUB_KEYS = frozenset({"t33s", "isub", "tsub", "sub", "postd", "ext", "extension", "x"})
_ONLY_SOURCES = "from"


@dataclass(frozen=True, slots=True)
class LocalPart:
    """A local part taken apart.

    Attributes:
        numbers: the text of the numbers and names.
        wishes: its options.
        steps: what was left out or split off, a sentence each.
    """

    numbers: str
    wishes: tuple[Wish, ...] = ()
    steps: tuple[str, ...] = ()


def unquoted(local: str) -> str:
    """A local part without its quotes (RFC 5321 4.1.2 Quoted-string)."""
    if len(local) > 1 and local.startswith('"') and local.endswith('"'):
        return _QUOTED_PAIR.sub(r"\1", local[1:-1])
    return local


def taken_apart(local: str, prefix: str) -> LocalPart:
    """A local part as its numbers and its options.

    Args:
        local: as it stood on the wire, without the domain.
        prefix: word before a ``+`` that is left out; empty for none.

    Raises:
        Refused: a part of it is not understood; it is named.
    """
    steps: list[str] = []
    text = _without(f"the prefix {prefix}+", local, _behind_prefix(local, prefix), steps)
    keyword = _FAX_KEYWORD.match(text)
    text = _without("FAX=", text, text[keyword.end() :] if keyword else text, steps)
    head, *rest = _OPTION_BEGINS.split(text.rstrip(" ").removesuffix("/"))
    wishes = tuple(_wish(words) for words in rest)
    steps += [f"split off: the option {one.key} = {one.value or 'yes'}" for one in wishes]
    return LocalPart(head, wishes, tuple(steps))


def _without(what: str, before: str, after: str, steps: list[str]) -> str:
    if after != before:
        steps.append(f"left out: {what}")
    return after


def _behind_prefix(local: str, prefix: str) -> str:
    begins = prefix and local.lower().startswith(f"{prefix.lower()}+")
    return local[len(prefix) + 1 :] if begins else local


def _wish(words: str) -> Wish:
    """One option; an underscore in its value is a space (O2)."""
    found = _OPTION.fullmatch(words)
    if not found:
        raise Refused(f"/{shown(words)}: no option. Write /key=value behind the last number")
    key, value = found[1].lower(), (found[2] or "").replace("_", " ").strip(" ")
    if key in _SUB_KEYS:
        raise _no_sub_address(words)
    if key != _ONLY_SOURCES and _ANOTHER_NUMBER.search(value):
        raise Refused(f"/{shown(words)}: a number stands behind the option."
                      " Write the options behind the last number")  # fmt: skip
    return Wish(key, value, "address")


def refuse_sub_address(text: str) -> None:
    """Refuse a sub-address or extension by name (A6).

    Args:
        text: one number with what stands beside it, or what a separator cut from it.

    Raises:
        Refused: there is one.
    """
    if found := _SUB_ADDRESS.search(text):
        raise _no_sub_address(found[0])


def _no_sub_address(what: str) -> Refused:
    return Refused(
        f"{shown(what.strip(' ;,-.'))}: a sub-address cannot be faxed to, because Fax.Plus"
        " documents none for its field to. Leave it out"
    )
