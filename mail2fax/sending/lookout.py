"""The one place that looks at Fax.Plus's lists: every look serves everything that waits for one.

A look reads outbox and sent list once, and holds them against our own open tokens: which orders
are visible at all (the probe of S3), which written-off job came to light, what the doubts
settle to, and what became of the faxes on their way. What follows is decided by `settling` and
`outcomes`; here it is only carried out.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace

from mail2fax import events
from mail2fax.clock import Clock, utc
from mail2fax.errors import AccountEmpty
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import Listing
from mail2fax.sending import adopting, outcomes, settling
from mail2fax.sending.outcomes import Conclusion, DialAgain, Ended, Glance, Sighting
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import Decision, Doubt, Evidence, Settlement
from mail2fax.spool import adoption, finding, jobs, resending, tracking
from mail2fax.spool.lifecycle import FaxEvent, FaxState, JobEvent, JobState
from mail2fax.spool.naming import tokens_in
from mail2fax.spool.records import FaxToTrack, Job
from mail2fax.spool.spool import Spool, Station
from mail2fax.spool.troubles import Trouble
from mail2fax.values import FaxNumber

_STRAYS_SINCE = 86400.0
_STRAYS_EVERY = 600.0
_LATE_AFTER_RESTORE = 3600.0
_PROBES = 5
_MOST_FILES = 10  # of one fax
_INCOMPLETE_WAIT = 60.0
_BEYOND = 30 * 86400.0
_NOT_POSTED = (JobState.READY, JobState.UPLOADED)
_SUCCESSOR_WENT_OUT = (JobState.INTENT, JobState.IN_DOUBT, JobState.ORDERED)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look: the listing, when it began, and what it is held against."""

    began_at: float
    listing: Listing
    may_appear: list[Job]
    tracked: list[FaxToTrack]
    ids: dict[str, str]

    def taken_ids(self, *own_faxes: str) -> frozenset[str]:
        """Fax IDs that belong to other faxes of ours than these."""
        return frozenset(id_ for fax, id_ in self.ids.items() if fax not in own_faxes)

    def tokens(self) -> frozenset[str]:
        """Every token of ours in the listing."""
        texts = [fax.comment for fax in self.listing.sent]
        for item in self.listing.outbox:
            texts += [item.comment_text, *item.tags]
        return tokens_in(" ".join(texts))


