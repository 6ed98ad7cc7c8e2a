"""RightFax: embedded codes anywhere in the text, such as ``<TONAME:Sergy><NOCOVER>``.

There a mistyped code is printed on the fax; here it stops the fax.
"""

import re

from mail2fax.reading.dialects.dialect import Dialect, names_destination, refused
from mail2fax.reading.options.marks import BODY, Marked
from mail2fax.values import Wish

_CODE = re.compile(r"<([A-Z][A-Z0-9]{2,24})(?::([^<>\n]*))?>", re.ASCII)
_NOT_CODES = frozenset({"MAILTO", "HTTP", "HTTPS", "FTP", "TEL", "FAX"})
_DESTINATIONS = frozenset({"TOFAXNUM", "FAXNUM", "TOFAX"})
_DEFAULT_DELAY = "5"
_LIBRARY = "Documents of a library cannot be added. Attach them to the mail"
_REFUSED = {
    "PRIORITY": "Priorities are not known to Fax.Plus. Leave it out",
    "WHO": "Who sends is known by login or network. Leave it out",
    "LIBDOC": _LIBRARY,
    "LIBDOC2": _LIBRARY,
    "ADDDOC": _LIBRARY,
    "NOSMARTRESUME": "Fax.Plus resumes in its own way. Leave it out",
}
_MEANINGS = {
    "TONAME": "to",
    "TOCOMPANY": "company",
    "FROMNAME": "sender",
    "BILLINFO1": "bill",
    "BILLINFO2": "tag",
}


def _in_text(text: str) -> Marked:
    codes = [one for one in _CODE.finditer(text) if _is_code(one[1], one[2])]
    if not codes:
        return Marked(text)
    said = {one[1]: (one[2] or "").strip() for one in codes}
    wishes = [wish for name, value in said.items() if (wish := _wish(name, value))]
    rest = _CODE.sub(lambda one: "" if _is_code(one[1], one[2]) else one[0], text)
    return Marked(rest.strip("\n"), (*wishes, *_retry(said)))


def _is_code(name: str, value: str | None) -> bool:
    """Whether it is meant as one: a word alone only if it is known."""
    if name in _NOT_CODES:
        return False
    return value is not None or name in ("NOCOVER", "COVER", *_REFUSED, *_DESTINATIONS)


def _wish(name: str, value: str) -> Wish | None:
    if name in _DESTINATIONS:
        return names_destination(f"<{name}>", BODY)
    if name in _REFUSED:
        return refused(f"<{name}>", _REFUSED[name], BODY)
    if name in ("COVER", "NOCOVER"):
        return Wish("cover", "on" if name == "COVER" else "off", BODY)
    if name in ("RETRYCOUNT", "RETRYINTERVAL"):
        return None  # they mean something only together
    return Wish(_MEANINGS.get(name, f"<{name.lower()}>"), value, BODY)


def _retry(said: dict[str, str]) -> tuple[Wish, ...]:
    if "RETRYCOUNT" not in said and "RETRYINTERVAL" not in said:
        return ()
    count = said.get("RETRYCOUNT", "3")
    return (Wish("retry", f"{count}/{said.get('RETRYINTERVAL', _DEFAULT_DELAY)}", BODY),)


RIGHTFAX = Dialect(in_text=_in_text)
