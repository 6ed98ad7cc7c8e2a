"""The words of one language: sentences by their keys, reasons, times and sizes.

``words/<language>.toml`` holds every sentence of every letter, and the reasons that other
stations wrote down, each by its English form. An admin's file of the same name may change some
of them; it is checked when the daemon starts.
"""

import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from mail2fax.answering.reasons import Reasons
from mail2fax.clock import utc
from mail2fax.reading.countries import country_name

LANGUAGES = ("en", "de", "fr", "es")
REASONS = "reasons"
_MEGABYTE = 1_000_000
_FRENCH_SPACE = re.compile("(?<=\u00ab) | (?=[:;?!\u00bb])")


class Words:
    """What is said in one language.

    Attributes:
        language: its code.
    """

    def __init__(
        self, language: str, sentences: Mapping[str, str], reasons: Mapping[str, str],
        countries: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Take the sentences.

        Args:
            language: its code.
            sentences: by dotted key, such as ``accepted.one``.
            reasons: by their English form; empty for English itself.
            countries: names by their ISO 3166 code.
        """
        self.language = language
        self._sentences = sentences
        self._countries = countries
        own = {country_name(region): name for region, name in countries.items()}
        self._reasons = Reasons(reasons, own)

    def say(self, key: str, **facts: object) -> str:
        """A sentence with its facts; an empty one at its end leaves no blank behind."""
        return self._typeset(self._sentences[key].format(**facts)).strip(" ")

    def country(self, region: str) -> str:
        """A country's name, by its ISO 3166 code."""
        return self._countries.get(region) or country_name(region)

    def _typeset(self, text: str) -> str:
        """French sets a space before some signs, at which no line may break."""
        return _FRENCH_SPACE.sub("\u00a0", text) if self.language == "fr" else text

    def count(self, key: str, number: int) -> str:
        """So many of something: ``2 pages``."""
        return self.say(f"{key}.{'one' if number == 1 else 'many'}", n=number)

    def all_of(self, table: str) -> dict[str, str]:
        """The sentences of one table by their own names, such as all labels."""
        begin = f"{table}."
        return {
            key.removeprefix(begin): sentence
            for key, sentence in self._sentences.items()
            if key.startswith(begin)
        }

    def reason(self, sentence: str) -> str:
        """A reason that was written down in English; as it stands where it is not known."""
        return self._typeset(self._reasons.told(sentence))

    def unknown_in(self, sentence: str) -> list[str]:
        """What of a reason would stand in English."""
        return self._reasons.unknown_in(sentence)

    def time(self, seconds: float, timezone: str) -> str:
        """A moment on the office's clock."""
        at: datetime = utc(seconds).astimezone(ZoneInfo(timezone))
        return self.say(
            "time.at",
            day=self.say("time.first") if at.day == 1 else at.day,
            month=self.say("time.months").split()[at.month - 1],
            year=at.year,
            hour=f"{at.hour:02}",
            minute=f"{at.minute:02}",
            zone=at.tzname(),
        )

    def duration(self, seconds: int | None) -> str:
        """Seconds on the line; empty when they are not known."""
        if seconds is None:
            return ""
        minutes, rest = divmod(seconds, 60)
        which = "minutes" if minutes else "seconds"
        return self.say(f"duration.{which}", minutes=minutes, seconds=rest)

    def size(self, size: int) -> str:
        """Bytes in round numbers."""
        if size >= _MEGABYTE:
            shown = f"{size / _MEGABYTE:.1f}".replace(".", self.say("decimal"))
            return self.say("size.mb", n=shown)
        return self.say("size.kb", n=max(1, round(size / 1000)))


def placeholders_of(sentence: str) -> set[str]:
    """The names of the facts a sentence wants.

    Raises:
        ValueError: its braces do not match, or hold more than a name.
    """
    names = set()
    for _, name, spec, conversion in string.Formatter().parse(sentence):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"only {{name}} may stand in braces, not {{{name}}}")
        names.add(name)
    return names


def flattened(tables: Mapping[str, object], begin: str = "") -> Iterator[tuple[str, object]]:
    """(dotted key, value) of everything in a TOML file."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{begin}{key}.")
        else:
            yield begin + key, value


def read_words(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The sentences and the reasons of a file of words, all of them as text."""
    tables = tomllib.loads(text)
    reasons = tables.pop(REASONS, {})
    return {key: str(value) for key, value in flattened(tables)}, dict(reasons)


def built_in(name: str) -> str:
    """A file of words that comes with mail2fax."""
    file = resources.files("mail2fax.answering") / "words" / f"{name}.toml"
    return file.read_text(encoding="utf-8")


def countries_in(language: str) -> dict[str, str]:
    """The names of countries by their code; none for English, whose names are ours already."""
    names = tomllib.loads(built_in("countries")).get(language, "")
    entries = (entry for line in names.split("\n") for entry in line.split("|") if entry)
    return {entry[:3].strip(): entry[3:].strip() for entry in entries}


@cache
def words_of(language: str, overrides: Path | None = None) -> Words:
    """The words of a language.

    Args:
        language: one of `LANGUAGES`.
        overrides: an admin's directory, whose file of the language stands over ours.
    """
    sentences, reasons = read_words(built_in(language))
    own = overrides / f"{language}.toml" if overrides else None
    if own is not None and own.exists():
        changed, told = read_words(own.read_text(encoding="utf-8"))
        sentences, reasons = sentences | changed, reasons | told
    return Words(language, sentences, reasons, countries_in(language))
