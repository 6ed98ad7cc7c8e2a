"""What a letter shows of a mail: its faxes, documents and the rest, in one language. Pure.

Texts of strangers (names, addresses, subjects) pass `safe`; nothing of a mail's content is here.
"""

import re
from collections.abc import Iterable, Sequence

from mail2fax.answering.wording import Words
from mail2fax.spool.lifecycle import FaxState, JobState
from mail2fax.spool.records import FaxStory, MailStory
from mail2fax.values import Document, End, NotFaxed, Options

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")
_PLAIN_NUMBER = re.compile(r"[+0-9 ()./-]{3,24}", re.ASCII)
_CUT = "\u2026"
_ENDS_BY_FAX_ID = {
    End.SUCCESS: ("line.success", "good"),
    End.PARTIAL: ("line.partial", "warn"),
    End.CANCELLED: ("line.cancelled", "bad"),
    End.UNKNOWN: ("line.unknown", "warn"),
}
_STATES = {
    FaxState.PENDING: ("line.pending", "wait"),
    FaxState.TWIN: ("line.twin", "wait"),
    FaxState.CANCELLED: ("line.ended", "bad"),
}
_WITH_REASON = frozenset({"line.pending", "line.ended", "line.other"})
NOT_SENT = (End.NOT_SENT, End.FAILED)


def shown_fax(story: MailStory, fax: FaxStory, words: Words) -> dict[str, str]:
    """One fax: who it goes to, as written and as dialled, and where it stands."""
    line, tone = _line(story, fax, words)
    resend = (fax.options and fax.options.resend) or ""
    return {
        "reference": f"{story.reference}/{fax.ordinal}",
        "dialled": dialled(fax.number),
        "region": fax.country,
        "country": words.country(fax.country),
        "name": safe(fax.name or ""),
        "written": safe(fax.written),
        "id": fax.fax_plus_id or "",
        "line": line,
        "tone": tone,
        "again": words.say("line.again", again=safe(resend)) if resend else "",
    }


def _line(story: MailStory, fax: FaxStory, words: Words) -> tuple[str, str]:
    """Where a fax stands, in words, and whether that is good; not the mail's reason again."""
    outcome = fax.outcome
    if outcome is not None and outcome.end in NOT_SENT:
        why = "" if outcome.why == story.why else words.reason(safe(outcome.why))
        return words.say("line.not_sent" if why else "line.ended", why=why), "bad"
    if fax.fax_plus_id:
        key, tone = _ENDS_BY_FAX_ID[outcome.end] if outcome else ("line.ordered", "info")
        return words.say(key, id=fax.fax_plus_id), tone
    if outcome is None and fax.job_state == JobState.IN_DOUBT:
        return words.say("line.doubtful"), "warn"
    key, tone = _STATES.get(FaxState(fax.state), ("line.other", "wait"))
    why = words.reason(safe(fax.job_why))
    return words.say(f"{key}_why" if why and key in _WITH_REASON else key, why=why), tone


def shown_document(document: Document, words: Words) -> dict[str, str]:
    """One document that is faxed."""
    pages = "" if document.pages is None else words.count("pages", document.pages)
    size = words.size(document.size)
    return {
        "filename": safe(document.filename),
        "pages": pages,
        "size": size,
        "extent": f"{pages}, {size}" if pages else size,
        "converted": words.reason(document.converted.why) if document.converted else "",
    }


def shown_part(part: NotFaxed, words: Words) -> dict[str, str]:
    """One part that is not faxed, and why."""
    name = safe(part.filename or "") or words.say(
        "nameless", part=part.part, content_type=safe(part.content_type)
    )
    return {"name": name, "why": words.reason(safe(part.why))}


def is_plain_text(part: NotFaxed) -> bool:
    """Whether it is the mail's own text, whose fate has a sentence of its own."""
    return part.filename is None and part.content_type in ("text/plain", "text/html")


def shown_refused(story: MailStory, words: Words) -> list[dict[str, str]]:
    """The recipients that were refused at RCPT."""
    return [
        {
            "written": safe(written),
            "why": words.reason(safe(response.partition(" ")[2].partition(" ")[2])),
        }
        for written, response in story.refused_recipients
    ]


def fate_of_text(story: MailStory, options: Options) -> str:
    """The key of what became of the mail's text for one number."""
    on_cover = options.cover is not None and options.body in ("cover", "comment+cover")
    if on_cover and story.comment:
        return "text.cover"
    if options.body == "page":
        return "text.page"
    if options.cover is not None:
        return "text.only_cover"
    if story.comment and options.body in (None, "comment", "comment+cover"):
        return "text.comment_cut" if story.comment.endswith(_CUT) else "text.comment"
    return "text.none"


def each_options(story: MailStory) -> list[tuple[str, Options]]:
    """Every number with how its fax is sent."""
    return [(fax.number, fax.options or story.options) for fax in story.faxes]


def by_number(told: Iterable[tuple[str, str]], words: Words) -> list[str]:
    """One sentence for all numbers; where they differ, one each, with its numbers."""
    numbers: dict[str, list[str]] = {}
    for number, sentence in told:
        numbers.setdefault(sentence, []).append(dialled(number))
    if len(numbers) == 1:
        return list(numbers)
    return [
        words.say("accepted.for_numbers", numbers=", ".join(those), sentence=sentence)
        for sentence, those in numbers.items()
    ]


# Texts of strangers, and numbers


def safe(text: str) -> str:
    """Text of strangers on one line, without controls and direction overrides."""
    return _UNSAFE.sub(" ", text).strip()


def dialled(number: str) -> str:
    """A number as people group it: ``+41 22 555 01 23``."""
    import phonenumbers  # noqa: PLC0415 - large, and only needed when somebody is told

    parsed = phonenumbers.parse(number)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def short_number(fax: FaxStory) -> str:
    """The number as the person knows it: as written, when that is a number and no more."""
    written = fax.written.strip()
    return written if _PLAIN_NUMBER.fullmatch(written) else dialled(fax.number)


def short_numbers(faxes: Sequence[FaxStory], words: Words) -> str:
    """The one number of some faxes, or how many they go to."""
    if len(faxes) == 1:
        return short_number(faxes[0])
    return words.count("numbers", len(faxes)) if faxes else ""
