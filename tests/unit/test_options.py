"""O1-O3, O5: marks, words, laying over."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.config_options import Body, Dialect
from mail2fax.reading.dialects.spoken import DIALECTS
from mail2fax.reading.headers import fields
from mail2fax.reading.options import words
from mail2fax.reading.options.laying import lay_over
from mail2fax.reading.options.marks import in_headers, in_subject, in_text
from mail2fax.reading.options.rules import OptionRules, WishRefused
from mail2fax.reading.options.words import understood
from mail2fax.values import Cover, Options, Retry, Wish

NOW = 1_800_000_000.0
RULES = OptionRules(
    "Europe/Zurich", ("+41225550100", "+41225550101"), most_retries=3,
    bill_codes=("4711", "4712", "4720", "9000", "9100", "9200"), users=("u1",),
)  # fmt: skip
RESOLUTIONS = st.sampled_from([None, "fine", "superfine"])
WORDS = st.text("abc", max_size=2)
COVERS = st.builds(
    Cover, WORDS, WORDS, WORDS, WORDS, st.lists(WORDS, unique=True, max_size=2).map(tuple), WORDS
)
SOME_OPTIONS = st.builds(
    Options,
    source_numbers=st.lists(WORDS, max_size=2).map(tuple),
    at=st.none() | st.floats(0, 9),
    resolution=RESOLUTIONS,
    enhance=st.none() | st.booleans(),
    retry=st.none() | st.builds(Retry),
    tags=st.lists(WORDS, unique=True, max_size=3).map(tuple),
    with_cover=st.none() | st.booleans(),
    cover=st.none() | COVERS,
    body=st.none() | WORDS,
)


def said(inside: str) -> Options:
    """What the inside of a Subject mark means."""
    return understood(in_subject(f"[fax: {inside}]").wishes, RULES, NOW)


def refusal(inside: str, rules: OptionRules = RULES) -> WishRefused:
    """Why the inside of a Subject mark is refused."""
    with pytest.raises(WishRefused) as refused:
        understood(in_subject(f"[fax: {inside}]").wishes, rules, NOW)
    assert str(refused.value).isascii()
    return refused.value


@pytest.mark.parametrize(
    ("inside", "options"),
    [
        ("", Options()),
        ("fine", Options(resolution="fine")),
        ("resolution: superfine", Options(resolution="superfine")),
        ("SUPERFINE", Options(resolution="superfine")),
        ("enhance=off", Options(enhance=False)),
        ("enhance", Options(enhance=True)),
        ("retry 3/15", Options(retry=Retry(3, 15))),
        ("at 2027-01-16 09:00", Options(at=1_800_086_400.0)),
        ("retry: 0/0", Options(retry=Retry(0, 0))),
        ("from +41225550101", Options(source_numbers=("+41225550101",))),
        ("from 0225550101", Options(source_numbers=("+41225550101",))),
        ("from 0041 22 555 01 01", Options(source_numbers=("+41225550101",))),
        (
            "from +41225550100, +41225550101",
            Options(source_numbers=("+41225550100", "+41225550101")),
        ),
        (
            "from +41225550100 & 022 555 01 01",
            Options(source_numbers=("+41225550100", "+41225550101")),
        ),
        ("tag oncology, tag ward 7", Options(tags=("oncology", "ward 7"))),
        ('comment "Please call, thanks"', Options(comment="Please call, thanks")),
        ("comment: a = b: c", Options(comment="a = b: c")),
        ("cover", Options(with_cover=True)),
        ("cover: off", Options(with_cover=False)),
        ("no cover", Options(with_cover=False)),
        (
            "to Dr Meier; company: Spital",
            Options(cover=Cover(name_to="Dr Meier", company="Spital")),
        ),
        ("sender Ann", Options(cover=Cover(name_from="Ann"))),
        ("urgent, please reply", Options(cover=Cover(flags=("urgent", "please_reply")))),
        ("flags: for review", Options(cover=Cover(flags=("for_review",)))),
        ("flags confidential urgent", Options(cover=Cover(flags=("confidential", "urgent")))),
        ("body: cover + comment", Options(body="comment+cover")),
        ("body page", Options(body="page")),
        ("resend m2f-7k3qx/2", Options(resend="M2F-7K3QX/2")),
        ("forward 5e7de3ad54cfd54eb568cc76", Options(resend="5e7de3ad54cfd54eb568cc76")),
        ("bill 4711", Options(bill="4711")),
        ("user u1", Options(user_id="u1")),
        ("report", Options(report=True)),
        ("lang en-GB", Options(lang="en")),
    ],
)
def test_the_vocabulary(inside: str, options: Options) -> None:
    """O1: every word, as people write it."""
    assert said(inside) == options


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("fien", '"fien" in the Subject is no option. Did you mean fine?'),
        ("att 08:00", "Did you mean at?"),
        ("zzz", "There are from, at"),
        ("Dr Meier", '"dr" in the Subject is no option'),
        ("+41225550123", "is no option"),
        ("\u202egnp", "is no option"),
        ("resolution fein", 'resolution: "fein" is not known. Did you mean fine?'),
        ("resolution", 'resolution: "" is not known. Write one of fine, superfine'),
        ("enhance maybe", "Write on or off"),
        ("cover Corpor", "Write on or off"),
        ("retry 4/1", "is not count/delay"),
        ("retry 1/31", "is not count/delay"),
        ("retry three", "is not count/delay"),
        ("tag", "nothing is written behind it"),
        ("tag ,", "nothing is written behind it"),
        ("to", "nothing is written behind it"),
        ("at", "no time is written"),
        ("from", "no number is written"),
        ("flags", "write one or more of urgent"),
        ("flags urgnt", "Did you mean urgent?"),
        ("body nowhere", "Write one of comment, cover"),
        ("resend something old", "is no reference"),
        ("lang xx", 'lang: "xx" is not known'),
        ("fine, superfine", "resolution stands twice in the Subject"),
        ("resend M2F-7K3QX, forward M2F-7K3QY", "resend stands twice"),
        (f"tag {'x' * 101}", "101 characters are more than 100"),
        (f"comment {'x' * 401}", "401 characters are more than 400"),
        ("tag m2f:01ARZ3NDEKTSV4RRFFQ69G5FAV", "marks faxes at Fax.Plus"),
    ],
)
def test_what_a_mark_does_not_mean(inside: str, why: str) -> None:
    """O3: inside a mark what is not understood stops the fax, with what to write."""
    refused = refusal(inside)

    assert why in str(refused)
    assert refused.status == "5.6.0"


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("from +41225550199", "no number you may send from (+41225550100, +41225550101)"),
        ("from 101", "no number you may send from"),
        ("from fax +41225550101", "no number you may send from"),
        ("from +225550101", "no number you may send from"),
        ("retry 3/15", "3 is more than the 0 you may ask for"),
        ("resend M2F-7K3QX", "cannot be sent again here"),
        ("bill 4713", "4713 is no billing code. Nearest are"),
        ("user u2", "no member you may send as"),
    ],
)
def test_what_the_rule_does_not_allow(inside: str, why: str) -> None:
    """O5: from, retry, resend, bill and user are the rule's to allow; near codes are named."""
    rules = OptionRules(
        source_numbers=RULES.source_numbers, may_resend="never", bill_codes=RULES.bill_codes
    )
    refused = refusal(inside, rules)

    assert why in str(refused)
    assert refused.status == "5.7.1"


