"""W6: answer addresses, and the one verb of an answer."""

import pytest

from mail2fax.reading.verbs import TO_WORDS, WORDS, Verb, Wanted, address_of, token_in, wanted_in
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
        ("Cancel", Verb.CANCEL),
        ("stornieren", Verb.CANCEL),
        ("Annuler.", Verb.CANCEL),
        ("cancelar", Verb.CANCEL),
        ("again", Verb.AGAIN),
        ("Nochmals!", Verb.AGAIN),
        ("encore", Verb.AGAIN),
        ("Otra vez", Verb.AGAIN),
        ("report", Verb.REPORT),
        ("Bericht", Verb.REPORT),
        ("enviar sin imagenes", Verb.WITHOUT),
        ("please send", None),
        ("send it", None),
        ("send drop", None),
        ("Hello\nsend", None),
        ("do not send", None),
        ("do not cancel", None),
        ("send?", None),
        ("cancel, please", None),
        ("cancel cancel", None),
        ("again to", None),
        ("again to Ann", None),
        ("again tomorrow", None),
        ("again and again", None),
        ("again to " + "1" * 60, None),
        ("", None),
    ],
)
def test_the_first_line_is_exactly_one_verb(words: str, verb: Verb | None) -> None:
    """W6: anything else, also a verb in a sentence or below one, is none."""
    assert wanted_in(words) == (verb and Wanted(verb))


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("again to 022 555 01 24", "022 555 01 24"),
        ("Again  to  +41 22 555 01 24.", "+41 22 555 01 24"),
        ("nochmals an 0225550124", "0225550124"),
        ("Encore \u00e0 +33 1 70 18 95 00", "+33 1 70 18 95 00"),
        ("encore a 0225550124", "0225550124"),
        ("otra vez a 0225550124\n\nAnn", "0225550124"),
    ],
)
def test_again_to_a_number(words: str, number: str) -> None:
    """W6: the number as written; whether it may be dialled is not decided here."""
    assert wanted_in(words) == Wanted(Verb.AGAIN, number)


def test_no_word_stands_for_two_verbs() -> None:
    """W6: in no language, with and without accents, in capitals, with a full stop."""
    words = [(verb, word) for verb, known in WORDS.items() for word in known]

    assert len({word for _, word in words}) == len(words)
    for verb, word in words:
        assert wanted_in(f" {word.upper()}. ") == Wanted(verb)
    assert all(wanted_in(f"{to} 0225550124") == Wanted(Verb.AGAIN, "0225550124") for to in TO_WORDS)
