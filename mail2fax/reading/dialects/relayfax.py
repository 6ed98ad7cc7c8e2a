"""RelayFax: ``KEY:value`` lines at the top of the text, such as ``BILLINGCODE:4711``.

A password decides nothing here, because identity is a login, a network, a certificate or a
signature. Its line is removed wherever it stands, and its value goes nowhere.
"""

import re

from mail2fax.reading.dialects.dialect import Dialect, refused
from mail2fax.reading.options.marks import BODY, Marked
from mail2fax.values import Wish

_LINE = re.compile(
    r"\s*(BILLINGCODE|CONFIRMSEND|NOCOVERPAGE|FAXID|BANNERTEXT)\s*:(.*)", re.IGNORECASE
)
_PASSWORD = "faxpassword"  # noqa: S105 - the word, not one
_BANNER = "The line at the top of the pages is Fax.Plus's own. Leave it out"
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def _in_text(text: str) -> Marked:
    lines = [line for line in text.split("\n") if _PASSWORD not in line.lower()]
    wishes: list[Wish] = []
    last = 0
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line.rstrip("\r"))
        if found:
            wishes += _wishes(found[1].upper(), found[2].strip())
            last = number
        elif line.strip():
            break
    return Marked("\n".join(lines[last:]), tuple(wishes))


def _wishes(key: str, value: str) -> tuple[Wish, ...]:
    told = {
        "BILLINGCODE": Wish("bill", value, BODY),
        "FAXID": Wish("from", value, BODY),
        "BANNERTEXT": refused("BANNERTEXT", _BANNER, BODY),
        "NOCOVERPAGE": refused("NOCOVERPAGE", "Write true or false behind it", BODY),
        "CONFIRMSEND": refused("CONFIRMSEND", "Replies cannot be turned off in a mail", BODY),
    }
    truth = True if value.lower() in _TRUE else False if value.lower() in _FALSE else None
    if key == "CONFIRMSEND" and truth is True:
        return ()  # every fax is answered
    if key == "NOCOVERPAGE" and truth is not None:
        return (Wish("cover", "off" if truth else "on", BODY),)
    return (told[key],)


RELAYFAX = Dialect(in_text=_in_text)
