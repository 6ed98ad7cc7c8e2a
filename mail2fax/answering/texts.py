"""What people read: a mail's story as subject, From name and text. Pure.

"Handed over" and "confirmed" are different words here (promise 4). Nothing of a mail's content
ever goes into a reply; its subject and file names only without control characters (W1).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from mail2fax.clock import utc
from mail2fax.spool import replies
from mail2fax.spool.lifecycle import FaxState, MailState
from mail2fax.spool.records import FaxStory, MailStory
from mail2fax.values import Document, End, NotFaxed, Options, Outcome

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")
_LONGEST_SUBJECT = 200
_REPLIES = re.compile(r"^\s*(re|aw|sv|antw|wg|fwd?|tr)\s*:\s*", re.IGNORECASE)
_PLAIN_NUMBER = re.compile(r"[+0-9 ()./-]{3,24}", re.ASCII)
_TO_ASCII = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u2026": "...", "\u2013": "-", "\u2014": "-", "\u2019": "'"}
)
_MEGABYTE = 1_000_000
_CUT = "\u2026"
_NOW = "It goes out now."
_OVER = "It goes out now: the time you wrote, {}, was over when it could be handed over."

_ENDS = {
    End.SUCCESS: ("CONFIRMED", "The fax to {number} was received completely."),
    End.PARTIAL: ("INCOMPLETE", "Only a part of the fax to {number} was received."),
    End.FAILED: ("FAILED", "The fax to {number} failed."),
    End.NOT_SENT: ("NOT SENT", "The fax to {number} was not sent."),
    End.CANCELLED: ("CANCELLED", "The fax to {number} was cancelled."),
    End.UNKNOWN: ("UNKNOWN", "It is not known whether the fax to {number} was received."),
}
_MAIL_IS = {
    MailState.ACCEPTED: "is being prepared",
    MailState.WAITING: "waits for its other parts",
    MailState.PREPARED: "was prepared; where each fax stands is below",
    MailState.REFUSED: "was not faxed",
    MailState.HELD: "is on hold",
    MailState.QUARANTINED: "was not faxed",
    MailState.JOINED: "is a part of another mail's fax",
    MailState.PURGING: "is done; its content is being destroyed",
    MailState.PURGED: "is done; its content is destroyed",
}
_ANSWERS = {
    replies.STATUS: ("status", "Your mail {state}."),
    replies.UNCLEAR: ("answer not understood", "Your answer was not understood."),
    replies.DENIED: ("answer not allowed", "Your answer was not carried out."),
}
_ADVICE = {
    End.PARTIAL: "It is not sent again by itself, because the recipient has the first pages. "
    "Send the missing pages, or all of it, in a new mail.",
    End.FAILED: "Check the number with the recipient, then send it again in a new mail.",
    End.NOT_SENT: "Send it again in a new mail when the reason is mended.",
}
_LINE_ENDS = {
    End.SUCCESS: "received completely",
    End.PARTIAL: "only a part was received",
    End.CANCELLED: "cancelled",
    End.UNKNOWN: "not known whether it was received",
}
_LINES = {
    FaxState.PENDING: "Not handed over yet.",
    FaxState.TWIN: "It looks like a fax that is under way already, and waits to be told apart.",
    FaxState.CANCELLED: "Not sent.",
}


@dataclass(frozen=True, slots=True)
class LetterSettings:
    """What every letter needs to know.

    Attributes:
        timezone: IANA name of the office's time.
        give_up: seconds after which an unsent fax is given up.
        hold_for: seconds after which a held one is.
    """

    timezone: str = "UTC"
    give_up: float = 4 * 3600.0
    hold_for: float = 86400.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A reply in words: one line each of subject and From name, and the text."""

    subject: str
    from_name: str
    body: str


def letter_for(kind: str, story: MailStory, fax_id: str | None, settings: LetterSettings) -> Letter:
    """The letter of a due reply.

    Args:
        kind: one of `mail2fax.spool.replies`.
        story: the mail's.
        fax_id: the fax it tells of, None when it tells of the whole mail.
        settings: time zone and deadlines.
    """
    fax = next((fax for fax in story.faxes if fax.id == fax_id), None)
    state, facts = _facts(kind, story, fax, settings)
    number = _short_number(fax) if fax else _short_numbers(story)
    body = _template(kind).render(**_common(story), **facts)
    letter = Letter(_subject(story), f"Fax {state} {number}".strip(), body.strip() + "\n")
    return _in_ascii(letter) if story.identity.device else letter


