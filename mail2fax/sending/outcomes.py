"""What Fax.Plus shows of an ordered fax, and what follows from it. Pure.

A fax is looked for under the ID its order answered, then under its token, and at last, because
an archive record may carry another ID and no comment, by destination and time; the last only
when nothing else of ours or anybody's can be meant (faxplus-api: the life cycle of the ids).
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime

from mail2fax.clock import utc
from mail2fax.faxplus.statuses import Meaning, Status, final
from mail2fax.faxplus.wire import Fax, OutboxFax
from mail2fax.sending import pacing
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import CLOCK_MARGIN
from mail2fax.sending.shown import Shown
from mail2fax.spool.lifecycle import FaxEvent
from mail2fax.spool.records import FaxToTrack
from mail2fax.values import End, Outcome

_UNKNOWN_STATUS = "no outcome"
_NEVER_CAME = (
    "Fax.Plus took the fax and never told what became of it. "
    "It may have arrived; ask the recipient before you send it again."
)
_DONE = "success"
_CANCELLED = "cancelled"
_STOPPED = "Fax.Plus let it go before it was sent."
_ENDS = {
    Meaning.DONE: (FaxEvent.SUCCEEDED, End.SUCCESS),
    Meaning.PARTIAL: (FaxEvent.SENT_IN_PART, End.PARTIAL),
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A fax as Fax.Plus shows it: its ID there, its status word, pages and seconds if told."""

    fax_plus_id: str
    status: str
    pages: int | None = None
    duration: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The fax has its outcome."""

    event: FaxEvent
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class DialAgain:
    """The line was busy, or the account empty: the same fax again at ``at`` (R4)."""

    at: float
    status: str
    account: bool = False


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Nothing to conclude yet; the next look is at ``at``."""

    at: float


Conclusion = Ended | DialAgain | LookAgain


@dataclass(frozen=True, slots=True)
class Glance:
    """A look, as far as a fax that it does not show is concerned.

    Attributes:
        is_visible: whether a fax of ours that was sent would be seen.
        shown: outbox and sent list.
        taken_ids: fax IDs that other faxes of ours are known by.
    """

    began_at: float
    is_visible: bool
    shown: Shown
    taken_ids: Container[str]

    def may_be(self, fax: FaxToTrack) -> bool:
        """Whether a record without anybody's mark may be this fax."""
        return bool(_candidates(fax, self.shown, self.taken_ids))


def sighted(
    fax: FaxToTrack, shown: Shown, taken_ids: Container[str], rivals: int
) -> Sighting | None:
    """Find a fax in a listing.

    Args:
        fax: the fax.
        shown: outbox and sent list.
        taken_ids: fax IDs that other faxes of ours are known by.
        rivals: how many other faxes of ours to the same number await their outcome.
    """
    records = [one.record for one in shown.of_fax(fax.fax_plus_id, fax.token, fax.number)]
    sent = [record for record in records if isinstance(record, Fax)]
    waiting = [record for record in records if isinstance(record, OutboxFax)]
    best = _decisive(sent)
    if best and (best.status == _DONE or fax.own_retries or not waiting):
        return of_sent(best)
    if waiting:  # the provider dials again, and each of its attempts has a record (edge 19)
        return of_outbox(waiting[0])
    if rivals or not shown.is_complete(fax.user_id):
        return None
    return _alone(fax, shown, taken_ids)


def _decisive(sent: list[Fax]) -> Fax | None:
    """Of the records of a fax's attempts the one that succeeded, else the last."""
    return next((one for one in sent if one.status == _DONE), sent[-1] if sent else None)


def _alone(fax: FaxToTrack, shown: Shown, taken_ids: Container[str]) -> Sighting | None:
    """The one unmarked record that can only be this fax, if there is exactly one."""
    found = _candidates(fax, shown, taken_ids)
    return of_sent(found[0]) if len(found) == 1 else None


def _candidates(fax: FaxToTrack, shown: Shown, taken_ids: Container[str]) -> list[Fax]:
    """The sent records without anybody's mark that may be this fax."""
    return [
        record
        for one in shown.unmarked_to(fax.number, fax.user_id)
        if isinstance(record := one.record, Fax)
        and record.id not in taken_ids
        and _is_after(record.submit_time or record.start_time, fax.ordered_at)
        and _is_after(record.start_time or record.submit_time, begins_at(fax))
    ]


