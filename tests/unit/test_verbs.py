"""W6: answer addresses, and the one verb of an answer."""

import pytest

from mail2fax.reading.verbs import Verb, address_of, token_in, verb_in
from mail2fax.spool.naming import new_answer_token

OURS = ("fax.example.com",)
TOKEN = "0123456789ABCDEF"


@pytest.mark.parametrize(
    ("path", "token"),
    [
        (f"re+{TOKEN}@fax.example.com", TOKEN),
        (f"RE+{TOKEN.lower()}@FAX.example.com.", TOKEN),
        (f"re+{TOKEN}@example.org", None),
        (f"re+{TOKEN}0@fax.example.com", None),
        ("re+0225550123@fax.example.com", None),
        (f"re+{TOKEN[:-1]}U@fax.example.com", None),
        (f"re+{TOKEN}", None),
        (f"xre+{TOKEN}@fax.example.com", None),
        (f"re+{TOKEN}@\udcff", None),
    ],
)
def test_an_answer_address_is_a_token_at_our_domain(path: str, token: str | None) -> None:
    """W6: 80 bits in base 32, written in either case; nothing near it."""
    assert token_in(path, OURS) == token


def test_a_made_token_comes_back() -> None:
    """W6: what stands in Reply-To is what is accepted, and no two are alike."""
    tokens = {new_answer_token() for _ in range(50)}

    assert len(tokens) == 50
    assert all(token_in(address_of(one, OURS[0]), OURS) == one for one in tokens)


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("send", Verb.SEND),
        ("Send.", Verb.SEND),
        ("\n  SENDEN!\n\nAnn", Verb.SEND),
        ("Envoyer", Verb.SEND),
        ("enviar", Verb.SEND),
        ("Send  without pictures", Verb.WITHOUT),
        ("ohne Bilder senden", Verb.WITHOUT),
        ("envoyer sans images", Verb.WITHOUT),
        ("Enviar sin im\u00e1genes", Verb.WITHOUT),
        ("drop", Verb.DROP),
        ("Verwerfen", Verb.DROP),
        ("abandonner", Verb.DROP),
        ("descartar", Verb.DROP),
        ("Status", Verb.STATUS),
        ("statut", Verb.STATUS),
        ("estado", Verb.STATUS),
        ("please send", None),
        ("send it", None),
        ("send drop", None),
        ("Hello\nsend", None),
        ("do not send", None),
        ("send?", None),
        ("cancel", None),
        ("", None),
    ],
)
def test_the_first_line_is_exactly_one_verb(words: str, verb: Verb | None) -> None:
    """W6: anything else, also a verb in a sentence or below one, is none."""
    assert verb_in(words) is verb
