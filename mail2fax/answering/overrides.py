"""An admin's own words and templates: every mistake is told before the daemon starts (W4).

The directory may hold ``de.toml`` and its like with changed sentences, and templates:
``letter.html`` and ``letter.txt`` for all letters, ``outcome.html`` and its like for one kind,
and files that begin with ``_`` for what they include. docs/replies.md says what they see.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.layout import VARIABLES
from mail2fax.answering.samples import samples
from mail2fax.answering.templating import TemplateFailed, undeclared
from mail2fax.answering.texts import KINDS, letter_for
from mail2fax.answering.wording import (
    LANGUAGES,
    REASONS,
    built_in,
    flattened,
    placeholders_of,
    read_words,
)
from mail2fax.errors import ConfigError

_NAMES = ("letter", *(kind.replace(" ", "_") for kind in KINDS))
_TEMPLATES = tuple(f"{name}.{ending}" for name in _NAMES for ending in ("html", "txt"))
_WORDS = tuple(f"{language}.toml" for language in LANGUAGES)
_AT_LINE = re.compile(r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column \d+|.*)\)")
_HEADING = re.compile(r"\s*\[([\w.-]+)\]")


def check(own: Path) -> None:
    """Try an admin's directory.

    Raises:
        ConfigError: with every mistake, ``file:line: what``.
    """
    try:
        files = sorted(own.iterdir())
    except OSError as error:
        raise ConfigError([f"{own}: templates: {error.strerror}"]) from error
    problems = [problem for file in files for problem in _problems(file)]
    if problems:
        raise ConfigError(problems)
    if failed := dict.fromkeys(_failures(own)):
        raise ConfigError(list(failed))


def _problems(file: Path) -> Iterator[str]:
    if file.name.startswith("."):
        return
    if file.name in _WORDS:
        yield from _problems_of_words(file)
    elif file.name in _TEMPLATES or file.name.startswith("_"):
        yield from _problems_of_template(file)
    else:
        known = ", ".join((*_WORDS, *_TEMPLATES))
        yield f"{file}: there is no such letter. There are {known}, and _NAME to include"


def _problems_of_template(file: Path) -> Iterator[str]:
    try:
        unknown = undeclared(file) - VARIABLES
    except TemplateFailed as failed:
        yield str(failed)
        return
    for name in [] if file.name.startswith("_") else sorted(unknown):
        yield f"{file}:{_line_with(file, name)}: {name} is not known. See docs/replies.md"


def _problems_of_words(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        yield f"{file}: it cannot be read ({type(error).__name__})"
        return
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.fullmatch(str(error))
        last = len(file.read_text(encoding="utf-8").splitlines())
        yield f"{file}:{(found and found['line']) or last}: {found['what'] if found else error}"
        return
    ours, reasons = read_words(built_in(file.stem))
    for key, sentence in flattened(tables):
        table, _, name = key.partition(".")
        english = name if table == REASONS else ""
        wanted = reasons.get(english) if english else ours.get(key)
        if problem := _problem_of_sentence(wanted, sentence):
            yield f"{file}:{_line_of(text, key)}: {key}: {problem}"


def _problem_of_sentence(ours: str | None, own: object) -> str:
    """What is wrong with a changed sentence; empty when nothing is."""
    if ours is None:
        return "there is no such sentence"
    if not isinstance(own, str):
        return "write a text in quotes"
    try:
        unknown = placeholders_of(own) - placeholders_of(ours)
    except ValueError as error:
        return str(error)
    known = ", ".join(sorted(placeholders_of(ours))) or "none"
    return f"{{{min(unknown)}}} is not known here. Known are {known}" if unknown else ""


def _line_of(text: str, key: str) -> int:
    """The line of a key in a TOML file; 1 where it is not found."""
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            table = f"{heading[1]}."
        name = line.partition("=")[0].strip().strip("\"'")
        if name and key.startswith(table + name):
            return number
    return 1


def _line_with(file: Path, name: str) -> int:
    """The first line of a template that names something."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    return next((number for number, line in lines if word.search(line)), 1)


def _failures(own: Path) -> Iterator[str]:
    """What fails when every sample letter is written in every language."""
    for language in LANGUAGES:
        settings = LetterSettings(language=language, templates=own)
        for sample in samples():
            letter = letter_for(sample.kind, sample.story, sample.fax_id, settings, sample.told)
            if letter.problem:
                yield letter.problem