def _facts(
    kind: str, story: MailStory, fax: FaxStory | None, settings: LetterSettings
) -> tuple[str, dict[str, Any]]:
    """The state in capitals, and what the kind's template wants."""
    if fax is None:
        return _facts_of_mail(kind, story, settings)
    shown = _fax(story, fax)
    if kind == replies.HELD:
        hold = f"{settings.hold_for / 3600:.0f} hours"
        headline = f"The fax to {shown['dialled']} is on hold."
        return "ON HOLD", {"headline": headline, "fax": shown, "why": fax.job_why, "hold": hold}
    if kind == replies.FROZEN:
        hold = f"{settings.hold_for / 3600:.0f} hours"
        headline = f"The fax to {shown['dialled']} is on hold."
        return "ON HOLD", {"headline": headline, "fax": shown, "hold": hold}
    if kind == replies.COPY:
        headline = f"The fax to {shown['dialled']} was received twice and is faxed once."
        return "received twice", {"headline": headline, "fax": shown}
    assert fax.outcome is not None, "an outcome reply tells of one"
    return _outcome(story, fax, fax.outcome, settings)


def _facts_of_mail(
    kind: str, story: MailStory, settings: LetterSettings
) -> tuple[str, dict[str, Any]]:
    """The same of a reply that tells of the whole mail."""
    if kind == replies.REFUSED:
        headline = "Your mail was not faxed."
        return "NOT SENT", {"headline": headline, "why": story.why}
    if kind == replies.ASKED:
        headline = "Your mail is on hold: a question about its pictures."
        until = "" if story.hold_until is None else _time(story.hold_until, settings)
        return "ON HOLD", {
            "headline": headline,
            "why": story.why,
            "until": until,
            "by_mail": not story.identity.device,
        }
    if kind in _ANSWERS:
        state, headline = _ANSWERS[kind]
        told = headline.format(state=_MAIL_IS.get(MailState(story.state), ""))
        return state, {"headline": told, "why": story.why}
    if kind == replies.ACCEPTED:
        return "accepted", _accepted(story, settings)
    assert kind == replies.WAITING, "the other kinds tell of one fax"
    begins = min(max(story.received_at, options.at or 0.0) for _, options in _each(story))
    until = _time(begins + settings.give_up, settings)
    return "WAITING", {"headline": "Your fax has not been sent yet.", "until": until}


def _accepted(story: MailStory, settings: LetterSettings) -> dict[str, Any]:
    taken = [fax for fax in story.faxes if fax.fax_plus_id]
    whole = len(taken) == len(story.faxes)
    many = f"Your fax to {len(taken)} numbers was handed over to Fax.Plus."
    one = f"Your fax to {dialled(taken[0].number) if taken else ''} was handed over to Fax.Plus."
    part = f"Your fax was handed over to Fax.Plus for {len(taken)} of {len(story.faxes)} numbers."
    times = _by_number((fax.number, _goes(story, fax, settings)) for fax in story.faxes)
    return {
        "headline": part if not whole else one if len(taken) == 1 else many,
        "text_fates": _by_number((number, _fate(story, one)) for number, one in _each(story)),
        "times": [] if times == [_NOW] else times,
    }


def _outcome(
    story: MailStory, fax: FaxStory, outcome: Outcome, settings: LetterSettings
) -> tuple[str, dict[str, Any]]:
    state, headline = _ENDS[outcome.end]
    return state, {
        "headline": headline.format(number=dialled(fax.number)),
        "why": outcome.why,
        "advice": _ADVICE.get(outcome.end, ""),
        "fax": _fax(story, fax),
        "pages": "" if outcome.pages is None else str(outcome.pages),
        "duration": _duration(outcome.duration),
        "status": outcome.status,
        "at": _time(outcome.at, settings),
    }


def _common(story: MailStory) -> dict[str, Any]:
    return {
        "reference": story.reference,
        "faxes": [_fax(story, fax) for fax in story.faxes],
        "refused": [
            {"written": safe(written), "why": safe(why.partition(" ")[2].partition(" ")[2])}
            for written, why in story.refused_recipients
        ],
        "documents": [_document(one) for one in story.documents],
        "not_faxed": [_part(one) for one in story.not_faxed if not _is_plain_text(one)],
    }


def _fax(story: MailStory, fax: FaxStory) -> dict[str, str]:
    return {
        "reference": f"{story.reference}/{fax.ordinal}",
        "dialled": dialled(fax.number),
        "country": fax.country,
        "name": safe(fax.name or ""),
        "written": safe(fax.written),
        "id": fax.fax_plus_id or "",
        "line": _line(fax),
        "again": (fax.options and fax.options.resend) or "",
    }


