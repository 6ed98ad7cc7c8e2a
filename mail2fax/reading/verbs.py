"""Answers to our replies: the address they come to, and the one verb they hold (W6). Pure.

A verb is the whole first line of the sender's own words and nothing beside it, so that no
sentence, signature or quoted reply is ever taken for a command.
"""

import re
from collections.abc import Container
from enum import StrEnum

from mail2fax.reading.addresses import same_domain

_TOKEN = re.compile(r"re\+([0-9a-hjkmnp-tv-z]{16})", re.ASCII | re.IGNORECASE)
_ENDS = " \t.!\u00a0"


class Verb(StrEnum):
    """What an answer can ask for."""

    SEND = "send"
    WITHOUT = "send without pictures"
    DROP = "drop"
    STATUS = "status"


_WORDS = {
    Verb.SEND: ("send", "senden", "envoyer", "enviar"),
    Verb.WITHOUT: (
        "send without pictures", "ohne bilder senden", "envoyer sans images",
        "enviar sin im\u00e1genes", "enviar sin imagenes",
    ),
    Verb.DROP: ("drop", "verwerfen", "abandonner", "descartar"),
    Verb.STATUS: ("status", "statut", "estado"),
}  # fmt: skip
_VERB_OF = {word: verb for verb, words in _WORDS.items() for word in words}


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


def verb_in(words: str) -> Verb | None:
    """The verb of an answer; None when its first line is not exactly one.

    Args:
        words: the sender's own words, in one of the four languages.
    """
    first = next((line for line in words.splitlines() if line.strip()), "")
    return _VERB_OF.get(" ".join(first.split()).strip(_ENDS).casefold())