def begins_at(fax: FaxToTrack) -> float:
    """The earliest time at which a fax is sent."""
    return max(fax.ordered_at, fax.not_before)


def listing_from(faxes: Iterable[FaxToTrack], now: float) -> float:
    """How far back the sent list must go for these faxes, seen from ``now``.

    A record's date is when it was sent, or when it was ordered: the first is enough here, since
    what a listing does not show is asked for by its ID. One that may have been sent before its
    time, or was to be stopped, is looked for from its order on.
    """
    times = [
        fax.ordered_at if fax.not_before > now or fax.stop_asked_at is not None else begins_at(fax)
        for fax in faxes
    ]
    return min(times, default=now) - CLOCK_MARGIN


def _is_after(moment: datetime | None, ordered_at: float) -> bool:
    return moment is not None and moment >= utc(ordered_at - CLOCK_MARGIN)


def of_sent(record: Fax) -> Sighting:
    """A record of the archive."""
    return Sighting(record.id, record.status, record.pages, record.duration)


def of_outbox(item: OutboxFax) -> Sighting:
    """An item of the outbox."""
    return Sighting(item.id, item.status, item.page_count)


def conclude(
    fax: FaxToTrack, sighting: Sighting | None, settings: SendingSettings, now: float
) -> Conclusion:
    """What follows for a fax from what was seen of it, None for nothing (S5, S6)."""
    status = final(sighting.status) if sighting else None
    if sighting and status:
        return _of_final(fax, sighting, status, settings, now)
    begins = begins_at(fax)
    if now >= begins + settings.give_up:
        outcome = Outcome(End.UNKNOWN, _UNKNOWN_STATUS, now, _NEVER_CAME)
        return Ended(FaxEvent.NO_OUTCOME, outcome)
    return LookAgain(max(now, begins) + pacing.look_again_in(now - begins, settings.first_poll))


def stopped(
    fax: FaxToTrack, look: Glance, settings: SendingSettings, now: float
) -> Conclusion | None:
    """What follows for a fax that Fax.Plus was asked to stop and that no list shows (W6).

    It is cancelled only when it would be seen had it gone: after the settle time, in a complete
    look, while our marks do show up and no unmarked fax may be it; or at once when its time to
    go is far ahead. Else None, and it is waited for as for any other.
    """
    asked_at = fax.stop_asked_at
    if asked_at is None or not look.is_visible or look.may_be(fax):
        return None
    is_ahead = fax.not_before > now + CLOCK_MARGIN
    sure_at = asked_at if is_ahead else asked_at + settings.settle
    if look.shown.is_complete(fax.user_id) and look.began_at >= sure_at:
        return Ended(FaxEvent.CANCELLED, Outcome(End.CANCELLED, _CANCELLED, now, _STOPPED))
    if now >= sure_at + settings.give_up:
        return None
    return LookAgain(max(now + settings.first_poll, sure_at))


def _of_final(
    fax: FaxToTrack, sighting: Sighting, status: Status, settings: SendingSettings, now: float
) -> Conclusion:
    again = _dial_again_at(fax, status.meaning, settings, now)
    if again is not None:
        return DialAgain(again, sighting.status, status.meaning is Meaning.ACCOUNT)
    event, end = _ENDS.get(status.meaning, (FaxEvent.FAILED, End.FAILED))
    why = status.why
    if status.meaning is Meaning.LATER and fax.orders > 1:
        why = f"{why} It was tried {fax.orders} times."
    pages = sighting.pages if end in (End.SUCCESS, End.PARTIAL) else None
    outcome = Outcome(end, sighting.status, now, why, pages, sighting.duration)
    return Ended(event, outcome)


def blames_number(outcome: Outcome) -> bool:
    """Whether a fax failed because of its number, so that the next one may too (S6)."""
    status = final(outcome.status)
    return status is not None and status.meaning is Meaning.NUMBER


def _dial_again_at(
    fax: FaxToTrack, meaning: Meaning, settings: SendingSettings, now: float
) -> float | None:
    """When a fax that may be ordered again is; None when it may not or its time is over."""
    wait: float | None = None
    if meaning is Meaning.LATER and fax.own_retries:
        wait = pacing.dial_again_in(fax.orders, settings.retries)
    elif meaning is Meaning.ACCOUNT:
        wait = pacing.barred_for(1)
    if wait is None:
        return None
    over = pacing.is_over(fax.received_at, fax.not_before, settings.give_up, now + wait)
    return None if over else now + wait
