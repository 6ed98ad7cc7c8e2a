"""M11: the sender's own words."""

import time

import pytest

from mail2fax.reading.comment import LONGEST, own_words, shortened, text_of_html, unflowed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello\r\n\r\n\r\n\r\nBob", "Hello\n\nBob"),
        ("Please fax.\n-- \nAnn Meier\nOffice", "Please fax."),
        ("New\n> old\n> older\nmine", "New\nmine"),
        ("Yes\n\nOn Mon, 1 Jan 2026 at 10:00, Bob <b@x> wrote:\n> no", "Yes"),
        ("Ja\n\nAm 01.01.2026 um 10:00 schrieb Bob:\nalt", "Ja"),
        ("Oui\n\nLe 1 janvier 2026 Bob\na écrit :\nvieux", "Oui"),
        ("A\n-----Original Message-----\nB", "A"),
        ("A\n________________________________\nVon: B", "A"),
        ("A\nVon: Bob\nGesendet: gestern\nB", "A"),
        ("From: nobody else", "From: nobody else"),
        ("A\nSent from my iPhone", "A"),
        ("A\nThis e-mail is confidential and privileged", "A"),
        ("Scanned from a Xerox multifunction device", ""),
        ("a\u202eb\x07c", "abc"),
        ("   ", ""),
    ],
)
def test_history_signature_and_footers_are_cut(text: str, words: str) -> None:
    """M11: what the person wrote, and no more."""
    assert own_words(text) == words


def test_it_is_short() -> None:
    """Defaults: 500 characters."""
    assert len(shortened(own_words("word " * 400))) <= LONGEST
    assert shortened(own_words("word " * 400)).endswith("…")


def test_html_becomes_the_text_a_reader_sees() -> None:
    """M11: no styles, scripts, hidden or quoted text; blocks are lines."""
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><p>Grüße &amp;<br>mehr</p>"
        "<div style='display: none'>hidden<img></div><blockquote>old<p>x</p></blockquote>"
        "<div>end</div></p></body></html>"
        "<script><b>x</b></script>"
    )

    assert own_words(text_of_html(html)) == "Grüße &\nmehr\n\nend"


def test_flowed_lines_are_joined() -> None:
    """M11: RFC 3676, with and without DelSp."""
    assert unflowed("one \ntwo\n three", delete_space=False) == "one two\nthree"
    assert unflowed("on \ne\n-- \nx", delete_space=True) == "one\n-- \nx"


@pytest.mark.parametrize(
    "bomb",
    ["a" * 40_000, ">" * 40_000, "On " * 20_000, "-" * 40_000, "this message " * 4000,
     "<" * 40_000, "<div>" * 8000, "</div>" * 8000, " \t" * 20_000, "\n" * 40_000, "On x\n" * 8000],
)  # fmt: skip
def test_hostile_texts_are_read_at_once(bomb: str) -> None:
    """M11: every step is linear; a quadratic one misses this bound by far."""
    started = time.process_time()
    own_words(bomb)
    own_words(text_of_html(bomb))
    unflowed(bomb, delete_space=True)

    assert time.process_time() - started < 2.0
