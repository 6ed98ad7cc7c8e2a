"""S4: orders that Fax.Plus has and the ledger, which was put back, does not know."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from mail2fax.spool import adoption, finding, members, schema
from mail2fax.spool.adoption import Stranger
from mail2fax.spool.lifecycle import JobState
from mail2fax.spool.naming import new_id, token_of
from mail2fax.values import Options
from tests.integration.sending_bench import NUMBER, OTHER, Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything, the dispatcher not yet running."""
    async with Bench(tmp_path) as bench:
        yield bench


@pytest.mark.parametrize("order", [1, 3])
async def test_an_order_is_taken_in_whole_and_under_its_mark(bench: Bench, order: int) -> None:
    """S4: with each of its numbers, as the order that it was; and only once."""
    now = bench.clock.now()
    token = token_of(new_id(now - 60), order)
    known = await bench.mail()
    stranger = Stranger(token, {NUMBER: "f1", OTHER: "f2"})

    (fax,) = (await bench.story_of(known)).faxes
    assert await bench.spool.do(adoption.unknown, [token, token_of(fax.id, 2)]) == {token}
    await bench.spool.do(adoption.adopt, [stranger], now, 5.0)
    assert await bench.spool.do(adoption.unknown, [token]) == frozenset()

    (job,) = await bench.spool.do(finding.in_state, JobState.ORDERED)
    story = await bench.story_of(job.mail_id)
    assert job.token == token
    assert [(fax.number, fax.fax_plus_id) for fax in story.faxes] == [(NUMBER, "f1"), (OTHER, "f2")]
    assert story.received_at == pytest.approx(now - 60, abs=0.01)
    assert (story.state, story.told) == ("prepared", ())


async def test_the_gap_is_closed_an_hour_after_the_restore(bench: Bench) -> None:
    """S4: what becomes visible late is taken in, too; then nobody looks back any more."""
    now = bench.clock.now()
    bench.spool.restored = (now - 7200, now)
    bench.start()
    await bench.until_over(await bench.mail())
    assert bench.spool.restored is not None

    bench.spool.restored = (now - 7200, now - 3600)
    await bench.until_over(await bench.mail())
    await bench.stop()

    assert bench.spool.restored is None


@pytest.mark.parametrize("user", [None, "a" * 32], ids=["own", "a member's"])
async def test_an_adopted_fax_has_the_life_of_any_other(bench: Bench, user: str | None) -> None:
    """S4, S5: whose lists it stands in, its outcome is found there; a reference was free for it."""
    bench.settings = replace(bench.settings, members=frozenset({"a" * 32}))
    mail_id = await bench.mail(options=Options(user_id=user))
    bench.start()
    await bench.until_over(mail_id)
    await bench.stop()
    (item,) = bench.provider.items
    mine = select(schema.job.c.token).where(schema.job.c.mail_id == mail_id)
    token = await bench.spool.do(lambda connection: str(connection.scalar(mine)))

    def forget(connection: Connection) -> None:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(table.delete())

    await bench.spool.do(forget)
    now = bench.clock.now()
    bench.spool.restored = (now - 600, now)
    bench.start()

    def ended(connection: Connection) -> str | None:
        over = select(schema.fax.c.mail_id).where(schema.fax.c.state == "success")
        return connection.scalar(over)

    async with asyncio.timeout(15):
        while (adopted := await bench.spool.do(ended)) is None:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
    story = await bench.story_of(adopted)
    assert story.faxes[0].fax_plus_id == item.id
    assert [reply.kind for reply in story.told] == ["outcome"]
    assert bench.faxed() == 1
    assert token == f"m2f:{story.faxes[0].id}"
    users = await bench.spool.do(members.of_faxes, [story.faxes[0].id])
    assert users.get(story.faxes[0].id) == user
