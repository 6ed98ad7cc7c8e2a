"""The station that sends: which job goes now, when the lists are looked at, when time is over.

At every start nothing is posted before one complete listing has shown that no open order is at
Fax.Plus already (S4). An account that bars us is left alone for a while, with nothing burnt
(S6). A POST that has begun is always finished and recorded, also when the daemon stops (S2).
"""

import asyncio
from collections import defaultdict

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import AccountEmpty, AccountFailure, Failure, SpoolError, SpoolFull
from mail2fax.faxplus.client import FaxPlus
from mail2fax.sending import lists, pacing
from mail2fax.sending.fetching import Fetcher
from mail2fax.sending.lookout import Lookout
from mail2fax.sending.pace import Pace
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import Doubt
from mail2fax.sending.steps import Steps
from mail2fax.sending.stopping import Stopping
from mail2fax.sending.trimming import Trimmer
from mail2fax.spool import finding, jobs
from mail2fax.spool.lifecycle import JobEvent, JobState
from mail2fax.spool.naming import made_at
from mail2fax.spool.records import Job
from mail2fax.spool.spool import Spool, Station
from mail2fax.spool.troubles import Trouble

_LONGEST_REST = 60.0
_BUG_REST = 60.0
_FULL_REST = 5.0
_SILENT_FOR = 300.0
"""Seconds of calls without an answer after which Fax.Plus is out of reach."""
_GIVEN_UP = "It could not be handed to Fax.Plus in time, so it will not be sent any more. {why}"
_PACED = "Others go first: so many faxes a minute are sent, and no more."
_UNDECIDED = "Nobody decided in time. It counts as not sent, though Fax.Plus may have it."
_NOT_RELEASED = "Nobody let it go on in time, so it was not sent."
_TAKEN_AWAY = (JobState.HELD, JobState.CANCELLED)
_NO_EVIDENCE = "Fax.Plus could not be asked whether it has it"
_UNLISTED = "What was sent before as the same Fax.Plus user could not be looked up yet."
_MEMBER_BARRED = "Fax.Plus does not let us fax as the user {user}."


class _Breaker:
    """Keeps us away from an account, or one member of it, that needs a person (S6)."""

    def __init__(self) -> None:
        self._until = 0.0
        self._openings = 0

    def is_open(self, now: float) -> bool:
        """Whether Fax.Plus is to be left alone."""
        return now < self._until

    def trip(self, now: float) -> float:
        """We were barred; several calls may find out at once, and the first opens it.

        Returns:
            Seconds that it opens for; 0 when it was open.
        """
        if self.is_open(now):
            return 0.0
        self._openings += 1
        wait = pacing.barred_for(self._openings)
        self._until = now + wait
        return wait

    def mend(self) -> None:
        """A job went through."""
        self._openings = 0

    @property
    def is_mended(self) -> bool:
        """Whether a job has gone through since we were barred."""
        return not self._openings

    def rest(self, now: float) -> float:
        """Seconds until it closes, 0 when it is."""
        return max(0.0, self._until - now)


