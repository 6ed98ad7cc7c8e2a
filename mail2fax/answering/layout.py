"""A letter's sentences laid out as text and HTML, by templates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mail2fax.answering import facts
from mail2fax.answering.templating import TemplateFailed, rendered
from mail2fax.answering.wording import Words
from mail2fax.spool.records import FaxStory, MailStory

VARIABLES = frozenset(
    {
        "kind", "language", "reference", "state", "tone", "headline", "lead", "facts", "faxes",
        "steps", "asks", "refused", "documents", "not_faxed", "notes", "colon", "label",
    }
)  # fmt: skip
"""The names of what a template may show."""
_BLANK_LINES = re.compile("\n{3,}")
_ENDED = (".", "!", "?", ":", "\u2026")
_TONES = {
    "confirmed": "good",
    "incomplete": "warn",
    "unknown": "warn",
    "on_hold": "warn",
    "waiting": "warn",
    "stopping": "warn",
    "not_stopped": "warn",
    "failed": "bad",
    "not_sent": "bad",
    "cancelled": "bad",
    "trouble": "bad",
    "trouble_over": "good",
}


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
        asks: whether they are its point, and stand before everything else.
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
    asks: bool = False
    refused: bool = False
    parts: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A letter laid out.

    Attributes:
        text: plain, with long lines as they are.
        html: the same.
        problem: why an admin's template was not used; empty when all is well.
    """

    text: str
    html: str
    problem: str = ""


def laid_out(
    kind: str, story: MailStory | None, content: Content, words: Words, own: Path | None = None
) -> Page:
    """The letter as text and HTML; by our own templates where an admin's fail.

    Args:
        kind: of reply; it names the templates.
        story: the mail's; None for a letter about none.
        content: what it says.
        words: its language.
        own: an admin's directory.
    """
    shown = variables(kind, story, content, words)
    try:
        return _page(kind, own, shown)
    except TemplateFailed as failed:
        if own is None:
            raise
        return replace(_page(kind, None, shown), problem=str(failed))


def _page(kind: str, own: Path | None, shown: Mapping[str, Any]) -> Page:
    name = kind.replace(" ", "_")
    text = _BLANK_LINES.sub("\n\n", rendered(f"{name}.txt", own, shown)).strip() + "\n"
    return Page(text, rendered(f"{name}.html", own, shown))


def variables(kind: str, story: MailStory | None, content: Content, words: Words) -> dict[str, Any]:
    """What a template may show: docs/replies.md."""
    return {
        "kind": kind,
        "language": words.language,
        "reference": story.reference if story else "",
        "state": words.say(f"state.{content.state}"),
        "tone": _TONES.get(content.state, "info"),
        "headline": content.headline,
        "lead": [_sentence(one) for one in content.lead if one],
        "facts": [{"label": label, "value": value} for label, value in content.facts],
        "faxes": [facts.shown_fax(story, fax, words) for fax in content.faxes] if story else [],
        "steps": [
            {
                "sentence": step.sentence,
                "choices": [{"word": word, "means": means} for word, means in step.choices],
            }
            for step in content.steps
        ],
        "asks": content.asks,
        "refused": facts.shown_refused(story, words) if story and content.refused else [],
        **_parts(story if content.parts else None, words),
        "notes": [one for one in content.notes if one],
        "colon": words.say("colon"),
        "label": words.all_of("label"),
    }


def _parts(story: MailStory | None, words: Words) -> dict[str, list[dict[str, str]]]:
    """A mail's documents, and every other part of it but its text."""
    if story is None:
        return {"documents": [], "not_faxed": []}
    told = [part for part in story.not_faxed if not facts.is_plain_text(part)]
    return {
        "documents": [facts.shown_document(one, words) for one in story.documents],
        "not_faxed": [facts.shown_part(one, words) for one in told],
    }


def _sentence(text: str) -> str:
    """A paragraph, which ends as one: reasons are written down without their period."""
    return text if text.endswith(_ENDED) else f"{text}."
