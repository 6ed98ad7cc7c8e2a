"""The one place that looks at Fax.Plus's lists: every look serves everything that waits for one.

A look reads outbox and sent list once, and those of the members it is about, and holds them
against our own open tokens: which orders are visible at all (the probe of S3), which
written-off job came to light, what the doubts settle to, and what became of the faxes on their
way. What follows is decided by `settling` and `outcomes`; here it is only carried out.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mail2fax import events
from mail2fax.clock import Clock, utc
from mail2fax.errors import AccountEmpty, Failure
from mail2fax.faxplus.client import FaxPlus
from mail2fax.sending import adopting, lists, outcomes, pacing, settling
from mail2fax.sending.outcomes import Conclusion, DialAgain, Ended, Glance, LookAgain, Sighting
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import Decision, Doubt, Evidence, Settlement
from mail2fax.sending.shown import Shown, may_be, seen_in_archive, seen_in_outbox
from mail2fax.spool import adoption, finding, jobs, members, resending, tracking
from mail2fax.spool.lifecycle import FaxEvent, FaxState, JobEvent, JobState
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
_HINTS_REACH = 2 * settling.CLOCK_MARGIN  # what has just ended, began not long ago
_ASKED_AT_ONCE = 8
_NOT_POSTED = (JobState.READY, JobState.UPLOADED)
_SUCCESSOR_WENT_OUT = (JobState.INTENT, JobState.IN_DOUBT, JobState.ORDERED)


@dataclass(frozen=True, slots=True)
class _Others:
    """The fax IDs by which other faxes of ours than these are known."""

    owners: Mapping[str, str]
    own: tuple[str, ...]

    def __contains__(self, fax_plus_id: object) -> bool:
        owner = self.owners.get(str(fax_plus_id))
        return owner is not None and owner not in self.own


@dataclass(frozen=True, slots=True)
class _Look:
    """One look: what it showed, when it began, and what it is held against.

    Attributes:
        owners: whose the records without any mark are, of those we know.
        doubts: every job in doubt.
        due: faxes whose outcome was to be looked for.
        users: whose lists it read; None is the account's own user.
        reaches_back: whether it goes back to the oldest open mail (S4).
    """

    began_at: float
    shown: Shown
    owners: Mapping[str, str]
    doubts: list[Job]
    due: list[FaxToTrack]
    users: frozenset[str | None]
    reaches_back: bool

    @property
    def is_complete(self) -> bool:
        """Whether a miss means anything, whoever's fax it is."""
        return all(map(self.shown.is_complete, self.users))

    def taken_ids(self, *own_faxes: str) -> _Others:
        """Fax IDs that belong to other faxes of ours than these."""
        return _Others(self.owners, own_faxes)


