"""S5: how far back a look goes, and what it asks by ID; against the simulated Fax.Plus."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from mail2fax.clock import Clock
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import Listing
from mail2fax.sending.lookout import Lookout
from mail2fax.sending.settling import CLOCK_MARGIN
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import finding, jobs, schema, tracking
from mail2fax.spool.lifecycle import JobEvent, JobState
from tests.integration.sending_bench import NUMBER, OTHER, SETTINGS, Bench

HOUR, DAY = 3600.0, 86400.0


class Eye:
    """A lookout whose clock is moved by the test, and how far back each of its looks went."""

    def __init__(self, bench: Bench, ahead: list[float], reached: list[float]) -> None:
        self.bench = bench
        self._ahead = ahead
        self.reached = reached
        self.lookout = Lookout(bench.spool, bench.client, bench.settings, bench.clock)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead[0] += seconds

    async def look(self) -> float:
        """Seconds that one look goes back."""
        await self.lookout.look()
        return self.reached[-1]

    async def ordered(self, *numbers: str) -> str:
        """A mail whose faxes Fax.Plus has; its id."""
        bench = self.bench
        mail_id = await bench.mail(*numbers)
        for job in await bench.spool.do(finding.due, bench.clock.now(), 10):
            assert await bench.steps.upload(job)
            await bench.steps.post(await bench.again(job))
        return mail_id


@pytest.fixture
async def eye(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Eye]:
    """Everything, nothing running by itself."""
    ahead, reached = [0.0], []
    real = FaxPlus.listing
    bench = Bench(tmp_path, replace(SETTINGS, first_poll=5.0, give_up=4 * HOUR))
    bench.clock = Clock(steady=lambda: time.monotonic() + ahead[0])

    async def noted(client: FaxPlus, after: datetime) -> Listing:
        reached.append(bench.clock.now() - after.timestamp())
        return await real(client, after)

    monkeypatch.setattr(FaxPlus, "listing", noted)
    async with bench:
        yield Eye(bench, ahead, reached)


def is_near(seconds: float, wanted: float) -> bool:
    """Whether a look reached as far as it should, give or take what the test itself took."""
    return abs(seconds - wanted) < 60


async def test_the_first_look_goes_back_to_the_oldest_open_mail(eye: Eye) -> None:
    """S4: a mail that came three hours ago, ordered or not; later looks need not."""
    await eye.bench.mail()
    eye.later(3 * HOUR)

    assert is_near(await eye.look(), 3 * HOUR + CLOCK_MARGIN)
    assert is_near(await eye.look(), CLOCK_MARGIN)


async def test_a_written_off_order_is_looked_for_seldom(eye: Eye) -> None:
    """S3, S5: it may yet appear for a day, and is no reason to read a day at each look."""
    bench = eye.bench
    job = await bench.job()
    bench.provider.switches.trouble["send"] = [Trouble.BAD_REQUEST]
    assert await bench.steps.upload(job)
    await bench.steps.post(await bench.again(job))
    now, why = bench.clock.now(), "400"
    await bench.spool.do(jobs.ended, job.id, JobEvent.REFUSAL_CONFIRMED, "refused", now, why)
    eye.later(20 * HOUR)

    reached = [await eye.look(), await eye.look()]
    eye.later(11 * 60)
    reached.append(await eye.look())

    assert is_near(reached[0], 20 * HOUR + CLOCK_MARGIN)
    assert is_near(reached[1], CLOCK_MARGIN)
    assert is_near(reached[2], 20 * HOUR + 11 * 60 + CLOCK_MARGIN)


async def test_a_fax_planned_long_ago_is_looked_for_from_its_time_on(eye: Eye) -> None:
    """S5, O4: ordered a month ago for a minute ago."""
    await eye.ordered()
    await eye.look()
    planned = eye.bench.clock.now() + 30 * DAY

    def plan(connection: Connection) -> None:
        fax = schema.fax
        connection.execute(update(fax).values(options={"at": planned}, next_poll=planned))

    await eye.bench.spool.do(plan)
    eye.later(30 * DAY + 60)

    assert is_near(await eye.look(), 60 + CLOCK_MARGIN)


async def test_a_hint_looks_half_an_hour_back(eye: Eye) -> None:
    """S5: a fax that has just ended began not long ago; at once, and once for each ring."""
    await eye.ordered()
    await eye.look()
    eye.later(1)
    assert await eye.lookout.next_look_at() > eye.bench.clock.now()
    eye.lookout.hint()
    eye.later(5)

    assert await eye.lookout.next_look_at() <= eye.bench.clock.now()
    assert is_near(await eye.look(), 2 * CLOCK_MARGIN)
    assert is_near(await eye.look(), CLOCK_MARGIN)


async def test_an_ended_fax_is_known_before_it_is_due(eye: Eye) -> None:
    """S5: what a look shows of a fax that was to be looked for later counts all the same."""
    mail_id = await eye.ordered(NUMBER, OTHER)
    await eye.look()
    eye.later(30)
    now = eye.bench.clock.now()
    first, second = await eye.bench.spool.do(tracking.due, now + DAY)
    times = [(first, now - 1), (second, now + HOUR)]
    await eye.bench.spool.do(tracking.look_again, times)
    time.sleep(0.4)  # noqa: ASYNC251 - the simulator's own clock is the machine's

    await eye.look()

    story = await eye.bench.story_of(mail_id)
    assert [fax.state for fax in story.faxes] == ["success", "success"]


async def test_a_look_that_failed_looks_for_strays_again(eye: Eye) -> None:
    """S3: the day's orders are looked for by the next look that can be made."""
    bench = eye.bench
    job = await bench.job()
    await bench.spool.do(jobs.happened, job.id, JobEvent.UPLOADED, bench.clock.now())
    await bench.spool.do(jobs.intended, job.id, bench.clock.now())
    assert (await bench.again(job)).state == JobState.INTENT
    await eye.look()
    eye.later(2 * HOUR)
    bench.provider.switches.trouble["list"] = [Trouble.INTERNAL]
    with pytest.raises(Exception, match="500"):
        await eye.look()

    assert is_near(await eye.look(), 2 * HOUR + CLOCK_MARGIN)