def _line(fax: FaxStory) -> str:
    if fax.outcome is not None and fax.outcome.end in (End.NOT_SENT, End.FAILED):
        return f"Not sent: {fax.outcome.why}"
    if fax.fax_plus_id:
        stands = _LINE_ENDS[fax.outcome.end] if fax.outcome else "handed over"
        return f"{stands}, fax ID {fax.fax_plus_id}"
    why = f" {safe(fax.job_why)}" if fax.job_why else ""
    return _LINES.get(FaxState(fax.state), "Not handed over.") + why


def _document(document: Document) -> dict[str, str]:
    pages = "" if document.pages is None else _plural(document.pages, "page")
    return {
        "filename": safe(document.filename),
        "pages": pages,
        "size": _size(document.size),
        "converted": document.converted.why if document.converted else "",
    }


def _part(part: NotFaxed) -> dict[str, str]:
    name = safe(part.filename) if part.filename else f"part {part.part} ({part.content_type})"
    return {"name": name, "why": part.why}


def _is_plain_text(part: NotFaxed) -> bool:
    """The mail's own text, whose fate has a sentence of its own."""
    return part.filename is None and part.content_type in ("text/plain", "text/html")


def _each(story: MailStory) -> list[tuple[str, Options]]:
    """Every number with how its fax is sent."""
    return [(fax.number, fax.options or story.options) for fax in story.faxes]


def _by_number(told: Iterable[tuple[str, str]]) -> list[str]:
    """One sentence for all numbers; where they differ, one each, with its numbers."""
    numbers: dict[str, list[str]] = {}
    for number, text in told:
        numbers.setdefault(text, []).append(dialled(number))
    if len(numbers) == 1:
        return list(numbers)
    return [f"{', '.join(those)}: {text}" for text, those in numbers.items()]


def _goes(story: MailStory, fax: FaxStory, settings: LetterSettings) -> str:
    """When a fax goes out; one for now needs no word, unless another is for later."""
    at = (fax.options or story.options).at
    if at is None:
        return _NOW
    is_over = fax.ordered_at is not None and at <= fax.ordered_at
    return (_OVER if is_over else "It goes out on {}.").format(_time(at, settings))


def _fate(story: MailStory, options: Options) -> str:
    """What became of the mail's text for one number."""
    on_cover = options.cover is not None and options.body in ("cover", "comment+cover")
    if on_cover and story.comment:
        return "Your text stands on the cover page."
    if options.body == "page":
        return "Your text was faxed as a page."
    if options.cover is not None:
        return "The cover page carries what you asked for; your text itself was not faxed."
    if story.comment and options.body in (None, "comment", "comment+cover"):
        kept = "its beginning" if story.comment.endswith(_CUT) else "it"
        return f"Your text was not sent to the recipient; Fax.Plus keeps {kept} as a comment."
    return "Only the documents were sent to the recipient, no text."


# Words and numbers


def safe(text: str) -> str:
    """Text of strangers on one line, without controls and direction overrides."""
    return _UNSAFE.sub(" ", text).strip()


def dialled(number: str) -> str:
    """A number as people group it: ``+41 22 555 01 23``."""
    import phonenumbers  # noqa: PLC0415 - large, and only needed when somebody is told

    parsed = phonenumbers.parse(number)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _short_number(fax: FaxStory) -> str:
    """The number as the person knows it: as written, when that is a number and no more."""
    written = fax.written.strip()
    return written if _PLAIN_NUMBER.fullmatch(written) else dialled(fax.number)


def _short_numbers(story: MailStory) -> str:
    if len(story.faxes) == 1:
        return _short_number(story.faxes[0])
    return _plural(len(story.faxes), "number") if story.faxes else ""


def _subject(story: MailStory) -> str:
    bare = safe(story.subject)[:_LONGEST_SUBJECT]
    if not bare:
        return f"Re: your fax {story.reference}"
    return bare if _REPLIES.match(bare) else f"Re: {bare}"


def _time(seconds: float, settings: LetterSettings) -> str:
    local: datetime = utc(seconds).astimezone(ZoneInfo(settings.timezone))
    return local.strftime("%d %b %Y, %H:%M %Z")


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= _MEGABYTE else f"{max(1, round(size / 1000))} kB"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _in_ascii(letter: Letter) -> Letter:
    return Letter(*(to_ascii(text) for text in (letter.subject, letter.from_name, letter.body)))


def to_ascii(text: str) -> str:
    """Text for the displays of devices: letters without accents, the rest as question marks."""
    plain = unicodedata.normalize("NFKD", text.translate(_TO_ASCII))
    kept: Iterable[str] = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(kept).encode("ascii", "replace").decode("ascii")


@cache
def _template(kind: str) -> Any:
    """A kind's template."""
    import jinja2  # noqa: PLC0415 - imported when the first letter is written
    import jinja2.sandbox  # noqa: PLC0415

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        loader=jinja2.PackageLoader("mail2fax.answering", "templates/en"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{kind}.txt")
