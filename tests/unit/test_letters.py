"""W1-W4: every letter in every language, as the relay gets it.

``python -m tests.letters`` makes pictures of them.
"""

import email
import email.policy
import re
import string
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.message import message_for
from mail2fax.answering.samples import STORY, Sample, samples
from mail2fax.answering.texts import KINDS, letter_for
from mail2fax.answering.wording import LANGUAGES
from mail2fax.spool.records import ReplyToSend
from tests.letters.making import NOW, SENDER, Made, letters_in, made

SAMPLES = {sample.name: sample for sample in samples()}
LETTERS = [
    pytest.param(sample, language, id=f"{sample.name}-{language}")
    for sample in SAMPLES.values()
    for language in LANGUAGES
]
_LONGEST = 78
_FORBIDDEN = frozenset({"img", "script", "link", "form", "iframe", "object", "svg", "a"})
_ATTRIBUTES = frozenset({"lang", "charset", "name", "content", "class", "role", "scope"})
_VOID = frozenset({"meta"})


def of(sample: Sample, language: str) -> Made:
    """One letter."""
    return made(sample, LetterSettings("Europe/Zurich", language=language))


class Outline(HTMLParser):
    """The elements of a page, refusing what is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Its words."""
        if "style" not in self.open:
            self.words.append(data)


def outline(page: str) -> Outline:
    """A page's elements."""
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == [], "every element is closed"
    return found


def test_every_kind_has_a_sample() -> None:
    """W4: none is written that nobody looks at."""
    assert {sample.kind for sample in SAMPLES.values()} == set(KINDS)


