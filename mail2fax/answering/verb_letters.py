"""Letters that tell what became of a verb, and what can be answered to others (W6, K8). Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mail2fax.answering.case import Case
from mail2fax.answering.facts import dialled, safe
from mail2fax.answering.layout import Content, Step
from mail2fax.reading.verbs import Verb
from mail2fax.spool import replies
from mail2fax.spool.lifecycle import MailState
from mail2fax.spool.records import FaxStory

_ALL_VERBS = ("cancel", "again", "again_to", "send", "without", "drop", "status", "report")


def verbs_for(case: Case, *verbs: str) -> tuple[tuple[str, str], ...]:
    """What may be answered, and what each means."""
    return tuple((case.say(f"verb.{one}"), case.say(f"verb_means.{one}")) for one in verbs)


def by_mail(case: Case, *verbs: str) -> tuple[Step, ...]:
    """What may be answered, where answers come in; nothing where there is none."""
    if not case.story.answer_token or not verbs:
        return ()
    return (Step(case.say("answer.by_mail"), verbs_for(case, *verbs)),)


def _status(case: Case) -> Content:
    verb = case.told.get("too_late")
    named = case.say(f"verb.{Verb(verb).name.lower()}") if verb else ""
    late = case.say("status.too_late", verb=named) if verb else ""
    stands = case.say(f"status.{MailState(case.story.state).name.lower()}")
    return Content(
        "status",
        case.say("status.headline", state=stands),
        lead=(late, case.words.reason(safe(case.story.why))),
        faxes=case.story.faxes,
    )


def told_of_reports(case: Case, *faxes: FaxStory) -> tuple[str, ...]:
    """Whether Fax.Plus's own reports, where somebody asked for them, come with the letter."""
    asked = [fax for fax in faxes if fax.report is not None]
    missing = ", ".join(dialled(fax.number) for fax in asked if not fax.report)
    attached = (case.say("report.attached"),) if any(fax.report for fax in asked) else ()
    return (*attached, *((case.say("report.none", numbers=missing),) if missing else ()))


def _report(case: Case) -> Content:
    told = told_of_reports(case, *case.story.faxes) or (case.say("report.later"),)
    content = _status(case)
    return replace(content, lead=(*told, *content.lead))


def _unclear(case: Case) -> Content:
    verbs = verbs_for(case, *_ALL_VERBS)
    return Content(
        "unclear",
        case.say("unclear.headline"),
        steps=(Step(case.say("unclear.lead"), verbs),),
        asks=True,
        faxes=case.story.faxes,
        notes=(case.say("unclear.note"),),
        parts=False,
    )


def _denied(case: Case) -> Content:
    return Content(
        "denied",
        case.say("denied.headline"),
        lead=(case.say("denied.lead", reference=case.story.reference),),
        faxes=case.story.faxes,
        parts=False,
    )


def _cancel(case: Case) -> Content:
    story = case.story
    groups = {
        key: ", ".join(dialled(fax.number) for fax in story.faxes if fax.ordinal in ordinals)
        for key in ("stopped", "asked", "doubtful", "over")
        if (ordinals := case.told.get(key))
    }
    is_done = "stopped" in groups and not groups.keys() & {"asked", "doubtful"}
    return Content(
        "cancelled" if is_done else "stopping",
        case.say("cancel.done" if is_done else "cancel.begun"),
        lead=tuple(case.say(f"cancel.{key}", numbers=told) for key, told in groups.items()),
        faxes=story.faxes,
        parts=False,
    )


def _again(case: Case) -> Content:
    faxes = _told_faxes(case)
    numbers = ", ".join(dialled(fax.number) for fax in faxes)
    why = tuple(case.words.reason(safe(str(one))) for one in case.told.get("why", ()))
    if not faxes:
        return Content("not_sent", case.say("again.nothing"), lead=why, faxes=case.story.faxes)
    return Content(
        "again",
        case.say("again.headline", numbers=numbers),
        lead=why,
        faxes=faxes,
        steps=by_mail(case, "cancel", "status"),
        notes=(case.say("again.note"),),
    )


def _paused(case: Case) -> Content:
    return Content(
        "on_hold",
        case.say("paused.headline"),
        lead=(case.say("paused.lead"),),
        faxes=_told_faxes(case),
        steps=by_mail(case, "cancel", "status"),
        notes=(case.say("paused.note", hold=case.hold),),
        parts=False,
    )


def _told_faxes(case: Case) -> tuple[FaxStory, ...]:
    """The faxes that a verb is about."""
    ordinals = case.told.get("faxes", ())
    return tuple(fax for fax in case.story.faxes if fax.ordinal in ordinals)


def _not_stopped(case: Case) -> Content:
    said = str(case.told.get("said", "")).replace(" ", "_")
    return Content(
        "not_stopped",
        case.say("not_stopped.headline", number=case.number),
        lead=(case.say(f"not_stopped.{said}") if said else "",),
        faxes=(case.the_fax,),
        notes=(case.say("not_stopped.note"),),
        parts=False,
    )


KINDS: Mapping[str, Callable[[Case], Content]] = {
    replies.STATUS: _status,
    replies.UNCLEAR: _unclear,
    replies.DENIED: _denied,
    replies.CANCEL: _cancel,
    replies.AGAIN: _again,
    replies.REPORT: _report,
    replies.NOT_STOPPED: _not_stopped,
    replies.PAUSED: _paused,
}
