"""InterFAX: modifiers at the end of the Subject, such as ``Offer 12 /d 2026-11-02 08:00 /rf``."""

import re
from collections.abc import Callable

from mail2fax.reading.dialects.dialect import Dialect, refused
from mail2fax.reading.options.marks import SUBJECT, Marked
from mail2fax.values import Wish

_MODIFIER = (
    r"\s/(?:bn|bb|b|ib|hn|h\s+\{[^{}]*\}|d\s+[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\s+[0-9]{1,2}:[0-9]{2})?|"
    r"fonttype\s+\S+|fontsize\s+[0-9]+|rs|rf)(?!\S)"
)
_ONE = re.compile(_MODIFIER, re.IGNORECASE)
_LAYOUT = "The look of the text on the page cannot be chosen. Leave it out"


def _at(value: str) -> Wish:
    return Wish("at", value, SUBJECT)


def _no(form: str, why: str) -> Callable[[str], Wish]:
    return lambda _value: refused(form, why, SUBJECT)


def _means(key: str, value: str) -> Callable[[str], Wish]:
    return lambda _value: Wish(key, value, SUBJECT)


_MEANINGS: dict[str, Callable[[str], Wish]] = {
    "b": _means("body", "page"),
    "bn": _means("body", "off"),
    "bb": _no("/bb", "Attachments cannot be left out. Send the mail without them"),
    "ib": _no("/ib", _LAYOUT),
    "h": _no("/h", "The line at the top of the pages is Fax.Plus's own. Leave it out"),
    "hn": _no("/hn", "The line at the top of the pages is Fax.Plus's own. Leave it out"),
    "d": _at,
    "fonttype": _no("/fonttype", _LAYOUT),
    "fontsize": _no("/fontsize", _LAYOUT),
    "rs": _means("resolution", "fine"),  # Fax.Plus has nothing coarser
    "rf": _means("resolution", "fine"),
}


def _in_subject(subject: str) -> Marked:
    """Only an unbroken row of modifiers at the end counts; a slash elsewhere is text."""
    found = list(_ONE.finditer(subject))
    end = len(subject.rstrip())
    row: list[re.Match[str]] = []
    for one in reversed(found):
        if subject[one.end() : end].strip():
            break
        row.insert(0, one)
        end = one.start()
    if not row:
        return Marked(subject)
    return Marked(subject[:end].rstrip(), tuple(_wish(one[0]) for one in row))


def _wish(modifier: str) -> Wish:
    word, _, value = modifier.strip().removeprefix("/").partition(" ")
    return _MEANINGS[word.lower()](value.strip())


INTERFAX = Dialect(in_subject=_in_subject)
