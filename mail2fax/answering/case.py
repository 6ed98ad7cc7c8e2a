"""What a letter is about, and what every letter needs to know. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mail2fax.answering.facts import dialled
from mail2fax.answering.wording import Words
from mail2fax.spool.records import FaxStory, MailStory
from mail2fax.values import Outcome


@dataclass(frozen=True, slots=True)
class LetterSettings:
    """What every letter needs to know.

    Attributes:
        timezone: IANA name of the office's time.
        give_up: seconds after which an unsent fax is given up.
        hold_for: seconds after which a held one is.
        language: of those who did not say which they want.
        timezones: those of rules that have their own, by the rule's name.
        templates: an admin's directory of words and templates; None for ours alone.
    """

    timezone: str = "UTC"
    give_up: float = 4 * 3600.0
    hold_for: float = 86400.0
    language: str = "en"
    timezones: Mapping[str, str] = field(default_factory=dict)
    templates: Path | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What a letter is about: a mail, one fax of it or none, in whose words and time.

    Attributes:
        told: what became of a verb, as its reply holds it.
    """

    story: MailStory
    fax: FaxStory | None
    words: Words
    settings: LetterSettings
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """The fax's number as dialled."""
        return dialled(self.the_fax.number)

    @property
    def the_fax(self) -> FaxStory:
        """The fax, in letters that tell of one."""
        assert self.fax is not None, "this kind tells of one fax"
        return self.fax

    @property
    def outcome(self) -> Outcome:
        """How it ended, in letters that tell so."""
        assert self.the_fax.outcome is not None, "an outcome reply tells of one"
        return self.the_fax.outcome

    def say(self, key: str, **values: object) -> str:
        """A sentence of the letter."""
        return self.words.say(key, **values)

    def time(self, seconds: float) -> str:
        """A moment in the time of the mail's rule."""
        own = self.settings.timezones.get(self.story.identity.rule)
        return self.words.time(seconds, own or self.settings.timezone)

    @property
    def hold(self) -> str:
        """How long what is on hold waits."""
        return self.words.count("hours", round(self.settings.hold_for / 3600))
