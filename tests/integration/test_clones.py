"""Two state directories that were one, both alive: nothing is faxed twice (K10, S4)."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mail2fax.spool.records import MailStory
from mail2fax.spool.spool import Spool
from tests.integration.sending_bench import NUMBER, Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A life, its dispatcher not yet running."""
    async with Bench(tmp_path / "state") as bench:
        yield bench


@contextlib.asynccontextmanager
async def another_life(bench: Bench, state_dir: Path) -> AsyncIterator[Bench]:
    """The dispatcher of a second ledger, over the same account."""
    other = Bench(state_dir)
    other._station = None
    other.simulator, other.provider, other.client = bench.simulator, bench.provider, bench.client
    other.spool = await Spool.open(state_dir, bench.clock)
    other.start()
    yield other
    await other.stop()
    await other.spool.close()


def copied(tmp_path: Path) -> Path:
    """A copy of the state directory while its daemon is alive."""
    return Path(shutil.copytree(tmp_path / "state", tmp_path / "copy"))


def is_held(story: MailStory) -> bool:
    """Whether a person must decide."""
    return story.faxes[0].job_state == "held"


async def test_what_the_other_one_sends_is_adopted(bench: Bench, tmp_path: Path) -> None:
    """K10: both begin at once; the copy finds the token and follows the same fax."""
    mail_id = await bench.mail()
    copy = copied(tmp_path)
    bench.start()
    async with another_life(bench, copy) as other:
        assert (await other.until_over(mail_id)).faxes[0].state == "success"
    await bench.until_over(mail_id)

    assert bench.faxed() == 1


async def test_what_the_other_one_may_still_send_is_held(bench: Bench, tmp_path: Path) -> None:
    """K10: a settled miss proves nothing as long as another ledger has the same job."""
    bench.start()
    await bench.warm_up()
    await bench.stop()
    mail_id = await bench.mail()
    async with another_life(bench, copied(tmp_path)) as other:
        story = await other.when(mail_id, is_held)
        assert "the other one may still send it" in story.faxes[0].job_why
        assert "held" in [reply.kind for reply in story.told]
        bench.start()
        await bench.until_over(mail_id)

    assert bench.faxed() == 1


async def test_a_mail_without_an_order_is_looked_up_too(bench: Bench, tmp_path: Path) -> None:
    """K10, S4: the copy prepares it only after its first look; its order is doubtful all the same.

    The other one's order becomes visible between the look and the copy's own.
    """
    bench.start()
    await bench.warm_up()
    await bench.stop()
    mail_id = await bench.mail(prepare=False)
    async with another_life(bench, copied(tmp_path)) as other:
        await asyncio.sleep(1.0)
        await bench.prepare(mail_id)
        bench.start()
        await bench.until_over(mail_id)
        await other.prepare(mail_id)
        assert (await other.until_over(mail_id)).faxes[0].state == "success"

    assert bench.faxed() == 1


async def test_a_call_again_belongs_to_one_of_them(bench: Bench, tmp_path: Path) -> None:
    """R4, K10: both see the busy line; only the one that is no copy dials again by itself."""
    bench.provider.switches.outcomes[NUMBER] = ["failed_user_busy", "success"]
    bench.provider.switches.sending = 1.5
    bench.start()
    mail_id = await bench.mail()
    await bench.when(mail_id, lambda story: story.faxes[0].state == "ordered")
    async with another_life(bench, copied(tmp_path)) as other:
        await bench.until_over(mail_id)
        story = await other.when(
            mail_id, lambda story: story.faxes[0].state == "success" or is_held(story)
        )
        assert story.faxes[0].orders == 2

    assert bench.faxed() == 2  # busy, then the one that got through


async def test_a_fax_from_after_the_copy_is_sent_as_usual(bench: Bench, tmp_path: Path) -> None:
    """K10: new mails have tokens of their own on either side."""
    async with another_life(bench, copied(tmp_path)) as other:
        mail_id = await other.mail()
        story = await other.until_over(mail_id)

    assert not any(line.event == "restart cannot vouch" for line in story.history)
    assert bench.faxed() == 1
