"""Answers to our replies: the address they come to, and the one verb they hold (W6). Pure.

A verb is the whole first line of the sender's own words and nothing beside it, so that no
sentence, signature or quoted reply is ever taken for a command.
"""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from mail2fax.reading.addresses import same_domain

_TOKEN = re.compile(r"re\+([0-9a-hjkmnp-tv-z]{16})", re.ASCII | re.IGNORECASE)
_ENDS = " \t.!\u00a0"
_MOST_OF_A_NUMBER = 40


class Verb(StrEnum):
    """What an answer can ask for."""

    CANCEL = "cancel"
    AGAIN = "again"
    SEND = "send"
    WITHOUT = "send without pictures"
    DROP = "drop"
    STATUS = "status"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer asks for.

    Attributes:
        verb: the one verb.
        to: of ``again to NUMBER``, the number as written; else empty.
    """

    verb: Verb
    to: str = ""

    def __str__(self) -> str:
        return str(self.verb)


WORDS = {
    Verb.CANCEL: ("cancel", "stornieren", "abbrechen", "annuler", "cancelar", "anular"),
    Verb.AGAIN: ("again", "nochmals", "nochmal", "encore", "otra vez"),
    Verb.SEND: ("send", "senden", "envoyer", "enviar"),
    Verb.WITHOUT: (
        "send without pictures", "ohne bilder senden", "envoyer sans images",
        "enviar sin im\u00e1genes",
    ),
    Verb.DROP: ("drop", "verwerfen", "abandonner", "descartar"),
    Verb.STATUS: ("status", "statut", "estado"),
    Verb.REPORT: ("report", "bericht", "rapport", "informe"),
}  # fmt: skip
"""Each verb in English, German, French and Spanish; letter case and accents do not matter."""
TO_WORDS = ("again to", "nochmals an", "nochmal an", "encore \u00e0", "otra vez a")
"""What stands before the number of ``again to NUMBER``."""


def token_in(path: str, domains: Container[str]) -> str | None:
    """The token of an address such as ``re+<token>@fax.example.com``; None for any other.

    Args:
        path: a forward-path as written.
        domains: our fax domains, as lower-case A-labels.
    """
    local, _, domain = path.rpartition("@")
    found = _TOKEN.fullmatch(local)
    try:
        is_ours = same_domain(domain) in domains
    except UnicodeError:
        return None
    return found[1].upper() if found and is_ours else None


def address_of(token: str, domain: str) -> str:
    """The address that answers come to."""
    return f"re+{token.lower()}@{domain}"


def wanted_in(words: str) -> Wanted | None:
    """What an answer asks for; None when its first line is not exactly one verb.

    Args:
        words: the sender's own words, in one of the four languages.
    """
    first = next((line for line in words.splitlines() if line.strip()), "")
    line = " ".join(first.split()).strip(_ENDS)
    bare = _folded(line)
    if bare in _VERB_OF:
        return Wanted(_VERB_OF[bare])
    for before in _TO:
        if bare.startswith(f"{before} ") and len(bare) <= _MOST_OF_A_NUMBER + len(before):
            return _again_to(line.split(" ", before.count(" ") + 1)[-1])
    return None


def _again_to(number: str) -> Wanted | None:
    """``again to`` what looks like a number; whether it may be dialled is not said here."""
    has_digit = any(one in "0123456789" for one in number)
    return Wanted(Verb.AGAIN, number) if has_digit else None


def _folded(text: str) -> str:
    """Text without letter case and accents."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(one for one in plain if not unicodedata.combining(one)).casefold()


_VERB_OF = {_folded(word): verb for verb, words in WORDS.items() for word in words}
_TO = tuple(_folded(words) for words in TO_WORDS)