def test_five_nearest_codes_are_named() -> None:
    """O5: of a list, the five nearest."""
    sentence = str(refusal("bill 4713"))

    assert sentence.startswith("bill: 4713 is no billing code. Nearest are 4712, 4711,")
    assert sentence.count(",") == 4


def test_an_unknown_rule_allows_nothing_beyond_the_defaults() -> None:
    """O5: no number, no retries, no member."""
    for inside in ("from +41225550100", "retry 1/1", "user u1"):
        assert refusal(inside, OptionRules()).status == "5.7.1"


@pytest.mark.parametrize(
    ("subject", "rest"),
    [
        ("Lab result", "Lab result"),
        ("[fax: fine] Lab result", "Lab result"),
        ("Lab  [Fax:fine]  result  12", "Lab result  12"),
        ("Lab [ fax : fine ]", "Lab"),
        ("[fax: fine][fax: urgent] Lab", "Lab"),
        ("  untouched  ", "  untouched  "),
        ("[fax] 5551234;5555678", "[fax] 5551234;5555678"),
        ("fax: fine", "fax: fine"),
        ("(fax: fine)", "(fax: fine)"),
        ("[fax at 08:00]", "[fax at 08:00]"),
        ("[telefax: fine]", "[telefax: fine]"),
    ],
)
def test_marks_are_removed_from_the_subject(subject: str, rest: str) -> None:
    """O3: what remains is the Subject; what is no mark is text."""
    assert in_subject(subject).text == rest


@pytest.mark.parametrize(
    "subject",
    ["Re: [fax: fine] Lab", "AW: [fax: fine]", "[EXT] Fwd: [fax: fine]", "RE[2]: x [fax: fine]"],
)
def test_a_mark_behind_an_answers_prefix_stops_the_fax(subject: str) -> None:
    """O6: it may be an older mail's."""
    with pytest.raises(WishRefused, match="may be an older mail's"):
        understood(in_subject(subject).wishes, RULES, NOW)


def test_a_mark_before_an_answers_prefix_is_the_senders() -> None:
    """O6: it was written now."""
    marked = in_subject("[fax: fine] Re: Lab")

    assert (marked.text, marked.wishes) == ("Re: Lab", (Wish("fine", "", "subject"),))


def test_an_open_mark_stops_the_fax() -> None:
    """O3: nobody knows where it ends."""
    with pytest.raises(WishRefused, match="without a closing"):
        understood(in_subject("Lab [fax: fine").wishes, RULES, NOW)