class Lookout:
    """Looks at the lists and records what they show.

    Attributes:
        clear: whether a complete listing since the start has been held against every open
            token; until then nothing may be posted (S4).
        tokens_at_start: our tokens in that listing; a job that carries one was ordered by a
            life of this ledger that it does not remember.
    """

    def __init__(
        self, spool: Spool, client: FaxPlus, settings: SendingSettings, clock: Clock
    ) -> None:
        self._spool = spool
        self._client = client
        self._settings = settings
        self._clock = clock
        self._not_before = 0.0
        self._last = 0.0
        self.clear = False
        self.tokens_at_start: frozenset[str] = frozenset()

    async def next_look_at(self) -> float:
        """When the next look is due; at once until the first one was complete."""
        now = self._clock.now()
        due = [now] if not self.clear else [now + _BEYOND]
        in_doubt = await self._spool.do(finding.in_state, JobState.IN_DOUBT)
        due += [settling.look_at(job, self._settings) for job in in_doubt]
        if await self._spool.do(finding.has_strays, now - _STRAYS_SINCE):
            due.append(self._last + _STRAYS_EVERY)
        if self._spool.restored is not None:
            due.append(self._last + _STRAYS_EVERY)
        poll = await self._spool.do(tracking.next_poll_at)
        due += [] if poll is None else [poll]
        return max(min(due), self._not_before)

    def rest_for(self, seconds: float) -> None:
        """No look for a while: the last one failed."""
        self._not_before = self._clock.now() + seconds

    async def look(self) -> None:
        """Make one look and record everything it shows.

        Raises:
            AccountEmpty: no credit is left; what was seen is recorded.
            AccountFailure: the account bars us.
            Failure: the lists could not be read; nothing was concluded.
        """
        look = await self._make_look()
        await self._see_tokens(look)
        await self._take_in_strangers(look)
        await self._find_strays(look)
        await self._settle_doubts(look)
        account_empty = await self._track(look)
        self._last = look.began_at
        wait = self._settings.first_poll if look.listing.complete else _INCOMPLETE_WAIT
        self._not_before = self._clock.now() + wait
        if look.listing.complete and not self.clear:
            self.tokens_at_start = look.tokens()
            self.clear = True
        self._spool.bells.ring(Station.SENDING, Station.STOPPING, Station.ANSWERING)
        if account_empty:
            raise AccountEmpty("Fax.Plus could not send: no credit is left")

    async def _make_look(self) -> _Look:
        now = self._clock.now()
        may_appear = await self._spool.do(finding.may_appear, now - _STRAYS_SINCE)
        tracked = await self._spool.do(tracking.ordered)
        since = min(
            settling.listing_from(may_appear, now),
            min((fax.ordered_at for fax in tracked), default=now) - settling.CLOCK_MARGIN,
            await self._oldest_open_mail(now),
            (self._spool.restored or (now, now))[0] - settling.CLOCK_MARGIN,
        )
        began_at = self._clock.now()
        listing = await self._client.listing(utc(since))
        ids = await self._spool.do(tracking.known_ids, since)
        return _Look(began_at, listing, may_appear, tracked, ids)

    async def _oldest_open_mail(self, now: float) -> float:
        """How far back the first listing goes: mails without a job have tokens too (S4)."""
        if self.clear:
            return now
        oldest = await self._spool.do(finding.oldest_open_mail)
        return (now if oldest is None else oldest) - settling.CLOCK_MARGIN

    async def _take_in_strangers(self, look: _Look) -> None:
        """What Fax.Plus has of ours, and a ledger that was put back lacks, is followed (S4)."""
        gap = self._spool.restored
        if gap is None:
            return
        unknown = await self._spool.do(adoption.unknown, look.tokens())
        found = adopting.strangers(look.listing, gap, unknown)
        now, first_poll = self._clock.now(), self._settings.first_poll
        await self._spool.do(adoption.adopt, found, now, first_poll)
        for stranger in found:
            events.adopted(stranger.token)
        if look.listing.complete and look.began_at >= gap[1] + _LATE_AFTER_RESTORE:
            await self._spool.close_gap()

    async def _see_tokens(self, look: _Look) -> None:
        unseen = await self._spool.do(finding.tokens_unseen, look.began_at - _STRAYS_SINCE)
        found = [unseen[token] for token in look.tokens() if token in unseen]
        if found:
            await self._spool.do(jobs.seen, found, look.began_at)

    # Jobs without a fax ID

    async def _find_strays(self, look: _Look) -> None:
        """Jobs not in doubt whose token shows all the same: adopted, if wholly there."""
        marks = look.tokens()
        for earlier in look.may_appear:
            if earlier.state == JobState.IN_DOUBT or earlier.token not in marks:
                continue
            job = await self._spool.do(finding.get, earlier.id)  # it may have been posted meanwhile
            if job.state in (JobState.INTENT, JobState.IN_DOUBT, JobState.ORDERED):
                continue
            evidence = self._evidence(job, look)
            pending = {fax.number for fax in job.faxes if fax.state == FaxState.PENDING}
            if job.state in _NOT_POSTED and not pending <= evidence.ids.keys():
                await self._suspect(job)
            elif job.state != JobState.HELD or pending <= evidence.ids.keys():
                await self._adopt(job, evidence)

    async def _suspect(self, job: Job) -> None:
        why = "part of it is at Fax.Plus already"
        await self._spool.do(jobs.suspected, job.id, Doubt.UNKNOWN, self._clock.now(), why)
        events.in_doubt(job.reference, job.token, why)

    async def _settle_doubts(self, look: _Look) -> None:
        for job in look.may_appear:
            if job.state != JobState.IN_DOUBT:
                continue
            evidence = self._evidence(job, look)
            is_whole = evidence.ids.keys() >= {fax.number for fax in job.faxes}
            if is_whole or settling.look_at(job, self._settings) <= look.began_at:
                probes = await self._probes(look.began_at)
                decision = settling.settle(job, evidence, self._settings, probes)
                await self._carry_out(job, evidence, decision)

    def _evidence(self, job: Job, look: _Look) -> Evidence:
        taken = look.taken_ids(*(fax.id for fax in job.faxes))
        return settling.evidence_for(job, look.listing, look.began_at, taken)

    async def _probes(self, now: float) -> list[bool]:
        """The latest orders that had as long to become visible as a doubtful one is given."""
        return await self._spool.do(finding.probes, now - self._settings.settle, _PROBES)

    async def _carry_out(self, job: Job, evidence: Evidence, decision: Decision) -> None:
        now, do = self._clock.now(), self._spool.do
        match decision.settlement:
            case Settlement.WAIT:
                return
            case Settlement.COUNT:
                await do(jobs.missed, job.id)
                return
            case Settlement.ADOPT:
                await self._adopt(job, evidence)
                return
            case Settlement.REFUSED if await self._uploads_instead(job):
                pass
            case Settlement.REFUSED:
                why = f"Fax.Plus does not take it. {job.why}"
                await do(jobs.ended, job.id, JobEvent.REFUSAL_CONFIRMED, "refused", now, why)
            case Settlement.POST_AGAIN:
                await do(jobs.post_again, job.id, now, job.why)
            case Settlement.ORDER_AGAIN:
                await do(jobs.missing, job.id, now)
            case Settlement.HOLD:
                await do(jobs.held, job.id, now, decision.why)
        events.settled(job.reference, job.token, decision.settlement)

    async def _uploads_instead(self, job: Job) -> bool:
        """Whether a fax that Fax.Plus will not send again by its ID goes out as documents (S8)."""
        if job.options.from_fax is None:
            return False
        content, do = self._spool.content, self._spool.do
        earlier, held = await do(resending.held_documents, job.options.from_fax)
        if not held or len(held) + len(job.uploads) > _MOST_FILES:
            return False
        copies = [replace(one, file=f"again-{one.file}") for one in held]
        names = {one.file: copy.file for one, copy in zip(held, copies, strict=True)}
        try:
            await asyncio.to_thread(content.share_documents, names, earlier, job.mail_id)
        except OSError:
            return False  # we do not hold it any more
        await do(resending.upload_instead, job, copies, self._clock.now())
        return True

    async def _adopt(self, job: Job, evidence: Evidence) -> None:
        now, first_poll = self._clock.now(), self._settings.first_poll
        successors = await self._spool.do(finding.successors, job.id)
        await self._spool.do(jobs.found, job.id, evidence.ids, now, first_poll)
        events.settled(job.reference, job.token, Settlement.ADOPT)
        if any(state in _SUCCESSOR_WENT_OUT for state in successors):
            events.doubled(job.reference, job.token)

    # Faxes on their way

    async def _track(self, look: _Look) -> bool:
        """Record what became of the faxes; whether one failed for want of credit."""
        account_empty = False
        on_their_way = Counter(fax.number for fax in look.tracked)
        for fax in look.tracked:
            rivals = on_their_way[fax.number] - 1
            sighting = outcomes.sighted(fax, look.listing, look.taken_ids(fax.id), rivals)
            is_due = fax.next_poll <= look.began_at
            if sighting is None and is_due:
                sighting = await self._ask_for(fax)
            if sighting or is_due:
                now = self._clock.now()
                conclusion = await self._stopped(fax, sighting, look) or outcomes.conclude(
                    fax, sighting, self._settings, now
                )
                await self._record(fax, sighting, conclusion)
                account_empty |= isinstance(conclusion, DialAgain) and conclusion.account
        return account_empty

    async def _stopped(
        self, fax: FaxToTrack, sighting: Sighting | None, look: _Look
    ) -> Conclusion | None:
        """What follows for a fax that was to be stopped and is not seen any more."""
        if fax.stop_asked_at is None or sighting is not None:
            return None
        is_visible = settling.is_healthy(await self._probes(look.began_at))
        glance = Glance(
            look.began_at, look.listing.complete, is_visible or fax.stop_taken,
            look.listing.sent, look.taken_ids(fax.id),
        )  # fmt: skip
        return outcomes.stopped(fax, glance, self._settings, self._clock.now())

    async def _ask_for(self, fax: FaxToTrack) -> Sighting | None:
        """The fax by its ID: first as an item of the outbox, then as a sent record (S5)."""
        if fax.fax_plus_id is None:
            return None
        if item := await self._client.outbox_fax(fax.fax_plus_id):
            return outcomes.of_outbox(item)
        record = await self._client.fax(fax.fax_plus_id)
        return outcomes.of_sent(record) if record else None

    async def _record(
        self, fax: FaxToTrack, sighting: Sighting | None, conclusion: Conclusion
    ) -> None:
        now, do = self._clock.now(), self._spool.do
        if sighting and fax.fax_plus_id is None:
            await do(tracking.learned_id, fax, sighting.fax_plus_id)
        if isinstance(conclusion, Ended):
            outcome = conclusion.outcome
            blames = outcomes.blames_number(outcome)
            await do(tracking.ended, fax.id, conclusion.event, outcome, now, blames)
            number = FaxNumber(fax.number)
            events.outcome(fax.reference, number, fax.fax_plus_id, outcome.status)
            if conclusion.event is FaxEvent.SUCCEEDED:
                await self._spool.alarm.over(Trouble.CREDIT)
        elif isinstance(conclusion, DialAgain):
            await do(tracking.line_busy, fax.id, conclusion.status, now, conclusion.at)
            events.will_retry(fax.reference, "dial", conclusion.status, conclusion.at - now)
        else:
            await do(tracking.look_again, fax, conclusion.at)
