"""W4: an admin's words and templates are tried at start; one that fails later stops no reply."""

from dataclasses import replace
from pathlib import Path

import pytest

from mail2fax.answering import layout, overrides, templating
from mail2fax.answering.case import Case, LetterSettings
from mail2fax.answering.layout import VARIABLES
from mail2fax.answering.samples import STORY, samples
from mail2fax.answering.templating import TemplateFailed, rendered
from mail2fax.answering.texts import KINDS, letter_for
from mail2fax.answering.wording import words_of
from mail2fax.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs" / "replies.md"


def own(directory: Path, **files: str) -> Path:
    """A directory with such files; ``__`` stands for the dot of a name."""
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return directory


def problems(directory: Path) -> list[str]:
    """What is told at start, without the directory's own path."""
    with pytest.raises(ConfigError) as caught:
        overrides.check(directory)
    return [one.replace(f"{directory}/", "") for one in caught.value.problems]


def test_words_and_templates_of_ones_own(tmp_path: Path) -> None:
    """W4: a sentence changed in one language, a line below every page, one kind laid out anew."""
    directory = own(
        tmp_path,
        de__toml='[accepted]\none = "Ihr Fax an {number} ist unterwegs zu Fax.Plus."\n'
        '[reasons]\n"The line was busy" = "Besetzt"\n',
        letter__html='{% extends "built-in/letter.html" %}'
        '{% block bottom %}{% include "_office.html" %}{% endblock %}',
        _office__html="<p>Praxis <b>Dr. Meier</b>, {{ reference }}</p>",
        outcome__txt="{{ headline }}\n{% for fact in facts %}{{ fact.value }};{% endfor %}\n",
    )
    overrides.check(directory)
    settings = LetterSettings(language="de", templates=directory)
    accepted = letter_for("accepted", STORY, None, settings)
    failed = next(one for one in samples() if one.name == "outcome-failed")
    outcome = letter_for("outcome", failed.story, failed.fax_id, settings)

    assert accepted.body.startswith("Ihr Fax an +41 22 555 01 23 ist unterwegs zu Fax.Plus.\n")
    assert "<p>Praxis <b>Dr. Meier</b>, M2F-7K3QX</p>" in accepted.html
    assert "M2F-7K3QX/1;" in outcome.body
    assert "Besetzt. Es wurde 4 Mal versucht." in outcome.html
    assert letter_for("accepted", STORY, None, LetterSettings()).body.startswith("Your fax to")


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("de__toml", 'a = "x', "de.toml:1: Unterminated string"),
        ("de__toml", "\na = \n", "de.toml:2: Invalid value"),
        ("de__toml", '[accepted]\nno = "x"', "de.toml:2: accepted.no: there is no such sentence"),
        ("de__toml", "[accepted]\n\none = 7", "de.toml:3: accepted.one: write a text in quotes"),
        (
            "de__toml", '[accepted]\none = "{whom}"',
            "de.toml:2: accepted.one: {whom} is not known here. Known are number",
        ),
        (
            "de__toml", '[accepted]\none = "{number.real}"',
            "de.toml:2: accepted.one: only {name} may stand in braces, not {number.real}",
        ),
        (
            "de__toml", '[reasons]\n"What now" = "x"',
            "de.toml:2: reasons.What now: there is no such sentence",
        ),
        ("it__toml", "", "it.toml: there is no such letter. There are en.toml"),
        ("outcom__html", "", "outcom.html: there is no such letter. There are en.toml"),
        ("letter__html", "\n{% if x %}", "letter.html:2: Unexpected end of template."),
        ("letter__html", "\n\n{{ hedline }}", "letter.html:3: hedline is not known."),
        ("letter__txt", "\n{{ faxes[9].line }}", "letter.txt:2: list object has no element 9"),
        ("letter__txt", "{% for a in faxes %}\n{{ a.lin }}{% endfor %}", "letter.txt:2: 'dict obj"),
        ("letter__txt", "{{ ''.__class__ }}", "letter.txt:1: access to attribute '__class__'"),
        ("letter__txt", "{% for i in range(9) %}{% endfor %}", "letter.txt:1: range is not known."),
        ("letter__txt", "{% include '../x' %}", "letter.txt:1: ../x"),
        ("letter__txt", "{{ lead.append('x') }}", "letter.txt:1: access to attribute 'append'"),
        ("_x__html", "{% if", "_x.html:1: "),
        ("letter__txt", "{{ ('x' * 3000000) }}", "it is too long, or too slow"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_at_start(tmp_path: Path, file: str, text: str, told: str) -> None:
    """W4: with its place."""
    assert told in problems(own(tmp_path, **{file: text}))[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """W4: as those of the configuration are."""
    directory = own(tmp_path, de__toml='x = "y"', fr__toml='x = "y"', letter__txt="{{ a }}")

    assert len(problems(directory)) == 3
    assert problems(tmp_path / "nowhere")[0].endswith("templates: No such file or directory")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """W4: of words and of templates."""
    (tmp_path / "de.toml").write_bytes(b"\xff")
    (tmp_path / "letter.txt").write_bytes(b"\xff")
    (tmp_path / ".swp").write_bytes(b"\xff")

    assert problems(tmp_path) == [
        "de.toml: it cannot be read (UnicodeDecodeError)",
        "letter.txt: it cannot be read (UnicodeDecodeError)",
    ]


def test_a_template_that_fails_later_stops_no_reply(tmp_path: Path) -> None:
    """W4: our own is used, and the problem is told with the letter."""
    text = "{{ headline }}{{ 1 // (faxes | length - 7) }}"
    directory = own(tmp_path, letter__txt=text)
    settings = LetterSettings(templates=directory)
    many = replace(STORY, faxes=STORY.faxes * 7)

    assert letter_for("accepted", STORY, None, settings).problem == ""
    letter = letter_for("accepted", many, None, settings)
    assert letter.problem.startswith(f"{directory}/letter.txt:1: ")
    assert letter.body == letter_for("accepted", many, None, LetterSettings()).body


def test_a_template_of_ours_that_fails_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """W4: there is nothing to fall back to."""

    def fails(*_: object) -> str:
        raise TemplateFailed("x")

    monkeypatch.setattr(layout, "rendered", fails)
    with pytest.raises(TemplateFailed):
        letter_for("accepted", STORY, None, LetterSettings())


def test_a_template_that_never_ends_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W4: between two of its outputs."""
    monkeypatch.setattr(templating, "_SLOWEST", -1.0)

    with pytest.raises(TemplateFailed, match="too slow"):
        rendered("letter.txt", own(tmp_path, letter__txt="x"), {})


def test_every_variable_is_documented() -> None:
    """W4: and what is documented is there."""
    content = KINDS["accepted"](Case(STORY, None, words_of("en"), LetterSettings()))
    shown = layout.variables("accepted", STORY, content, words_of("en"))
    told = DOCS.read_text(encoding="utf-8")

    assert shown.keys() == VARIABLES
    for name in VARIABLES:
        assert f"`{name}`" in told, name
    for name in shown["faxes"][0].keys() | shown["documents"][0].keys():
        assert f".{name}`" in told, name
