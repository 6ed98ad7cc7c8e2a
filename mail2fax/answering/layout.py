"""A letter's sentences laid out as text, by templates. Pure."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from mail2fax.answering import facts
from mail2fax.answering.wording import Words
from mail2fax.spool.records import FaxStory, MailStory


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done: a sentence, and words or commands with what each means."""

    sentence: str
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Which sentences a letter has; empty ones are left out.

    Attributes:
        state: its key below ``state.``.
        headline: the first line.
        lead: paragraphs under it.
        facts: (label, value) rows.
        faxes: those it shows.
        steps: what can be done.
        notes: at the end.
        refused: whether it names the recipients that were refused.
        parts: whether it names documents and what is not faxed.
    """

    state: str
    headline: str
    lead: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    faxes: tuple[FaxStory, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    refused: bool = False
    parts: bool = True


def laid_out(kind: str, story: MailStory, content: Content, words: Words) -> str:
    """The text of a letter, with long lines as they are."""
    text: str = _text("letter").render(variables(kind, story, content, words))
    return text.strip() + "\n"


def variables(kind: str, story: MailStory, content: Content, words: Words) -> dict[str, Any]:
    """What a template may show: docs/replies.md."""
    told = [part for part in story.not_faxed if not facts.is_plain_text(part)]
    return {
        "kind": kind,
        "language": words.language,
        "reference": story.reference,
        "state": words.say(f"state.{content.state}"),
        "headline": content.headline,
        "lead": [one for one in content.lead if one],
        "facts": [{"label": label, "value": value} for label, value in content.facts],
        "faxes": [facts.shown_fax(story, fax, words) for fax in content.faxes],
        "steps": [
            {
                "sentence": step.sentence,
                "choices": [{"word": word, "means": means} for word, means in step.choices],
            }
            for step in content.steps
        ],
        "refused": facts.shown_refused(story, words) if content.refused else [],
        "documents": [facts.shown_document(one, words) for one in story.documents]
        if content.parts
        else [],
        "not_faxed": [facts.shown_part(one, words) for one in told] if content.parts else [],
        "notes": [one for one in content.notes if one],
        "colon": words.say("colon"),
        "label": words.all_of("label"),
    }


@cache
def _text(name: str) -> Any:
    """A template of plain text."""
    import jinja2  # noqa: PLC0415 - imported when the first letter is written
    import jinja2.sandbox  # noqa: PLC0415

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        loader=jinja2.PackageLoader("mail2fax.answering", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{name}.txt")