class Dispatcher:
    """The sending station over one account."""

    def __init__(
        self, spool: Spool, client: FaxPlus, settings: SendingSettings, clock: Clock
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._clock = clock
        self._pace = Pace(settings.per_minute, settings.number_per_minute)
        self._steps = Steps(spool, client, settings, clock, self._pace)
        self._lookout = Lookout(spool, client, settings, clock)
        self._trimmer = Trimmer(spool, client, clock, settings.first_poll)
        self._stopping = Stopping(spool, client, clock)
        self._fetcher = Fetcher(spool, client, clock, settings.first_poll)
        self._breaker = _Breaker()
        self._members: dict[str, _Breaker] = defaultdict(_Breaker)
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._uploading: set[str] = set()  # mails
        self._posts: set[asyncio.Task[None]] = set()
        self._list_failures = 0
        self._contact = client.contact

    async def run(self) -> None:
        """Send until cancelled; POSTs that have begun are recorded before this returns.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        await self._vouch()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_sending())
                group.create_task(self._keep_looking())
                group.create_task(self._keep_hearing())
                group.create_task(self._trimmer.run())
                group.create_task(self._stopping.run(self._may_ask))
                group.create_task(self._fetcher.run(self._may_ask))
        finally:
            in_hand = list(self._in_hand.values())
            for task in in_hand:
                task.cancel()
            await asyncio.gather(*in_hand, *self._posts, return_exceptions=True)

    async def _vouch(self) -> None:
        """At start: what was on its way when the last run ended is in doubt (S3, S4)."""
        now = self._clock.now()
        for job in await self._spool.do(finding.in_state, JobState.INTENT):
            why = "the daemon ended during the order"
            await self._spool.do(jobs.answer_lost, job.id, Doubt.UNKNOWN, now, now, why)
            events.in_doubt(job.reference, job.token, why)
        if self._spool.suspect:
            events.ledger_suspect(self._spool.suspect)
            await self._spool.alarm.began(Trouble.SUSPECT, self._spool.suspect)
            for job in await self._spool.do(finding.in_state, JobState.READY, JobState.UPLOADED):
                await self._doubt(job, self._spool.suspect.partition(";")[0])
            if self._spool.is_copy:
                await self._spool.do(jobs.copied, Doubt.COPIED)
            await self._spool.vouch()

    async def _doubt(self, job: Job, why: str) -> None:
        """Another life of the ledger may have posted a job: it is looked up first, and soon."""
        doubt = Doubt.COPIED if self._spool.is_copy and self._is_old(job) else Doubt.UNKNOWN
        await self._spool.do(jobs.suspected, job.id, doubt, self._clock.now(), why)
        self._lookout.hint()
        events.in_doubt(job.reference, job.token, why)

    def _is_old(self, job: Job) -> bool:
        """Whether it is for a fax from before the last start that could not vouch for it."""
        return made_at(job.token) < self._spool.doubtful_before

    def _is_doubtful(self, job: Job) -> bool:
        """Whether an old fax's job was made since that start, and nobody looked it up yet (S4)."""
        return job.doubt_since is None and job.supersedes is None and self._is_old(job)

    async def _barred(self, failure: AccountFailure) -> None:
        """The account needs a person, who is told (S6)."""
        if wait := self._breaker.trip(self._clock.now()):
            events.account_barred(str(failure), wait)
        is_empty = isinstance(failure, AccountEmpty)
        kind = Trouble.CREDIT if is_empty else Trouble.ACCOUNT
        await self._spool.alarm.began(kind, str(failure))

    async def _barred_for_job(self, job: Job, failure: AccountFailure) -> None:
        """Fax.Plus does not let us fax as one member; the others' faxes go on (S6)."""
        user = job.options.user_id
        if user is None or not lists.concerns(user, failure):
            await self._barred(failure)
        elif wait := self._members[user].trip(self._clock.now()):
            events.member_barred(user, str(failure), wait)
            await self._spool.alarm.began(Trouble.ACCOUNT, _MEMBER_BARRED.format(user=user))

    def _member_rest(self, job: Job) -> float:
        """Seconds until Fax.Plus may be asked for the user that a job is ordered as."""
        breaker = self._members.get(job.options.user_id or "")
        return 0.0 if breaker is None else breaker.rest(self._clock.now())

    # Jobs

    async def _keep_sending(self) -> None:
        while True:
            if self._may_send():
                await self._take_due()
            await self._spool.bells.wait(Station.SENDING, await self._rest())

    def _may_send(self) -> bool:
        return self._lookout.clear and not self._barred_for() and not self._settings.paused

    def _barred_for(self) -> float:
        """Seconds until Fax.Plus may be asked again: it wants a person, or fewer requests."""
        now = self._clock.now()
        return max(self._breaker.rest(now), self._pace.rest(now))

    def _may_ask(self) -> bool:
        """Whether Fax.Plus is to be asked anything at all."""
        return not self._breaker.is_open(self._clock.now())

    async def _take_due(self) -> None:
        free = self._settings.parallel - len(self._in_hand)
        if free <= 0:
            return
        busy = list(self._in_hand), list(self._uploading)
        for job in await self._spool.do(finding.due, self._clock.now(), free, *busy):
            if job.state == JobState.READY and job.mail_id in self._uploading:
                continue  # a job of the same mail was taken a moment ago; uploads are shared (R1)
            self._in_hand[job.id] = asyncio.create_task(self._carry(job))
            if job.state == JobState.READY:
                self._uploading.add(job.mail_id)

    async def _rest(self) -> float:
        """Seconds until there may be something to take; a bell ends it sooner."""
        now = self._clock.now()
        if not self._may_send() or len(self._in_hand) >= self._settings.parallel:
            return self._barred_for() or _LONGEST_REST
        due = await self._spool.do(finding.next_due_at)
        if due is None or self._in_hand:
            return _LONGEST_REST if due is None or due <= now else min(due - now, _LONGEST_REST)
        return min(max(due - now, 0.0), _LONGEST_REST)

    async def _carry(self, job: Job) -> None:
        """Take one job as far as it goes now."""
        try:
            await self._advance(job)
        except AccountFailure as failure:
            await self._barred_for_job(job, failure)
        except SpoolError as error:
            events.spool_trouble("sending", str(error))
            await asyncio.sleep(_FULL_REST)  # what cannot be recorded would be done again at once
        except Exception as error:  # noqa: BLE001 - one odd job must not stop the others
            if (await self._spool.do(finding.get, job.id)).state in _TAKEN_AWAY:
                return  # a person took it out of our hands meanwhile
            events.bug("sending", error)
            again = self._clock.now() + _BUG_REST
            await self._spool.do(jobs.postponed, job.id, job.tries + 1, again, "internal error")
        finally:
            del self._in_hand[job.id]
            if job.state == JobState.READY:
                self._uploading.discard(job.mail_id)
            self._spool.bells.ring(Station.SENDING, Station.LOOKING)

    async def _advance(self, job: Job) -> None:
        if pacing.is_over(job.created_at, None, self._settings.give_up, self._clock.now()):
            await self._give_up(job)
        elif wait := self._member_rest(job):
            await self._wait_for_member(job, wait, _MEMBER_BARRED)
        elif job.state == JobState.UPLOADED or await self._upload(job):
            await self._post_if_safe(await self._spool.do(finding.get, job.id))

    async def _upload(self, job: Job) -> bool:
        try:
            return await self._steps.upload(job)
        finally:
            self._uploading.discard(job.mail_id)
            self._spool.bells.ring(Station.SENDING)  # the mail's other jobs may go on

    async def _post_if_safe(self, job: Job) -> None:
        now = self._clock.now()
        if job.token in self._lookout.tokens_at_start:
            await self._doubt(job, "its token was seen at Fax.Plus at start")
        elif self._is_doubtful(job):
            await self._doubt(job, "its fax is from before a start that could not vouch for it")
        elif not self._steps.holds_uploads(job):
            await self._spool.do(jobs.happened, job.id, JobEvent.UPLOADS_LOST, now)
        elif not self._lookout.is_clear(job.options.user_id):
            self._lookout.include(job.options.user_id)
            await self._wait_for_member(job, self._settings.first_poll, _UNLISTED)
        elif self._may_send() and await self._is_its_turn(job, now):
            await self._post(job)

    async def _wait_for_member(self, job: Job, wait: float, why: str) -> None:
        again, text = self._clock.now() + wait, why.format(user=job.options.user_id)
        await self._spool.do(jobs.postponed, job.id, job.tries, again, text)

    async def _is_its_turn(self, job: Job, now: float) -> bool:
        """Whether a job may be posted now; if not, it is due again when it may (S7)."""
        numbers = job.options.source_numbers or self._settings.source_numbers
        wait = self._pace.turn(job.id, numbers, len(job.faxes), now)
        if wait:
            await self._spool.do(jobs.postponed, job.id, job.tries, now + wait, _PACED)
        return not wait

    async def _post(self, job: Job) -> None:
        post = asyncio.create_task(self._steps.post(job))
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)
        await asyncio.shield(post)
        if Trouble.CREDIT not in self._spool.alarm.lasting:  # an order is taken without it too
            self._breaker.mend()
            self._members.pop(job.options.user_id or "", None)

    async def _give_up(self, job: Job) -> None:
        self._pace.forget(job.id)
        why = _GIVEN_UP.format(why=job.why).strip()
        now = self._clock.now()
        await self._spool.do(jobs.ended, job.id, JobEvent.GAVE_UP, "given up", now, why)
        self._spool.bells.ring(Station.ANSWERING)
        events.not_sent(job.reference, why)

    # Looks and time

    async def _keep_looking(self) -> None:
        while True:
            try:
                rest = await self._watch_time()
                await self._heed_contact()
                wait = self._barred_for() or await self._until_look()
                if wait <= 0:
                    await self._look()
                rest = min(max(wait, 0.0), rest)
            except SpoolFull as error:
                events.spool_trouble("sending", str(error))
                rest = _FULL_REST
            await self._spool.bells.wait(Station.LOOKING, rest)

    async def _keep_hearing(self) -> None:
        """A hook is a bell: the lists are looked at soon."""
        while True:
            if await self._spool.bells.wait(Station.LOOKOUT, _LONGEST_REST):
                self._lookout.hint()
                self._spool.bells.ring(Station.LOOKING)

    async def _heed_contact(self) -> None:
        """Who can mend the way to Fax.Plus is told when it is gone for minutes (S6)."""
        if self._contact.silent_for >= _SILENT_FOR:
            await self._spool.alarm.began(Trouble.SILENT, self._contact.why)
        elif self._contact.works:
            await self._spool.alarm.over(Trouble.SILENT)

    async def _until_look(self) -> float:
        """Seconds until the next look is due, not above 0 when it is."""
        due_at = await self._lookout.next_look_at()
        return due_at - self._clock.now()

    async def _look(self) -> None:
        try:
            await self._lookout.look()
            self._list_failures = 0
            if all(breaker.is_mended for breaker in self._members.values()):
                await self._spool.alarm.over(Trouble.ACCOUNT)
            if self._lookout.clear:
                await self._spool.alarm.over(Trouble.SUSPECT)
        except AccountFailure as failure:
            await self._barred(failure)
        except Failure as failure:
            self._list_failures += 1
            wait = pacing.list_again_in(self._list_failures, failure.retry_after)
            events.listing_failed(str(failure), wait)
            self._lookout.rest_for(wait)
        except SpoolError:
            raise
        except Exception as error:  # noqa: BLE001 - one odd record must not stop the house
            events.bug("lookout", error)
            self._lookout.rest_for(_BUG_REST)

    async def _watch_time(self) -> float:
        """Waiting is told, and ends (promise 4); seconds until it may be time again."""
        now, settings = self._clock.now(), self._settings
        if not self._may_send():  # else whoever takes a job looks at the time first
            await self._end_overdue(now)
        owed = await self._spool.do(jobs.tell_waiting, now - settings.waiting_after, now)
        untold = await self._spool.do(jobs.waits_untold_since)
        ends = [] if untold is None else [untold + settings.waiting_after]
        for job in await self._spool.do(finding.in_state, JobState.HELD, JobState.IN_DOUBT):
            over_at = self._over_at(job)
            if now >= over_at:
                await self._end_of_waiting(job, now)
                owed += 1
            else:
                ends.append(over_at)
        if owed:
            self._spool.bells.ring(Station.ANSWERING)
        longest = min(_LONGEST_REST, self._settings.waiting_after)  # a mail may begin to wait now
        return min([*(max(end - now, 0.0) for end in ends), longest])

    async def _end_overdue(self, now: float) -> None:
        """End what nobody may take, however long Fax.Plus is out of reach."""
        over = await self._spool.do(finding.wanted_before, now - self._settings.give_up)
        for job in over:
            if job.id not in self._in_hand:
                await self._give_up(job)

    def _over_at(self, job: Job) -> float:
        """When a job that waits for a person or for evidence has waited long enough."""
        since = job.doubt_since or job.created_at
        if job.state == JobState.HELD:
            return (job.held_at or since) + self._settings.hold_for
        return since + self._settings.give_up

    async def _end_of_waiting(self, job: Job, now: float) -> None:
        if job.state == JobState.IN_DOUBT:
            await self._spool.do(jobs.held, job.id, now, _NO_EVIDENCE)
            return
        why = _UNDECIDED if job.doubt else _NOT_RELEASED
        await self._spool.do(jobs.ended, job.id, JobEvent.GAVE_UP, "undecided", now, why)
        events.not_sent(job.reference, why)
