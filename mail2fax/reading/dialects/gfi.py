"""GFI FaxMaker: ``::`` lines at the top of the text, such as ``::c=none,23:15,B=5``."""

import re

from mail2fax.reading.dialects.dialect import Dialect, names_destination, refused
from mail2fax.reading.options.marks import BODY, SUBJECT, Marked
from mail2fax.values import Wish

_DESTINATION = re.compile(r"\[\s*fax\s*:\s*\+?[0-9][0-9 ()./-]*\]", re.IGNORECASE)
_TIME = re.compile(r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2}):)?([0-9]{1,2}:[0-9]{2})(?::[0-9]{2})?")
_LIBRARY = "Documents of a library cannot be added. Attach them to the mail"
_REFUSED = {
    "s": ("::S=", _LIBRARY),
    "a": ("::A=", _LIBRARY),
    "p": ("::p=", "Priorities are not known to Fax.Plus. Leave it out"),
    "dl": ("::dl=", "Lines cannot be chosen. Write from: with one of your own numbers"),
    "fh": ("::fh=", "The line at the top of the pages is Fax.Plus's own. Leave it out"),
}


def _in_subject(subject: str) -> Marked:
    if not _DESTINATION.search(subject):
        return Marked(subject)
    rest = " ".join(_DESTINATION.sub(" ", subject).split())
    return Marked(rest, (names_destination("[FAX:number]", SUBJECT),))


def _in_text(text: str) -> Marked:
    lines = text.split("\n")
    wishes: list[Wish] = []
    last = 0
    for number, line in enumerate(lines, start=1):
        bare = line.strip()
        if bare.startswith("::"):
            wishes += [_wish(piece.strip()) for piece in bare[2:].split(",") if piece.strip()]
            last = number
        elif bare:
            break
    return Marked("\n".join(lines[last:]), tuple(wishes))


def _wish(piece: str) -> Wish:
    if time := _TIME.fullmatch(piece):
        return Wish("at", " ".join(part for part in time.groups() if part), BODY)
    key, _, value = (part.strip() for part in piece.partition("="))
    word = key.lower()
    if word in _REFUSED:
        return refused(*_REFUSED[word], BODY)
    known = {
        "c": Wish("cover", "off" if value.lower() == "none" else "on", BODY),
        "h": Wish("resolution", "superfine", BODY),
        "n": Wish("resolution", "fine", BODY),
        "b": Wish("bill", value, BODY),
        "fr": Wish("sender", value, BODY),
    }
    return known.get(word, Wish(f"::{word}", value, BODY))


GFI = Dialect(in_subject=_in_subject, in_text=_in_text)
