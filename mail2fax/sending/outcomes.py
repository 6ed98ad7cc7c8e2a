"""What Fax.Plus shows of an ordered fax, and what follows from it. Pure.

A fax is looked for under the ID its order answered, then under its token, and at last, because
an archive record may carry another ID and no comment, by destination and time; the last only
when nothing else of ours or anybody's can be meant (faxplus-api: the life cycle of the ids).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mail2fax.clock import utc
from mail2fax.faxplus.statuses import Meaning, Status, final
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.sending import pacing
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import CLOCK_MARGIN
from mail2fax.spool.lifecycle import FaxEvent
from mail2fax.spool.naming import tokens_in
from mail2fax.spool.records import FaxToTrack
from mail2fax.values import End, Outcome

_UNKNOWN_STATUS = "no outcome"
_NEVER_CAME = (
    "Fax.Plus took the fax and never told what became of it. "
    "It may have arrived; ask the recipient before you send it again."
)
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
        sent: the sent list.
        taken_ids: fax IDs that other faxes of ours are known by.
        is_visible: whether a fax of ours that was sent would be seen.
    """

    began_at: float
    is_complete: bool
    is_visible: bool
    sent: tuple[Fax, ...]
    taken_ids: frozenset[str]

    def may_be(self, fax: FaxToTrack) -> bool:
        """Whether a record without anybody's mark may be this fax."""
        return any(_may_be(fax, record, self.taken_ids) for record in self.sent)


def sighted(
    fax: FaxToTrack, listing: Listing, taken_ids: frozenset[str], rivals: int
) -> Sighting | None:
    """Find a fax in a listing.

    Args:
        fax: the fax.
        listing: outbox and sent list.
        taken_ids: fax IDs that other faxes of ours are known by.
        rivals: how many other faxes of ours to the same number await their outcome.
    """
    for record in listing.sent:
        if record.id == fax.fax_plus_id or fax.token in tokens_in(record.comment):
            return of_sent(record)
    for item in listing.outbox:
        marks = tokens_in(" ".join((item.comment_text, *item.tags)))
        if item.id == fax.fax_plus_id or (fax.token in marks and fax.number in item.to):
            return of_outbox(item)
    return None if rivals else _alone(fax, listing.sent, taken_ids)


def _alone(fax: FaxToTrack, sent: Iterable[Fax], taken_ids: frozenset[str]) -> Sighting | None:
    """The one unmarked record that can only be this fax, if there is exactly one."""
    candidates = [record for record in sent if _may_be(fax, record, taken_ids)]
    return of_sent(candidates[0]) if len(candidates) == 1 else None


def _may_be(fax: FaxToTrack, record: Fax, taken_ids: frozenset[str]) -> bool:
    return (
        record.to == fax.number
        and record.id not in taken_ids
        and not tokens_in(record.comment)
        and _is_after(record.submit_time or record.start_time, fax.ordered_at)
    )


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
    begins = max(fax.ordered_at, fax.not_before)
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
    if look.is_complete and look.began_at >= sure_at:
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