@pytest.mark.parametrize(("sample", "language"), LETTERS)
def test_each_letter_reads_in_any_mail_program(sample: Sample, language: str) -> None:
    """W1, W4: lines of a bearable length, ASCII on the wire, no key or placeholder left over."""
    letter = of(sample, language)

    assert letter.raw.isascii()
    assert max(map(len, letter.raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= _LONGEST
    assert max(map(len, letter.text.split("\n"))) <= _LONGEST
    assert not re.search(r"[{}]|\w+\.\w+_\w+", letter.text)
    assert letter.from_name.startswith("Fax ")
    assert letter.subject.startswith("Re: ")


@pytest.mark.parametrize(("sample", "language"), LETTERS)
def test_each_page_is_clean(sample: Sample, language: str) -> None:
    """W4: well-formed, nothing from outside, nothing that follows or runs; the same words."""
    letter = of(sample, language)
    if sample.story.identity.device:
        assert letter.html == ""
        return
    page = outline(letter.html)
    tags = [tag for tag, _ in page.tags]

    assert not _FORBIDDEN & set(tags)
    assert {name for _, attributes in page.tags for name in attributes} <= _ATTRIBUTES
    assert not re.search(r"url\(|@import|//", letter.html)
    assert dict(page.tags)["html"]["lang"] == language
    assert (tags.count("h1"), tags.count("title")) == (1, 1)
    assert "prefers-color-scheme: dark" in letter.html
    assert all(dict(page.tags)["th"]["scope"] == "row" for tag in tags if tag == "th")
    unmarked = outline(re.sub(r'<span class="whole">(.*?)</span>', r"\1", letter.html))
    assert _bare(letter.text) <= _bare(" ".join(unmarked.words))


def _bare(text: str) -> set[str]:
    """The words of a text, whatever stands around them."""
    return {word for one in text.split() if (word := one.strip(string.punctuation + "\u00a0«»"))}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sample", list(SAMPLES.values()), ids=list(SAMPLES))
def test_devices_get_plain_ascii(sample: Sample, language: str) -> None:
    """W4: in any language, without HTML, and nothing became a question mark."""
    device = replace(sample.story.identity, device=True)
    letter = of(replace(sample, story=replace(sample.story, identity=device)), language)

    assert (letter.text + letter.subject + letter.from_name).isascii()
    assert letter.html == ""
    assert letter.text.count("?") == of(sample, language).text.count("?")
    assert b"multipart/alternative" not in letter.raw


def test_german_for_devices_has_its_umlauts_written_out() -> None:
    """W4: ue for a small, UE for a large one among large ones."""
    device = replace(STORY.identity, device=True)
    held = SAMPLES["asked"]
    letter = of(replace(held, story=replace(held.story, identity=device)), "de")

    assert letter.from_name == "Fax ZURUECKGEHALTEN 0225550123"
    assert letter.subject == "Re: Befund Mueller"


def test_a_repeat_is_the_same_mail() -> None:
    """W1: the same Message-ID, and but for its Date the same bytes."""
    letter = letter_for("accepted", STORY, None, LetterSettings())
    reply = ReplyToSend("R1", "m", None, "accepted", NOW, 0, 0)
    first, second = (
        email.message_from_bytes(
            message_for(letter, reply, STORY, ["a@example.org"], SENDER, at),
            policy=email.policy.default,
        )
        for at in (NOW, NOW + 3600)
    )

    assert first["Message-ID"] == second["Message-ID"] == "<R1@fax.example.com>"
    assert first.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in first.iter_parts()] == ["text/plain", "text/html"]
    first.replace_header("Date", second["Date"])
    assert first.as_bytes() == second.as_bytes()


@pytest.mark.parametrize(
    "subject",
    [
        "Please send the following documents to our colleague Herr Müller in the morning",
        "Überweisung für Frau Müller-Lüdenscheidt und die Röntgenbilder vom Dienstag, bitte prüfen",
        "ü " * 80 + "end",
        "a subject of that length which Python begins on a line of its own x",
    ],
)
def test_a_subject_comes_back_as_it_was(subject: str) -> None:
    """W1, R10: however it is folded; mail programs gather a thread by it."""
    sample = SAMPLES["accepted"]
    letter = of(replace(sample, story=replace(sample.story, subject=subject)), "en")

    assert letter.subject == f"Re: {subject}"


def test_no_name_is_given_twice() -> None:
    """W4: each letter is a picture of its own."""
    names = [one.name for one in letters_in("en")]

    assert len(names) == len(set(names))


def test_a_reason_is_told_once_and_ends() -> None:
    """W2: not again with each fax; a sentence has its period."""
    refused, again = of(SAMPLES["refused"], "en"), of(SAMPLES["again-nothing"], "en")

    assert refused.text.count("is damaged") == 1
    assert "Cancel it first, or wait for its outcome.\r\n" in again.text


def test_what_may_be_at_fax_plus_is_not_called_unsent() -> None:
    """W2, W3: of an order in doubt neither is known."""
    held = of(SAMPLES["held"], "en")

    assert "Not known yet whether it was handed over." in held.text
    assert "Not handed over" not in held.text
    assert held.text.count("shows no trace") == 1


@pytest.mark.parametrize(
    ("whole", "sample"),
    [("+39 02 5550 1234", "again"), ("M2F-7K3QX/1", "accepted"), ("--not-arrived", "held")],
)
def test_no_line_ends_within_what_is_copied(whole: str, sample: str) -> None:
    """W4: a number, a reference, an option of a command; text is escaped all the same."""
    assert f'<span class="whole">{whole}</span>' in of(SAMPLES[sample], "en").html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("letter", ["alert-disk", "alert-relay-over", "notice"])
def test_letters_about_no_mail_read_well(letter: str, language: str) -> None:
    """W4, S6: lines of a bearable length, the same words in the page, a short subject."""
    made = next(one for one in letters_in(language) if one.name == letter)

    assert made.raw.isascii()
    assert max(map(len, made.raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= _LONGEST
    assert len(made.subject) <= _LONGEST
    if made.html:
        unmarked = outline(re.sub(r'<span class="whole">(.*?)</span>', r"\1", made.html))
        assert _bare(made.text) <= _bare(" ".join(unmarked.words))


def test_names_of_strangers_are_text_in_a_page() -> None:
    """W1, W4: a file name is no markup, whatever it says."""
    evil = replace(STORY.documents[0], filename="</td><script>alert(1)</script><img src=x>.pdf")
    story = replace(STORY, documents=(evil,))
    page = letter_for("accepted", story, None, LetterSettings()).html

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    outline(page)


def test_nothing_of_the_content_is_in_a_letter() -> None:
    """W1: not even what is kept as the comment."""
    story = replace(STORY, comment="the patient's secret")
    for sample in SAMPLES.values():
        letter = made(replace(sample, story=replace(sample.story, comment="the secret")),
                      LetterSettings())  # fmt: skip
        assert "secret" not in letter.text + letter.html
    assert story.comment not in letter_for("accepted", story, None, LetterSettings()).html