@given(st.text(max_size=200).filter(lambda text: "fax" not in text.lower()))
def test_a_subject_without_a_mark_steers_nothing(subject: str) -> None:
    """O3: outside a mark every bracket, slash and colon is text."""
    marked = in_subject(subject)

    assert (marked.text, marked.wishes) == (subject, ())


@given(st.text("[]fax: ,re", max_size=60))
def test_only_a_mark_steers(subject: str) -> None:
    """O3: however like a mark it looks, without one nothing changes."""
    marked = in_subject(subject)

    if not marked.wishes and marked.text != subject:
        assert "[" in subject
        assert ":" in subject
    if marked.text == subject:
        assert marked.wishes == ()


@given(
    st.text("ab c]/:", max_size=20), st.sampled_from(["fine", "at 08:00", ""]),
    st.text("ab c]/:", max_size=20),
)  # fmt: skip
def test_removing_a_mark_is_exact(before: str, inside: str, after: str) -> None:
    """O3: both sides stay as they are, but for the spaces where the mark was."""
    rest = in_subject(f"{before}[fax: {inside}]{after}").text

    assert rest == f"{before.rstrip()} {after.strip()}".strip()


@pytest.mark.parametrize(
    ("text", "rest", "keys"),
    [
        ("fax-options: fine, tag a\nHello", "Hello", ["fine", "tag"]),
        (
            "\n\ufeff Fax-Options : fine\r\nfax-options: urgent\r\n\r\nHi",
            "\r\nHi",
            ["fine", "urgent"],
        ),
        ("Hello\nfax-options: fine", "Hello\nfax-options: fine", []),
        ("> fax-options: fine\nHi", "> fax-options: fine\nHi", []),
        ("my fax-options: fine", "my fax-options: fine", []),
        ("", "", []),
    ],
)
def test_only_first_lines_are_read(text: str, rest: str, keys: list[str]) -> None:
    """O2, O6: options stand at the top of the text; quoted and later ones are text."""
    marked = in_text(text)

    assert marked.text == rest
    assert [wish.key for wish in marked.wishes] == keys


def test_headers_for_scripts() -> None:
    """O2: X-Fax-* one by one, or all in one; a foreign word stops the fax as any other."""
    block = (
        b"Subject: [fax: fine]\r\nX-FAX-At: 08:00\r\nX-Fax-Tag: =?utf-8?q?K=C3=A4se?=\r\n"
        b"X-Fax-Options: fine, retry 1/1\r\nX-Faxed: no\r\nX-Fax-Tag: b\r\n\r\n"
    )
    assert [(wish.key, wish.value) for wish in in_headers(fields(block))] == [
        ("at", "08:00"), ("tag", "K\u00e4se"), ("fine", ""), ("retry", "1/1"), ("tag", "b"),
    ]  # fmt: skip
    with pytest.raises(WishRefused, match='"dialstring" in the X-Fax headers is no option'):
        understood(in_headers(fields(b"X-FAX-Dialstring: 1\r\n\r\n")), RULES, NOW)
    with pytest.raises(WishRefused, match="too long to be read"):
        understood(in_headers(fields(b"X-Fax-Comment: " + b"x" * 9000 + b"\r\n\r\n")), RULES, NOW)


def test_the_nearer_place_wins() -> None:
    """O2: header under body under Subject under address; tags add up."""
    wishes = [
        Wish("resolution", "fine", "address"),
        Wish("resolution", "superfine", "header"),
        Wish("enhance", "on", "subject"),
        Wish("enhance", "off", "body"),
        Wish("tag", "a", "address"),
        Wish("tag", "b", "header"),
        Wish("lang", "en", "body"),
    ]
    assert understood(wishes, RULES, NOW) == Options(
        resolution="fine", enhance=True, tags=("b", "a"), lang="en"
    )


def test_every_word_stands_on_the_users_page() -> None:
    """O1: docs/options.md and the code name the same options, words and dialects."""
    page = (Path(__file__).parents[2] / "docs" / "options.md").read_text("utf-8")
    known = {*words.READERS, *(flag.replace("_", " ") for flag in words.FLAGS), *words.BODIES,
             *DIALECTS, "fine", "superfine", "no cover"} - {"flags", "resolution"}  # fmt: skip

    assert {word for word in known if f"`{word}`" not in page} == set()
    assert get_args(Dialect) == tuple(DIALECTS)
    assert {*get_args(Body), "page"} == set(words.BODIES)


def test_nothing_laid_over_changes_nothing() -> None:
    """O2: an empty place says nothing."""
    options = Options(resolution="fine", cover=Cover("x", flags=("urgent",)), with_cover=False)

    assert lay_over(options, Options()) == options == lay_over(Options(), options)


@given(SOME_OPTIONS, SOME_OPTIONS, SOME_OPTIONS)
def test_laying_over_is_associative(weak: Options, middle: Options, strong: Options) -> None:
    """O2: only the order of strength counts, not which places are laid first."""
    left = lay_over(lay_over(weak, middle), strong)

    assert left == lay_over(weak, lay_over(middle, strong)) == lay_over(weak, middle, strong)
