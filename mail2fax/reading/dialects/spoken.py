"""Our own marks and the spellings of the dialects a rule names, read together (O3, O6)."""

import re
from collections.abc import Callable, Iterable

from mail2fax.reading.dialects.dialect import Dialect
from mail2fax.reading.dialects.efax import EFAX
from mail2fax.reading.dialects.faxback import FAXBACK
from mail2fax.reading.dialects.gfi import GFI
from mail2fax.reading.dialects.interfax import INTERFAX
from mail2fax.reading.dialects.relayfax import RELAYFAX
from mail2fax.reading.dialects.rightfax import RIGHTFAX
from mail2fax.reading.options import marks
from mail2fax.reading.options.marks import ADDRESS, Marked
from mail2fax.values import Wish

DIALECTS = {
    "interfax": INTERFAX,
    "gfi": GFI,
    "rightfax": RIGHTFAX,
    "relayfax": RELAYFAX,
    "efax": EFAX,
    "faxback": FAXBACK,
}


def read_subject(subject: str, dialects: Iterable[str]) -> Marked:
    """A Subject without marks, and the wishes in them."""
    foreign = _through(subject, (DIALECTS[name].in_subject for name in dialects))
    own = marks.in_subject(foreign.text)
    return Marked(own.text, (*foreign.wishes, *own.wishes))


def read_words(words: str, dialects: Iterable[str]) -> Marked:
    """The sender's own words, whose first lines were read, without foreign spellings."""
    return _through(words, (DIALECTS[name].in_text for name in dialects))


def translated(wishes: Iterable[Wish], dialects: Iterable[str]) -> tuple[Wish, ...]:
    """Wishes whose foreign words of addresses became ours."""
    spoken = [DIALECTS[name] for name in dialects]
    return tuple(ours for wish in wishes for ours in _ours(wish, spoken))


def with_plain_separators(local: str, dialects: Iterable[str]) -> str:
    """A local part whose foreign options begin with ``/`` as ours do."""
    for name in dialects:
        if foreign := DIALECTS[name].separator:
            local = re.sub(rf"{re.escape(foreign)}(?= *[A-Za-z])", "/", local)
    return local


def _ours(wish: Wish, spoken: Iterable[Dialect]) -> tuple[Wish, ...]:
    if wish.place == ADDRESS:
        for dialect in spoken:
            if (meant := dialect.in_address(wish)) is not None:
                return meant
    return (wish,)


def _through(text: str, readers: Iterable[Callable[[str], Marked]]) -> Marked:
    wishes: tuple[Wish, ...] = ()
    for read in readers:
        marked = read(text)
        text, wishes = marked.text, (*wishes, *marked.wishes)
    return Marked(text, wishes)
