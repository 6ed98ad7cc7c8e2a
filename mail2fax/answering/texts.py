"""What people read: a mail's story as subject, From name and text. Pure.

"Handed over" and "confirmed" are different words here (promise 4). Nothing of a mail's content
ever goes into a reply; its subject and file names only without control characters (W1).

A kind of letter is a function here that says which sentences it has, and those sentences in
``words/``, once for each language. How a letter is laid out is not its own matter: ``layout``.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mail2fax.answering import facts, verb_letters
from mail2fax.answering.case import Case, LetterSettings
from mail2fax.answering.facts import dialled, safe
from mail2fax.answering.layout import Content, Step, laid_out
from mail2fax.answering.verb_letters import by_mail, told_of_reports, verbs_for
from mail2fax.answering.wording import Words, words_of
from mail2fax.faxplus.statuses import Meaning, final
from mail2fax.spool import replies
from mail2fax.spool.lifecycle import JobState
from mail2fax.spool.records import FaxStory, MailStory
from mail2fax.values import End, Outcome

_LONGEST_SUBJECT = 200
_REPLIES = re.compile(r"^\s*(re|aw|sv|antw|wg|fwd?|tr)\s*:\s*", re.IGNORECASE)
_TO_ASCII = str.maketrans(
    {
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
        "\u2026": "...", "\u2013": "-", "\u2014": "-", "\u2019": "'", "\u00df": "ss",
    }
)  # fmt: skip
_UMLAUT = re.compile("[\u00e4\u00f6\u00fc\u00c4\u00d6\u00dc](?=(.?))")
_ENDS = {
    End.SUCCESS: ("confirmed", "success"),
    End.PARTIAL: ("incomplete", "partial"),
    End.FAILED: ("failed", "failed"),
    End.NOT_SENT: ("not_sent", "not_sent"),
    End.CANCELLED: ("cancelled", "cancelled"),
    End.UNKNOWN: ("unknown", "unknown"),
}
_TOLD_BY_PROVIDER = (End.SUCCESS, End.PARTIAL, End.FAILED)
_ADVICE = {End.PARTIAL: "outcome.partial_advice", End.NOT_SENT: "outcome.not_sent_advice"}
_ADVICE_BY_MEANING: Mapping[Meaning | None, str] = {
    Meaning.LATER: "outcome.later_advice",
    Meaning.NUMBER: "outcome.number_advice",
    Meaning.ACCOUNT: "outcome.account_advice",
    Meaning.DOCUMENT: "",  # its reason says what to do
}


@dataclass(frozen=True, slots=True)
class Report:
    """Fax.Plus's own report of a fax: its file in the mail's directory, and what it is called."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A reply in words.

    Attributes:
        subject: one line.
        from_name: one line.
        body: the plain text.
        html: the same laid out; empty for devices.
        problem: why an admin's template was not used; empty when all is well.
        reports: Fax.Plus's own, to be attached.
    """

    subject: str
    from_name: str
    body: str
    html: str = ""
    problem: str = ""
    reports: tuple[Report, ...] = ()


def letter_for(
    kind: str,
    story: MailStory,
    fax_id: str | None,
    settings: LetterSettings,
    told: Mapping[str, Any] | None = None,
) -> Letter:
    """The letter of a due reply.

    Args:
        kind: one of `mail2fax.spool.replies`.
        story: the mail's.
        fax_id: the fax it tells of, None when it tells of the whole mail.
        settings: language, time zone and deadlines.
        told: what became of a verb, of replies that tell it.
    """
    fax = next((fax for fax in story.faxes if fax.id == fax_id), None)
    language = language_of(story, fax, settings)
    words = words_of(language, settings.templates)
    case = Case(story, fax, words, settings, told or {})
    content = KINDS[kind](case)
    faxes = (fax,) if fax else content.faxes or story.faxes
    number = facts.short_numbers(faxes, words)
    state = words.say(f"state.{content.state}")
    from_name = words.say("from_name", state=state, number=number)
    page = laid_out(kind, story, content, words, settings.templates)
    subject = _subject(story, words)
    reports = _reports(kind, case)
    if story.identity.device:
        bare = (to_ascii(text, language) for text in (subject, from_name, page.text))
        subject, from_name, text = bare
        return Letter(subject, from_name, text, problem=page.problem, reports=reports)
    return Letter(subject, from_name, page.text, page.html, page.problem, reports)


def _reports(kind: str, case: Case) -> tuple[Report, ...]:
    """What Fax.Plus itself says of the letter's faxes, as far as it was asked for and is here."""
    if kind not in (replies.OUTCOME, replies.REPORT):
        return ()
    faxes = (case.fax,) if case.fax else case.story.faxes
    reference = case.story.reference
    return tuple(
        Report(fax.report, case.say("report.file", reference=f"{reference}-{fax.ordinal}"))
        for fax in faxes
        if fax.report
    )


