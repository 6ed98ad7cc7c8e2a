"""W4: every language says everything, with the same facts."""

import string
from collections.abc import Iterator

import pytest

from mail2fax.answering.wording import (
    LANGUAGES,
    built_in,
    countries_in,
    placeholders_of,
    read_words,
    words_of,
)
from mail2fax.reading.countries import REGIONS
from mail2fax.reading.verbs import Verb, Wanted, wanted_in

ENGLISH, _ = read_words(built_in("en"))
OTHERS = LANGUAGES[1:]
_VERBS = {
    "cancel": Wanted(Verb.CANCEL), "again": Wanted(Verb.AGAIN),
    "again_to": Wanted(Verb.AGAIN, "0225550123"), "send": Wanted(Verb.SEND),
    "without": Wanted(Verb.WITHOUT), "drop": Wanted(Verb.DROP), "status": Wanted(Verb.STATUS),
    "report": Wanted(Verb.REPORT),
}  # fmt: skip
_A_NUMBER = {"en": "NUMBER", "de": "NUMMER", "fr": "NUM\u00c9RO", "es": "N\u00daMERO"}
NOON = 1_798_801_200.0  # 1 Jan 2027, 11:00 UTC


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_with_the_same_facts(language: str) -> None:
    """W4: a sentence of a letter is written once in each language."""
    sentences, _ = read_words(built_in(language))

    assert sentences.keys() == ENGLISH.keys()
    for key, english in ENGLISH.items():
        assert placeholders_of(sentences[key]) == placeholders_of(english), key
        assert sentences[key].strip(), key


def test_sentences_are_translated() -> None:
    """W4: no language holds a sentence of another; single words may be the same."""
    read = {language: read_words(built_in(language))[0] for language in LANGUAGES}
    for key, english in ENGLISH.items():
        told = [read[language][key] for language in LANGUAGES]
        if english.count(" ") > 3:
            assert len(set(told)) == len(LANGUAGES), key


def _reasons() -> Iterator[tuple[str, str, str]]:
    for language in OTHERS:
        for english, told in read_words(built_in(language))[1].items():
            yield language, english, told


def test_every_reason_is_there_with_the_same_facts() -> None:
    """W2, W3: no language knows a reason that another does not."""
    known = {language: read_words(built_in(language))[1] for language in OTHERS}

    assert known["de"].keys() == known["fr"].keys() == known["es"].keys()
    for language, english, told in _reasons():
        facts = {name for _, name, _, _ in string.Formatter().parse(english) if name}
        assert facts == placeholders_of(told), (language, english)
        assert not english.endswith("."), english
        assert not told.endswith("."), english
    assert not read_words(built_in("en"))[1]


def test_german_is_written_as_in_switzerland_too() -> None:
    """W4: one German for everybody, without the letter that Swiss offices do not write."""
    assert "ß" not in built_in("de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_verbs_are_understood(language: str) -> None:
    """W6: what a letter offers as an answer is read as one."""
    words = words_of(language)

    assert words.all_of("verb").keys() == _VERBS.keys() == words.all_of("verb_means").keys()
    for key, wanted in _VERBS.items():
        answer = words.say(f"verb.{key}").replace(_A_NUMBER[language], "0225550123")
        assert wanted_in(answer) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_handed_over_and_confirmed_are_different_words(language: str) -> None:
    """Promise 4: in every language."""
    words = words_of(language)
    states = list(words.all_of("state").values())

    assert len({state.casefold() for state in states}) == len(states)
    received = words.say("line.success", id="x"), words.say("outcome.success", number="x")
    handed = words.say("line.ordered", id="x"), words.say("accepted.one", number="x")
    assert not set(received) & set(handed)


@pytest.mark.parametrize("language", OTHERS)
def test_countries_have_names(language: str) -> None:
    """W2: all of them, in the reader's language."""
    assert countries_in(language).keys() == set(REGIONS)
    assert words_of(language).country("DE") != "Germany"
    assert words_of("en").country("DE") == "Germany"


@pytest.mark.parametrize(
    ("language", "time", "size", "duration"),
    [
        ("en", "1 Jan 2027, 12:00 CET", "2.5 MB", "1 min 5 s"),
        ("de", "1. Januar 2027, 12:00 Uhr (CET)", "2,5 MB", "1 min 5 s"),
        ("fr", "1er janvier 2027 à 12\u00a0h\u00a000 (CET)", "2,5 Mo", "1 min 5 s"),
        ("es", "1 de enero de 2027, 12:00 (CET)", "2,5 MB", "1 min 5 s"),
    ],
)
def test_times_and_sizes(language: str, time: str, size: str, duration: str) -> None:
    """W2, W3: as people of that language write them."""
    words = words_of(language)

    assert words.time(NOON, "Europe/Zurich") == time
    assert (words.size(2_500_000), words.duration(65)) == (size, duration)
    assert words.duration(None) == ""
    assert words.count("pages", 1) != words.count("pages", 2)


def test_french_lines_do_not_break_before_a_colon() -> None:
    """W4: French sets a space there, which belongs to the word before it."""
    assert "est endommagé\u00a0: x" in words_of("fr").reason("“a: b.pdf” is damaged: x.")
    assert words_of("fr").say("colon") == "\u00a0:"


@pytest.mark.parametrize("sentence", ["{a.b}", "{a!r}", "{a:>9}", "{0}", "{", "{}"])
def test_only_names_stand_in_braces(sentence: str) -> None:
    """W4: an admin's sentence reaches nothing but its facts."""
    with pytest.raises(ValueError, match=r"[{}]"):
        placeholders_of(sentence)
