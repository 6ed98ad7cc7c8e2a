"""What the tests of sending stand on: a spool, a simulated Fax.Plus, and the station between."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from mail2fax.clock import Clock
from mail2fax.faxplus.client import FaxPlus
from mail2fax.sending.dispatcher import Dispatcher
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.steps import Steps
from mail2fax.simulator.provider import Provider
from mail2fax.simulator.server import Simulator
from mail2fax.spool import finding, naming, preparation, stories
from mail2fax.spool.records import Job, MailStory, NewMail
from mail2fax.spool.spool import Spool, Station
from mail2fax.values import Destination, Document, Envelope, FaxNumber, Headline, Identity, Options

NUMBER = "+41225550123"
OTHER = "+41225550124"
PDF = b"%PDF-1.4 made up"
SETTINGS = SendingSettings(
    ("+41225550100",),
    settle=0.6,
    listings=2,
    first_poll=0.1,
    retries=(0.2, 0.2),
    request_deadline=0.3,
)


class Bench:
    """A spool, a simulator and the steps between them; ``async with`` opens and closes it."""

    def __init__(self, state_dir: Path, settings: SendingSettings = SETTINGS) -> None:
        self._state_dir = state_dir
        self.settings = settings
        self.clock = Clock()
        self.simulator = Simulator()
        self.provider: Provider = self.simulator.provider

    async def __aenter__(self) -> Self:
        await self.simulator.__aenter__()
        self.client = FaxPlus(self.simulator.base_url, "token", deadline=5)
        self.spool = await Spool.open(self._state_dir, self.clock)
        self.steps = Steps(self.spool, self.client, self.settings, self.clock)
        self._station: asyncio.Task[None] | None = None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()
        await self.spool.close()
        await self.client.aclose()
        await self.simulator.__aexit__(kind, error, traceback)

    # The station

    def start(self) -> None:
        """Start a dispatcher, as the daemon does."""
        station = Dispatcher(self.spool, self.client, self.settings, self.clock)
        self._station = asyncio.create_task(station.run())

    async def stop(self) -> None:
        """Stop the dispatcher, as SIGTERM does."""
        if self._station is not None:
            self._station.cancel()
            await asyncio.gather(self._station, return_exceptions=True)
            self._station = None

    async def restart(self) -> None:
        """A new daemon over the same state directory."""
        await self.stop()
        await self.spool.close()
        self.spool = await Spool.open(self._state_dir, self.clock)
        self.start()

    # Mails

    async def mail(
        self, *numbers: str, per_order: int = 1, prepare: bool = True,
        options: Options | None = None,
    ) -> str:  # fmt: skip
        """A mail to these numbers, prepared; its id."""
        now = self.clock.now()
        mail_id = naming.new_id(now)
        file = self.spool.content.new_mail(mail_id)
        file.write(b"x")
        wanted = numbers or (NUMBER,)
        to = [Destination(number, FaxNumber(number), "international", "CH") for number in wanted]
        mail = NewMail(
            mail_id, naming.new_reference(), now, 1, "h", "b", mail_id,
            Envelope("ann@example.org", wanted), Identity("r", "network", "n"), "s",
            Headline(), tuple(to), ("ann@example.org",),
        )  # fmt: skip
        await self.spool.accept(mail, file)
        if prepare:
            await self.prepare(mail_id, per_order, options)
        return mail_id

    async def prepare(
        self, mail_id: str, per_order: int = 1, options: Options | None = None
    ) -> None:
        """Record the one document of a mail, as preparing does."""
        directory = self.spool.content.documents_of(mail_id)
        directory.mkdir()
        (directory / "1-a.pdf").write_bytes(PDF)
        digest = hashlib.sha256(PDF).hexdigest()
        document = Document("1", "a.pdf", "application/pdf", len(PDF), digest, 1, "1-a.pdf")
        now = self.clock.now()
        command = preparation.prepared
        faxes = (await self.story_of(mail_id)).faxes if options else ()
        chosen = {fax.id: options for fax in faxes if options}
        await self.spool.do(command, mail_id, [document], [], "text", chosen, per_order, now)
        self.spool.bells.ring(Station.SENDING)

    async def job(self) -> Job:
        """A prepared mail's job."""
        await self.mail()
        (job,) = await self.spool.do(finding.due, self.clock.now(), 1)
        return job

    async def again(self, job: Job) -> Job:
        """The job as it stands on disk now."""
        return await self.spool.do(finding.get, job.id)

    async def story_of(self, mail_id: str) -> MailStory:
        """The mail's story."""
        return await self.spool.do(stories.of_mail, mail_id)

    async def story(self, job: Job) -> MailStory:
        """The story of a job's mail."""
        return await self.story_of(job.mail_id)

    async def when(
        self, mail_id: str, met: Callable[[MailStory], bool], seconds: float = 15.0
    ) -> MailStory:
        """The mail's story as soon as a condition is met."""
        async with asyncio.timeout(seconds):
            while not met(story := await self.story_of(mail_id)):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        return story

    async def until_over(self, mail_id: str) -> MailStory:
        """The mail's story once each of its faxes has an outcome."""
        return await self.when(mail_id, lambda story: all(fax.outcome for fax in story.faxes))

    async def warm_up(self) -> None:
        """Three normal orders that became visible: the probe of S3 is healthy."""
        for _ in range(3):
            await self.until_over(await self.mail(OTHER))
        await asyncio.sleep(self.settings.settle + 0.1)

    def faxed(self, number: str = NUMBER) -> int:
        """How many faxes the far machine really got (or will)."""
        return sum(item.to == number and not item.cancelled for item in self.provider.items)