def language_of(story: MailStory, fax: FaxStory | None, settings: LetterSettings) -> str:
    """What the mail asked for, its rule says, or everybody gets."""
    chosen = (one.options.lang for one in (fax, *story.faxes) if one and one.options)
    return next(filter(None, chosen), None) or story.options.lang or settings.language


# Letters about one fax


def _outcome(case: Case) -> Content:
    outcome = case.outcome
    state, key = _ENDS[outcome.end]
    advice = _advice(outcome)
    return Content(
        state,
        case.say(f"outcome.{key}", number=case.number),
        lead=(case.words.reason(safe(outcome.why)), case.say(advice) if advice else ""),
        facts=_rows(case, outcome),
        steps=by_mail(case, *_verbs_after(case)),
        notes=told_of_reports(case, case.the_fax),
    )


def _verbs_after(case: Case) -> tuple[str, ...]:
    """What can be answered to an outcome; again wants the sender, and a device answers nothing."""
    own = () if case.story.identity.device or not case.story.documents else ("again", "again_to")
    return (*own, *(("report",) if case.the_fax.fax_plus_id else ()))


def _advice(outcome: Outcome) -> str:
    """The key of what to do now; empty when there is nothing, or its reason says so."""
    if outcome.end is not End.FAILED:
        return _ADVICE.get(outcome.end, "")
    status = final(outcome.status)
    return _ADVICE_BY_MEANING.get(status.meaning if status else None, "outcome.failed_advice")


