"""eFax: cover codes in the address, words in braces at the top of the text.

``18005551234/to=John_Doe/fr=Jane_Doe/co=Doe_Sprockets/cp=off@…`` and ``{nocoverpage}``.
"""

import re

from mail2fax.reading.dialects.dialect import Dialect
from mail2fax.reading.options.marks import BODY, Marked
from mail2fax.values import Wish

_BRACES = re.compile(r"\s*((?:\{[A-Za-z_ ]{1,40}\}\s*)+)", re.ASCII)
_WORD = re.compile(r"\{([^{}]*)\}")
_ADDRESS = {"fr": "sender", "co": "company", "cp": "cover"}
_BODY = {"nocoverpage": ("cover", "off"), "showbodytext": ("body", "page")}


def _in_text(text: str) -> Marked:
    found = _BRACES.match(text)
    if not found:
        return Marked(text)
    words = [word.strip().lower() for word in _WORD.findall(found[1])]
    wishes = (Wish(*_BODY.get(word, (f"{{{word}}}", "")), BODY) for word in words)
    return Marked(text[found.end() :], tuple(wishes))


def _in_address(wish: Wish) -> tuple[Wish, ...] | None:
    key = _ADDRESS.get(wish.key)
    return None if key is None else (Wish(key, wish.value, wish.place),)


EFAX = Dialect(in_text=_in_text, in_address=_in_address)