class Lookout:
    """Looks at the lists and records what they show.

    Attributes:
        clear: whether a complete listing since the start has been held against every open
            token; until then nothing may be posted (S4). `is_clear` says it of a member's.
        tokens_at_start: our tokens in such a listing; a job that carries one was ordered by a
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
        self._strays_at = 0.0
        self._hinted = False
        self._cleared: set[str | None] = set()
        self._to_clear: set[str | None] = {None}
        self._unreadable: Counter[str | None] = Counter()
        self._rests: defaultdict[str | None, float] = defaultdict(float)
        self.tokens_at_start: frozenset[str] = frozenset()

    @property
    def clear(self) -> bool:
        """See above."""
        return None in self._cleared

    def is_clear(self, user_id: str | None) -> bool:
        """Whether a user's lists have been held against every open token (S4)."""
        return user_id in self._cleared

    def include(self, user_id: str | None) -> None:
        """Somebody waits for a user's lists: the next look, which is soon, is to read them too."""
        self._to_clear.add(user_id)

    async def next_look_at(self) -> float:
        """When the next look is due; at once until the first one was complete."""
        now = self._clock.now()
        due = [now + _BEYOND]
        due += [max(now, self._readable_at(user)) for user in self._to_clear - self._cleared]
        in_doubt = await self._spool.do(finding.in_state, JobState.IN_DOUBT)
        for job in in_doubt:
            readable_at = self._readable_at(job.options.user_id)
            due.append(max(settling.look_at(job, self._settings), readable_at))
        strays = await self._spool.do(finding.oldest_stray, now - _STRAYS_SINCE)
        if strays is not None or self._spool.restored is not None:
            due.append(self._strays_at + _STRAYS_EVERY)
        poll = await self._spool.do(tracking.next_poll_at)
        due += [] if poll is None else [poll]
        if self._hinted and (in_doubt or poll is not None):
            due.append(now)
        return max(min(due), self._not_before)

    def _readable_at(self, user_id: str | None) -> float:
        """When a user's lists are to be read again, after they could not be."""
        return self._rests[user_id]

    def hint(self) -> None:
        """Something may have happened at Fax.Plus: look soon, if anything waits for a look.

        However many hints come, two looks are as far apart as ever (`_not_before`).
        """
        self._hinted = True

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
        wait = self._settings.first_poll if look.shown.is_complete() else _INCOMPLETE_WAIT
        self._not_before = self._clock.now() + wait
        self._rest_unreadable(look)
        self._clear(look)
        self._spool.bells.ring(Station.SENDING, Station.STOPPING, Station.ANSWERING)
        if account_empty:
            raise AccountEmpty("Fax.Plus could not send: no credit is left")

    def _rest_unreadable(self, look: _Look) -> None:
        """Members whose lists came incomplete are asked again later; nobody waits for that."""
        for user in look.users - {None}:
            if look.shown.is_complete(user):
                self._unreadable.pop(user, None)
                self._rests.pop(user, None)
            elif self._readable_at(user) <= look.began_at:
                self._unreadable[user] += 1
                wait = pacing.list_again_in(self._unreadable[user], None)
                self._rests[user] = self._clock.now() + wait

    def _clear(self, look: _Look) -> None:
        """Orders of these users may be posted from now on, unless their tokens were seen (S4)."""
        if look.reaches_back:
            fresh = {user for user in look.users if look.shown.is_complete(user)} - self._cleared
            self.tokens_at_start |= look.shown.tokens if fresh else frozenset()
            self._cleared |= fresh
        self._to_clear -= look.users - {None}  # who still waits for them says so again

    async def _make_look(self) -> _Look:
        now, do = self._clock.now(), self._spool.do
        doubts = await do(finding.in_state, JobState.IN_DOUBT)
        due = await do(tracking.due, now)
        for_strays = now >= self._strays_at + _STRAYS_EVERY  # seldom, as they rarely appear
        users = await self._users(doubts, due, is_wide=for_strays or self._hinted)
        reaches_back = not users <= self._cleared
        since = min(
            settling.listing_from(doubts, now),
            outcomes.listing_from(due, now),
            await self._strays_from(now) if for_strays else now,
            await self._oldest_open_mail(now) if reaches_back else now,
            (self._spool.restored or (now, now))[0] - settling.CLOCK_MARGIN,
            now - _HINTS_REACH if self._hinted else now,
        )
        self._hinted = False
        began_at = self._clock.now()
        asked = [user for user in users if user and self._readable_at(user) <= began_at]
        shown = await lists.read(self._client, asked, utc(since))
        if for_strays:
            self._strays_at = began_at
        owners = await do(tracking.owners, shown.unmarked_ids())
        return _Look(began_at, shown, owners, doubts, due, users, reaches_back)

    async def _users(
        self, doubts: list[Job], due: list[FaxToTrack], *, is_wide: bool
    ) -> frozenset[str | None]:
        """Whose lists a look needs: those as whom it was ordered what the look is about."""
        found = {None, *(job.options.user_id for job in doubts), *(fax.user_id for fax in due)}
        found |= self._to_clear - self._cleared
        if is_wide or not self.clear:
            since = self._clock.now() - _STRAYS_SINCE
            found |= await self._spool.do(members.open_since, since)
        if self._spool.restored is not None:
            found |= self._settings.members
        return frozenset(found)

    async def _strays_from(self, now: float) -> float:
        """How far back a look must go for jobs that count as ended."""
        oldest = await self._spool.do(finding.oldest_stray, now - _STRAYS_SINCE)
        return (now if oldest is None else oldest) - settling.CLOCK_MARGIN

    async def _oldest_open_mail(self, now: float) -> float:
        """How far back a first listing goes: mails without a job have tokens too (S4)."""
        oldest = await self._spool.do(finding.oldest_open_mail)
        return (now if oldest is None else oldest) - settling.CLOCK_MARGIN

    async def _take_in_strangers(self, look: _Look) -> None:
        """What Fax.Plus has of ours, and a ledger that was put back lacks, is followed (S4)."""
        gap = self._spool.restored
        if gap is None:
            return
        unknown = await self._spool.do(adoption.unknown, look.shown.tokens)
        found = adopting.strangers(look.shown, gap, unknown)
        now, first_poll = self._clock.now(), self._settings.first_poll
        await self._spool.do(adoption.adopt, found, now, first_poll)
        for stranger in found:
            events.adopted(stranger.token)
        if look.is_complete and look.began_at >= gap[1] + _LATE_AFTER_RESTORE:
            await self._spool.close_gap()

    async def _see_tokens(self, look: _Look) -> None:
        found = await self._spool.do(finding.unseen, look.shown.tokens)
        if found:
            await self._spool.do(jobs.seen, found, look.began_at)

    # Jobs without a fax ID

    async def _find_strays(self, look: _Look) -> None:
        """Jobs not in doubt whose token shows all the same: adopted, if wholly there."""
        since = look.began_at - _STRAYS_SINCE
        for job in await self._spool.do(finding.marked, look.shown.tokens, since):
            if job.state == JobState.INTENT:
                continue  # its POST is under way
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
        for job in look.doubts:
            evidence = self._evidence(job, look)
            is_whole = evidence.ids.keys() >= {fax.number for fax in job.faxes}
            if is_whole or settling.look_at(job, self._settings) <= look.began_at:
                probes = await self._probes(look.began_at, job.options.user_id)
                decision = settling.settle(job, evidence, self._settings, probes)
                await self._carry_out(job, evidence, decision)

    def _evidence(self, job: Job, look: _Look) -> Evidence:
        taken = look.taken_ids(*(fax.id for fax in job.faxes))
        return settling.evidence_for(job, look.shown, look.began_at, taken)

    async def _probes(self, now: float, user_id: str | None) -> list[bool]:
        """A user's latest orders that had as long to become visible as a doubtful one is given."""
        before = now - self._settings.settle
        return await self._spool.do(finding.probes, before, _PROBES, user_id)

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
        sightings = await self._sightings(look)
        now, later, account_empty = self._clock.now(), [], False
        for fax, sighting in sightings:
            conclusion = await self._stopped(fax, sighting, look) or outcomes.conclude(
                fax, sighting, self._settings, now
            )
            await self._learn_id(fax, sighting)
            if isinstance(conclusion, LookAgain):
                later.append((fax, conclusion.at))
            else:
                await self._record(fax, conclusion)
                account_empty |= isinstance(conclusion, DialAgain) and conclusion.account
        await self._spool.do(tracking.look_again, later)
        return account_empty

    async def _sightings(self, look: _Look) -> list[tuple[FaxToTrack, Sighting | None]]:
        """Every fax that was due, and those that have ended besides, with what was seen of it."""
        ended = list(look.shown.ended())
        marks = frozenset[str]().union(*(one.tokens for one in ended))
        others = await self._spool.do(tracking.among, [one.id for one in ended], marks)
        due = {fax.id for fax in look.due}
        faxes = look.due + [fax for fax in others if fax.id not in due]
        doubtful = {
            fax.number for fax in look.due if look.shown.unmarked_to(fax.number, fax.user_id)
        }
        rivals = await self._spool.do(tracking.on_their_way, doubtful)
        seen = [
            outcomes.sighted(fax, look.shown, look.taken_ids(fax.id), rivals.get(fax.number, 1) - 1)
            for fax in faxes
        ]
        asked = await self._ask_for_all(
            [fax for fax, one in zip(faxes, seen, strict=True) if one is None and fax.id in due]
        )
        return [
            (fax, one or asked.get(fax.id))
            for fax, one in zip(faxes, seen, strict=True)
            if one or fax.id in due
        ]

    async def _stopped(
        self, fax: FaxToTrack, sighting: Sighting | None, look: _Look
    ) -> Conclusion | None:
        """What follows for a fax that was to be stopped and is not seen any more."""
        if fax.stop_asked_at is None or sighting is not None:
            return None
        is_visible = settling.is_healthy(await self._probes(look.began_at, fax.user_id))
        glance = Glance(
            look.began_at, is_visible or fax.stop_taken, look.shown, look.taken_ids(fax.id)
        )
        return outcomes.stopped(fax, glance, self._settings, self._clock.now())

    async def _ask_for_all(self, faxes: list[FaxToTrack]) -> dict[str, Sighting | None]:
        """Faxes that the lists do not show, each by its ID, a few at a time."""
        turn = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def ask(fax: FaxToTrack) -> Sighting | None:
            async with turn:
                return await self._ask_for(fax)

        answers = await asyncio.gather(*map(ask, faxes), return_exceptions=True)
        for fax, answer in zip(faxes, answers, strict=True):
            is_of_one = isinstance(answer, Failure) and lists.concerns(fax.user_id, answer)
            if isinstance(answer, BaseException) and not is_of_one:
                raise answer
        found = zip(faxes, answers, strict=True)
        return {fax.id: one for fax, one in found if not isinstance(one, BaseException)}

    async def _ask_for(self, fax: FaxToTrack) -> Sighting | None:
        """The fax by its ID: first as an item of the outbox, then as a sent record (S5)."""
        if fax.fax_plus_id is None:
            return None
        client = self._client.as_user(fax.user_id)
        item = await client.outbox_fax(fax.fax_plus_id)
        if item and may_be(seen_in_outbox(item), fax.token, fax.number):
            return outcomes.of_outbox(item)
        record = await client.fax(fax.fax_plus_id)
        if record and may_be(seen_in_archive(record), fax.token, fax.number):
            return outcomes.of_sent(record)
        return None

    async def _learn_id(self, fax: FaxToTrack, sighting: Sighting | None) -> None:
        if sighting and fax.fax_plus_id is None:
            await self._spool.do(tracking.learned_id, fax, sighting.fax_plus_id)

    async def _record(self, fax: FaxToTrack, conclusion: Ended | DialAgain) -> None:
        now, do = self._clock.now(), self._spool.do
        if isinstance(conclusion, Ended):
            outcome = conclusion.outcome
            blames = outcomes.blames_number(outcome)
            await do(tracking.ended, fax.id, conclusion.event, outcome, now, blames)
            number = FaxNumber(fax.number)
            events.outcome(fax.reference, number, fax.fax_plus_id, outcome.status)
            if conclusion.event is FaxEvent.SUCCEEDED:
                await self._spool.alarm.over(Trouble.CREDIT)
        else:
            await do(tracking.line_busy, fax.id, conclusion.status, now, conclusion.at)
            events.will_retry(fax.reference, "dial", conclusion.status, conclusion.at - now)