def _rows(case: Case, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """What is known of a fax that has ended, row by row."""
    fax = case.the_fax
    shown = facts.shown_fax(case.story, fax, case.words)
    to = f"{shown['dialled']} ({shown['country']})"
    resend = (fax.options and fax.options.resend) or ""
    rows = {
        "fax": shown["reference"],
        "to": f"{to}, {shown['name']}" if shown["name"] else to,
        "written": shown["written"],
        "fax_id": shown["id"],
        "again": case.say("outcome.again", again=safe(resend)) if resend else "",
        "pages": "" if outcome.pages is None else str(outcome.pages),
        "duration": case.words.duration(outcome.duration),
        "status": safe(outcome.status) if outcome.end in _TOLD_BY_PROVIDER else "",
        "time": case.time(outcome.at),
    }
    return tuple((case.say(f"label.{key}"), value) for key, value in rows.items() if value)


def _held(case: Case) -> Content:
    why = case.words.reason(safe(case.the_fax.job_why)).removesuffix(".")
    reference = case.story.reference
    means = (case.say("held.means_send"), case.say("held.means_drop"))
    verbs = zip((case.say("verb.send"), case.say("verb.drop")), means, strict=True)
    own = () if case.story.identity.device else (Step(case.say("answer.by_mail"), tuple(verbs)),)
    release = f"mail2fax queue release {reference} --not-arrived"
    commands = zip((release, f"mail2fax queue drop {reference}"), means, strict=True)
    by_admin = Step(case.say("asked.by_admin", reference=reference), tuple(commands))
    return Content(
        "on_hold",
        case.say("held.headline", number=case.number),
        lead=(case.say("held.lead"), case.say("held.why", why=why) if why else ""),
        faxes=(replace(case.the_fax, job_state=JobState.IN_DOUBT),),  # which it is, held or not
        steps=(*own, by_admin),
        notes=(case.say("held.note", hold=case.hold),),
        parts=False,
    )


def _frozen(case: Case) -> Content:
    return Content(
        "on_hold",
        case.say("frozen.headline", number=case.number),
        lead=(case.say("frozen.lead"),),
        faxes=(case.the_fax,),
        notes=(case.say("frozen.note", hold=case.hold),),
        parts=False,
    )


def _copy(case: Case) -> Content:
    return Content(
        "twice",
        case.say("copy.headline", number=case.number),
        lead=(case.say("copy.lead"),),
        faxes=(case.the_fax,),
        notes=(case.say("copy.note"),),
        parts=False,
    )


# Letters about a whole mail


def _accepted(case: Case) -> Content:
    story, words = case.story, case.words
    fates = [(number, case.say(facts.fate_of_text(story, one)))
             for number, one in facts.each_options(story)]  # fmt: skip
    times = facts.by_number(((fax.number, _goes(case, fax)) for fax in story.faxes), words)
    now = [case.say("accepted.goes_now")]
    return Content(
        "accepted",
        _how_many(case),
        faxes=story.faxes,
        refused=True,
        notes=(
            *facts.by_number(fates, words),
            *([] if times == now else times),
            *_marks(case),
            case.say("accepted.promise"),
            case.say("accepted.stop", reference=story.reference),
        ),
        steps=by_mail(case, "cancel", "status"),
    )


def _marks(case: Case) -> list[str]:
    """What Fax.Plus said of the numbers when they were last tried (S6)."""
    return [
        case.say(
            "accepted.marked",
            number=dialled(fax.number),
            time=case.time(fax.mark.at),
            why=case.words.reason(fax.mark.why),
        )
        for fax in case.story.faxes
        if fax.mark is not None
    ]


def _how_many(case: Case) -> str:
    """How many of the mail's faxes were handed over."""
    taken = [fax for fax in case.story.faxes if fax.fax_plus_id]
    if len(taken) != len(case.story.faxes):
        return case.say("accepted.some", taken=len(taken), all=len(case.story.faxes))
    if len(taken) == 1:
        return case.say("accepted.one", number=dialled(taken[0].number))
    return case.say("accepted.many", numbers=case.words.count("numbers", len(taken)))


def _goes(case: Case, fax: FaxStory) -> str:
    """When a fax goes out."""
    at = (fax.options or case.story.options).at
    if at is None:
        return case.say("accepted.goes_now")
    is_over = fax.ordered_at is not None and at <= fax.ordered_at
    key = "accepted.was_over" if is_over else "accepted.goes_at"
    return case.say(key, time=case.time(at))


def _refused(case: Case) -> Content:
    return Content(
        "not_sent",
        case.say("refused.headline"),
        lead=(case.words.reason(safe(case.story.why)),),
        faxes=case.story.faxes,
        refused=True,
        notes=(case.say("refused.note"),),
    )


def _waiting(case: Case) -> Content:
    story, times = case.story, [one.at or 0.0 for _, one in facts.each_options(case.story)]
    until = min(max(story.received_at, at) for at in times) + case.settings.give_up
    return Content(
        "waiting",
        case.say("waiting.headline"),
        faxes=story.faxes,
        steps=by_mail(case, "cancel", "status"),
        notes=(case.say("waiting.note", until=case.time(until)),),
        parts=False,
    )


def _asked(case: Case) -> Content:
    story = case.story
    reference = story.reference
    release = f"mail2fax queue release {reference}"
    commands = (
        (release, case.say("verb_means.send")),
        (f"{release} --without-pictures", case.say("verb_means.without")),
        (f"mail2fax queue drop {reference}", case.say("verb_means.drop")),
    )
    if story.identity.device:
        steps: tuple[Step, ...] = (Step(case.say("asked.of_device"), commands),)
    else:
        verbs = verbs_for(case, "send", "without", "drop")
        by_admin = case.say("asked.by_admin", reference=reference)
        steps = (Step(case.say("answer.by_mail"), verbs), Step(by_admin, commands))
    until = None if story.hold_until is None else case.time(story.hold_until)
    ends = case.say("asked.until", until=until) if until else case.say("asked.decided")
    return Content(
        "on_hold",
        case.say("asked.headline"),
        lead=(case.words.reason(safe(story.why)), case.say("asked.lead")),
        faxes=story.faxes,
        steps=(*steps, Step(ends)),
        asks=True,
        notes=(case.say("asked.note"),),
    )


KINDS: Mapping[str, Callable[[Case], Content]] = {
    replies.ACCEPTED: _accepted,
    replies.REFUSED: _refused,
    replies.ASKED: _asked,
    replies.OUTCOME: _outcome,
    replies.WAITING: _waiting,
    replies.HELD: _held,
    replies.FROZEN: _frozen,
    replies.COPY: _copy,
    **verb_letters.KINDS,
}


# Words


def _subject(story: MailStory, words: Words) -> str:
    bare = safe(story.subject)[:_LONGEST_SUBJECT]
    if not bare:
        return words.say("subject", reference=story.reference)
    return bare if _REPLIES.match(bare) else f"Re: {bare}"


def to_ascii(text: str, language: str = "en") -> str:
    """Text for the displays of devices: letters without accents, the rest as question marks.

    In German an umlaut is written with an e, and not only without its dots.
    """
    if language == "de":
        text = _UMLAUT.sub(_with_e, text)
    plain = unicodedata.normalize("NFKD", text.translate(_TO_ASCII))
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(kept).encode("ascii", "replace").decode("ascii")


def _with_e(umlaut: re.Match[str]) -> str:
    bare = unicodedata.normalize("NFD", umlaut[0])[0]
    return bare + ("E" if bare.isupper() and umlaut[1].isupper() else "e")
