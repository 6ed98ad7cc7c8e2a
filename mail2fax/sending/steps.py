"""One job's way to Fax.Plus, a step at a time: upload, intent on disk, one POST, fax ID on disk.

Nothing here decides what a lost answer means; it is written down and `settling` decides later.
Once the intent is on disk the POST is made and its answer recorded whatever happens meanwhile:
the caller must not cancel `post`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import (
    AccountFailure,
    Failure,
    Fate,
    PermanentFailure,
    SpoolFull,
    TemporaryFailure,
)
from mail2fax.faxplus.client import FaxPlus
from mail2fax.sending import pacing
from mail2fax.sending.ordering import order_for
from mail2fax.sending.pace import Pace
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import Doubt
from mail2fax.spool import durable, finding, jobs, members
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.quarantine import quarantined
from mail2fax.spool.records import DocumentAtRest, Job
from mail2fax.spool.spool import Spool, Station
from mail2fax.spool.troubles import Trouble
from mail2fax.values import FaxNumber

P = ParamSpec("P")
T = TypeVar("T")
_FULL_REST = 1.0


class Steps:
    """The steps of a job, over one spool and one account."""

    def __init__(
        self,
        spool: Spool,
        client: FaxPlus,
        settings: SendingSettings,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._spool = spool
        self._client = client
        self._settings = settings
        self._clock = clock

    async def upload(self, job: Job) -> bool:
        """Upload what Fax.Plus does not hold (any more); whether the job may be posted.

        Raises:
            AccountFailure: the account needs a person; the job is as it was.
        """
        try:
            for at_rest in job.uploads:
                if self._is_missing(at_rest) and not await self._upload_one(job, at_rest):
                    return False
        except TemporaryFailure as failure:
            wait = pacing.upload_again_in(job.tries + 1, failure.retry_after)
            if failure.fate is Fate.THROTTLED:
                self._pace.throttled(self._clock.now() + wait)
            await self._postpone(job, wait, str(failure))
            return False
        except PermanentFailure as failure:
            await self._end(job, JobEvent.NOT_TAKEN, str(failure.status or ""), str(failure))
            return False
        await self._spool.do(jobs.happened, job.id, JobEvent.UPLOADED, self._clock.now())
        events.uploaded(job.reference, len(job.uploads))
        return True

    def holds_uploads(self, job: Job) -> bool:
        """Whether Fax.Plus still holds every document of the job."""
        return not any(self._is_missing(at_rest) for at_rest in job.uploads)

    def _is_missing(self, at_rest: DocumentAtRest) -> bool:
        if at_rest.upload_path is None or at_rest.uploaded_at is None:
            return True
        return self._clock.now() - at_rest.uploaded_at > self._settings.upload_life

    async def _upload_one(self, job: Job, at_rest: DocumentAtRest) -> bool:
        """Upload one document; False when its bytes are not the prepared ones (K5)."""
        document = at_rest.document
        path = self._spool.content.documents_of(job.mail_id) / document.file
        try:
            client = self._client.as_user(job.options.user_id)
            upload = await client.upload(path, *document.uploaded_as)
        except OSError as error:
            if durable.is_short(error):
                raise TemporaryFailure("descriptors or memory are short") from error
            return await self._damaged(job, f"a document cannot be read ({type(error).__name__})")
        if (upload.sha256, upload.size) != (document.file_sha256, document.file_size):
            return await self._damaged(job, "a document is not what was prepared")
        now = self._clock.now()
        await self._spool.do(jobs.document_uploaded, job.mail_id, document.file, upload.path, now)
        return True

    async def _damaged(self, job: Job, why: str) -> bool:
        await self._spool.do(quarantined, job.mail_id, why, self._clock.now())
        self._spool.bells.ring(Station.ANSWERING)
        events.quarantined(job.reference, why)
        await self._spool.alarm.began(Trouble.DAMAGED, job.reference)
        return False

    async def post(self, job: Job) -> None:
        """Make the one POST of a job and record what came of it (S2). Not to be cancelled.

        Raises:
            AccountFailure: the account needs a person; what it means for the job is recorded.
        """
        earlier_user = await self._earlier_user(job)
        if not await self._spool.do(jobs.intended, job.id, self._clock.now()):
            self._spool.bells.ring(Station.ANSWERING)
            return
        wanted = {fax.number for fax in job.faxes}
        try:
            order = order_for(job, self._settings, self._clock.now(), earlier_user)
            ids = await self._client.as_user(job.options.user_id).send(order)
        except Failure as failure:
            await self._record_failure(job, failure)
            if isinstance(failure, AccountFailure):
                raise
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, the order may have gone out
            events.bug("post", error)
            await self._doubt(job, Doubt.UNKNOWN, 0.0, "an internal error during the order")
            return
        if not wanted <= ids.keys():
            await self._doubt(job, Doubt.UNKNOWN, 0.0, "the answer named no fax ID")
            return
        own = [fax.id for fax in job.faxes]
        if await self._surely(finding.is_known_elsewhere, list(ids.values()), own):
            await self._doubt(job, Doubt.UNKNOWN, 0.0, "the answer named another fax's ID")
            return
        now = self._clock.now()
        await self._surely(jobs.ordered, job.id, ids, now, self._settings.first_poll)
        self._spool.bells.ring(Station.STOPPING, Station.ANSWERING)
        for fax in job.faxes:
            events.ordered(job.reference, FaxNumber(fax.number), ids[fax.number])

    async def _earlier_user(self, job: Job) -> str | None:
        """Whose the fax is that a job sends again, where it is not the job's own user's."""
        if job.options.from_fax is None:
            return None
        is_ours, user = await self._spool.do(members.of_fax_plus_id, job.options.from_fax)
        if not is_ours or user == job.options.user_id:
            return None
        return user or self._client.user_id

    async def _record_failure(self, job: Job, failure: Failure) -> None:
        """What R2 says of each fate."""
        if failure.fate is Fate.NEVER_LEFT:
            now, tries = self._clock.now(), job.tries + 1
            wait = pacing.upload_again_in(tries, None)
            why = str(failure)
            await self._surely(jobs.never_left, job.id, tries, now + wait, now, why)
            events.will_retry(job.reference, "post", why, wait)
        elif failure.fate is Fate.THROTTLED:
            wait = pacing.throttled_for(failure.retry_after)
            self._pace.throttled(self._clock.now() + wait)
            await self._doubt(job, Doubt.THROTTLED, wait, str(failure))
        elif failure.fate is Fate.RENEWED:
            await self._doubt(job, Doubt.BARRED, 0.0, str(failure))
        elif failure.fate is Fate.SAID_NO:
            barred = isinstance(failure, AccountFailure)
            doubt = Doubt.BARRED if barred else Doubt.SAID_NO
            await self._doubt(job, doubt, pacing.barred_for(1) if barred else 0.0, str(failure))
        else:
            await self._doubt(job, Doubt.UNKNOWN, 0.0, str(failure))

    async def _doubt(self, job: Job, doubt: Doubt, wait: float, why: str) -> None:
        now = self._clock.now()
        await self._surely(jobs.answer_lost, job.id, doubt, now + wait, now, why)
        events.in_doubt(job.reference, job.token, why)
        self._spool.bells.ring(Station.LOOKOUT)  # the lists may show it already

    async def _surely(
        self, command: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Record what became of a POST; a full disk only makes that wait (S2, K6)."""
        while True:
            try:
                return await self._spool.do(command, *args, **kwargs)
            except SpoolFull as error:
                events.spool_trouble("sending", str(error))
                await asyncio.sleep(_FULL_REST)

    async def _postpone(self, job: Job, wait: float, why: str) -> None:
        again = self._clock.now() + wait
        await self._spool.do(jobs.postponed, job.id, job.tries + 1, again, why)
        events.will_retry(job.reference, "upload", why, wait)

    async def _end(self, job: Job, event: JobEvent, status: str, why: str) -> None:
        await self._spool.do(jobs.ended, job.id, event, status, self._clock.now(), why)
        self._spool.bells.ring(Station.ANSWERING)
        events.not_sent(job.reference, why)
