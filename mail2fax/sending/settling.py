"""What the evidence says about an order whose answer cannot be believed (S3, R2). Pure.

A listing of outbox and sent list, those of the user the job was ordered as, is held against one
job, destination by destination, in this order: our token; the paths of our uploads; the
destination and the time. A *hit* names the fax ID. A *trace* is a fax to the same number at the
right time that carries nobody's mark: it may be ours, so it forbids a second order and proves
nothing. Anything else is a *miss*, which counts only in a complete listing.

What a miss allows depends on how the POST failed. Refused in Fax.Plus's own words: one complete
miss confirms it. Throttled or barred: one confirms that the order may be posted again, but only
when the settle time has passed, for a list may lag behind and the same order would go out
twice. Without any answer: a *settled miss* is needed, several complete misses spread over the
settle time, and only while the visibility probe shows that our own tokens do appear; else a
person must decide.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mail2fax.clock import utc
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.shown import Shown
from mail2fax.spool.lifecycle import FaxState
from mail2fax.spool.records import Job

CLOCK_MARGIN = 900.0
"""Seconds by which the provider's clock and ours may differ."""
_PROBES_NEEDED = 3


class Doubt(StrEnum):
    """How a POST failed, as far as it decides what a miss allows."""

    UNKNOWN = "unknown"
    SAID_NO = "said no"
    THROTTLED = "throttled"
    BARRED = "barred"
    COPIED = "copied"  # unknown, and another ledger may order it at any time (K10)


_UNANSWERED = frozenset({Doubt.UNKNOWN, Doubt.COPIED})
_COPIED = "this is a copy of a state directory, and the other one may still send it"


class Settlement(StrEnum):
    """What is to be done with a job in doubt."""

    ADOPT = "adopt"
    REFUSED = "refused"
    POST_AGAIN = "post again"
    ORDER_AGAIN = "order again"
    HOLD = "hold"
    COUNT = "count a miss"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one listing shows of one job.

    Attributes:
        ids: fax IDs by destination for every hit.
        traces: destinations with a fax that may be ours.
        complete: whether the listing was, so that a miss means something.
        began_at: when the listing began, seconds since the epoch.
    """

    began_at: float
    complete: bool
    ids: dict[str, str] = field(default_factory=dict)
    traces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """A settlement and, where a person will read it, why."""

    settlement: Settlement
    why: str = ""


def evidence_for(job: Job, shown: Shown, began_at: float, taken_ids: Container[str]) -> Evidence:
    """Hold a listing against a job.

    Args:
        job: the job.
        shown: the listings, their sent lists back to before the intent.
        began_at: when the listing began.
        taken_ids: fax IDs that other faxes of ours are known by.
    """
    ids: dict[str, str] = {}
    traces: set[str] = set()
    user = job.options.user_id
    paths = {document.upload_path for document in job.documents if document.upload_path}
    for number in {fax.number for fax in job.faxes}:
        unmarked = shown.unmarked_to(number, user)
        hits = shown.with_token(job.token, number) + [one for one in unmarked if one.files & paths]
        if hits:
            ids[number] = hits[0].id
        elif any(one.id not in taken_ids and _may_be_of(job, one.at) for one in unmarked):
            traces.add(number)
    return Evidence(began_at, shown.is_complete(user), ids, frozenset(traces))


def _may_be_of(job: Job, at: datetime | None) -> bool:
    """Whether a fax of that time may come from the job's POST; one without a time may."""
    return at is None or job.intent_at is None or at >= utc(job.intent_at - CLOCK_MARGIN)


def settle(
    job: Job, evidence: Evidence, settings: SendingSettings, probes: Sequence[bool]
) -> Decision:
    """What the evidence allows.

    Args:
        job: a job in doubt.
        evidence: of a listing made for it.
        probes: of the latest normal orders, whether their token was seen in a listing.
    """
    wanted = {fax.number for fax in job.faxes if fax.state == FaxState.PENDING}
    if evidence.ids.keys() >= wanted:
        return Decision(Settlement.ADOPT)
    if not evidence.complete or evidence.began_at < (job.doubt_since or 0.0):
        return Decision(Settlement.WAIT)
    if job.doubt not in _UNANSWERED and not evidence.ids and not evidence.traces:
        return Decision(_of_answered(job, evidence.began_at, settings))
    if not _is_settled(job, evidence.began_at, settings):
        return Decision(Settlement.COUNT)
    if job.doubt == Doubt.COPIED and not evidence.ids:
        return Decision(Settlement.HOLD, _COPIED)
    return _after_settling(evidence, settings, probes)


def _of_answered(job: Job, began_at: float, settings: SendingSettings) -> Settlement:
    """What one complete miss confirms of an order that was answered."""
    if began_at < look_at(job, settings):
        return Settlement.WAIT
    return Settlement.REFUSED if job.doubt == Doubt.SAID_NO else Settlement.POST_AGAIN


def _is_settled(job: Job, now: float, settings: SendingSettings) -> bool:
    enough = job.misses + 1 >= settings.listings
    return enough and now >= settling_from(job, settings) + settings.settle


def _after_settling(
    evidence: Evidence, settings: SendingSettings, probes: Sequence[bool]
) -> Decision:
    if evidence.traces:
        return Decision(Settlement.HOLD, "a fax to this number without our mark may be this one")
    if settings.on_unknown == "hold":
        return Decision(Settlement.HOLD, "Fax.Plus shows no trace of it")
    if not is_healthy(probes):
        return Decision(Settlement.HOLD, "our own marks do not reliably show up at Fax.Plus")
    if evidence.ids:
        return Decision(Settlement.ADOPT)
    return Decision(Settlement.ORDER_AGAIN)


def is_healthy(probes: Sequence[bool]) -> bool:
    """The visibility probe: at least three normal orders on record, and every one was seen."""
    return len(probes) >= _PROBES_NEEDED and all(probes)


def settling_from(job: Job, settings: SendingSettings) -> float:
    """When looking for a job in doubt begins to count: after its POST's deadline has passed."""
    intended = (job.intent_at or 0.0) + settings.request_deadline
    if job.doubt not in _UNANSWERED:
        return job.doubt_since or 0.0
    return max(job.doubt_since or 0.0, min(intended, (job.doubt_since or 0.0) + settings.settle))


def look_at(job: Job, settings: SendingSettings) -> float:
    """When the next listing for a job in doubt is due.

    One at once may already show it; the ones that count are spread over the settle time.
    """
    if job.doubt not in _UNANSWERED:
        lists_lag = settings.settle if job.doubt != Doubt.SAID_NO else 0.0
        return max((job.doubt_since or 0.0) + lists_lag, job.next_try)
    step = settings.settle / settings.listings
    return settling_from(job, settings) + step * min(job.misses + 1, settings.listings)


def listing_from(jobs: Iterable[Job], now: float) -> float:
    """How far back the sent list must go for these jobs, seen from ``now``."""
    times = [job.intent_at or job.created_at for job in jobs]
    return min(times, default=now) - CLOCK_MARGIN
