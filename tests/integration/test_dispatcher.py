"""S2-S6, R2, R4: the sending station against the simulated Fax.Plus, fault by fault."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import Listing
from mail2fax.simulator.provider import Item, Provider
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import finding, jobs
from mail2fax.spool.lifecycle import JobState
from mail2fax.values import End
from tests.integration.sending_bench import NUMBER, OTHER, SETTINGS, Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything, the dispatcher not yet running."""
    async with Bench(tmp_path) as bench:
        yield bench


async def test_a_fax_is_ordered_tracked_and_told(bench: Bench) -> None:
    """S5, K4: one fax per number, each with its outcome, and every reply owed once."""
    bench.start()

    story = await bench.until_over(await bench.mail(NUMBER, OTHER))

    assert [fax.outcome.end for fax in story.faxes if fax.outcome] == [End.SUCCESS] * 2
    assert sorted(reply.kind for reply in story.told) == ["accepted", "outcome", "outcome"]
    assert (bench.faxed(NUMBER), bench.faxed(OTHER)) == (1, 1)


@pytest.mark.parametrize(
    "switches",
    [
        {"outbox_ids_differ": True, "fax_ids_differ": True},
        {"fax_ids_differ": True, "archive_comment": False},
        {"from_number_key": True, "listing_gap": 0.4},
    ],
    ids=["other ids", "other ids and no comment", "a gap between the lists"],
)
async def test_an_outcome_is_found_whatever_the_ids_are(
    bench: Bench, switches: dict[str, object]
) -> None:
    """S5: by ID, by token, or as the only fax to that number at that time."""
    for name, value in switches.items():
        setattr(bench.provider.switches, name, value)
    bench.start()

    story = await bench.until_over(await bench.mail())

    assert story.faxes[0].state == "success"


async def test_an_order_whose_answer_was_lost_is_adopted(bench: Bench) -> None:
    """S3: committed, the answer cut: found by its token, told once, never posted again."""
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    bench.start()

    story = await bench.until_over(await bench.mail())

    assert (story.faxes[0].state, bench.faxed()) == ("success", 1)
    assert [reply.kind for reply in story.told] == ["accepted", "outcome"]
    assert any(line.event == "token found in a listing" for line in story.history)


async def test_an_order_that_never_arrived_is_settled_and_ordered_again(bench: Bench) -> None:
    """S3: a settled miss with a healthy probe leads to a new job with a token of its own."""
    bench.start()
    await bench.warm_up()
    bench.provider.switches.trouble["send"] = [Trouble.CUT_BEFORE]

    story = await bench.until_over(await bench.mail())

    assert (story.faxes[0].state, bench.faxed()) == ("success", 1)
    assert story.faxes[0].orders == 2
    (item,) = [item for item in bench.provider.items if item.to == NUMBER]
    assert item.tags[0].endswith("-2")


async def test_without_a_healthy_probe_a_miss_is_held_and_told(bench: Bench) -> None:
    """S3: nothing shows that our tokens become visible, so nobody orders again."""
    bench.provider.switches.trouble["send"] = [Trouble.CUT_BEFORE]
    bench.start()

    mail_id = await bench.mail()
    story = await bench.when(mail_id, lambda story: story.faxes[0].job_state == "held")

    assert [reply.kind for reply in story.told] == ["held"]
    assert bench.faxed() == 0


async def test_a_held_fax_that_comes_to_light_is_adopted(bench: Bench) -> None:
    """S3: a held job stays searched; the late commit makes it an ordinary fax."""
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    bench.provider.switches.late_commit = 3.0
    bench.start()
    mail_id = await bench.mail()
    await bench.when(mail_id, lambda story: story.faxes[0].job_state == "held")
    await asyncio.sleep(3.0)
    await bench.restart()  # strays are looked for every ten minutes, and at every start

    story = await bench.until_over(mail_id)

    assert (story.faxes[0].state, bench.faxed()) == ("success", 1)


async def test_a_held_fax_that_nobody_decides_ends(tmp_path: Path) -> None:
    """Promise 4: waiting is told, and ends."""
    async with Bench(tmp_path, replace(SETTINGS, hold_for=2.0)) as bench:
        bench.provider.switches.trouble["send"] = [Trouble.CUT_BEFORE]
        bench.start()

        story = await bench.until_over(await bench.mail())

        assert story.faxes[0].outcome is not None
        assert story.faxes[0].outcome.end is End.NOT_SENT
        assert [reply.kind for reply in story.told] == ["held", "outcome"]


async def test_a_refusal_in_their_own_words_ends_after_one_listing(bench: Bench) -> None:
    """R2: a 400 with Fax.Plus's error body is confirmed by one complete listing."""
    bench.provider.numbers = ()
    settings = replace(SETTINGS, source_numbers=("nonsense",))
    bench.settings = settings
    bench.start()

    story = await bench.until_over(await bench.mail())

    assert story.faxes[0].outcome is not None
    assert story.faxes[0].outcome.end is End.NOT_SENT
    assert "from is not a number" in story.faxes[0].outcome.why
    assert bench.faxed() == 0


async def test_a_throttled_order_is_posted_again_when_asked_to(bench: Bench) -> None:
    """R2, S6: a 429 proves nothing by itself; one listing and Retry-After later it goes."""
    bench.provider.switches.trouble["send"] = [Trouble.THROTTLED]
    bench.provider.switches.retry_after = "1"
    bench.start()

    story = await bench.until_over(await bench.mail())

    assert (story.faxes[0].state, bench.faxed(), story.faxes[0].orders) == ("success", 1, 1)


async def test_a_429_rests_the_whole_account(bench: Bench) -> None:
    """S7: while Fax.Plus wants fewer requests, no other fax is uploaded or ordered either."""
    bench.start()
    await bench.warm_up()
    before = bench.faxed()
    bench.provider.switches.trouble["upload"] = [Trouble.THROTTLED]
    bench.provider.switches.retry_after = "2"
    first = await bench.mail()
    await bench.when(first, lambda story: bool(story.faxes[0].job_why))
    second = await bench.mail()
    await asyncio.sleep(1.0)
    meanwhile = bench.faxed()

    await bench.until_over(first)
    await bench.until_over(second)

    assert (meanwhile - before, bench.faxed() - before) == (0, 2)


async def test_orders_go_out_no_faster_than_they_may(tmp_path: Path) -> None:
    """S7: six a minute: one at once, the next in ten seconds; neither is burnt or late."""
    async with Bench(tmp_path, replace(SETTINGS, per_minute=6)) as bench:
        bench.start()
        first, second = await bench.mail(), await bench.mail()
        await asyncio.sleep(1.5)

        stories = [await bench.story_of(one) for one in (first, second)]

        assert bench.faxed() == 1
        assert sorted(str(one.faxes[0].job_state) for one in stories) == ["ordered", "uploaded"]


async def test_an_account_that_bars_us_burns_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: 401 opens the breaker, the admin's log says so, the fax goes out once it is mended."""
    monkeypatch.setattr("mail2fax.sending.pacing.barred_for", lambda _openings: 0.5)
    bench.start()
    await bench.warm_up()
    bench.provider.switches.always["upload"] = Trouble.UNAUTHORIZED
    mail_id = await bench.mail()
    await asyncio.sleep(1.2)

    held_back = await bench.story_of(mail_id)
    bench.provider.switches.always.clear()
    story = await bench.until_over(mail_id)

    assert held_back.faxes[0].state == "pending"
    assert (story.faxes[0].state, bench.faxed()) == ("success", 1)
    assert "account-barred" in caplog.text


async def test_a_busy_line_is_dialled_again_as_a_new_order(bench: Bench) -> None:
    """R4: busy, then no answer, then through: three orders, three tokens, one outcome."""
    bench.provider.switches.outcomes[NUMBER] = [
        "failed_user_busy", "failed_no_answer", "success",
    ]  # fmt: skip
    bench.start()

    story = await bench.until_over(await bench.mail())

    tokens = [item.tags[0] for item in bench.provider.items]
    assert story.faxes[0].state == "success"
    assert len(set(tokens)) == len(tokens) == 3
    assert [reply.kind for reply in story.told] == ["accepted", "outcome"]


async def test_a_line_that_stays_busy_fails_in_words(bench: Bench) -> None:
    """R4: after the last of our retries the fax has failed, and how often it was tried is said."""
    bench.provider.switches.outcomes[NUMBER] = ["failed_user_busy"]
    bench.start()

    story = await bench.until_over(await bench.mail())

    assert story.faxes[0].outcome is not None
    assert story.faxes[0].outcome.end is End.FAILED
    assert story.faxes[0].outcome.why == "The line was busy. It was tried 3 times."


async def test_a_number_that_cannot_be_faxed_is_marked(bench: Bench) -> None:
    """S6: the next mail to it knows, the one that failed does not; an arrival ends the mark."""
    bench.provider.switches.outcomes[NUMBER] = [
        "failed_unallocated_number", "failed_user_busy", "success", "failed_user_busy",
    ]  # fmt: skip
    bench.settings = replace(SETTINGS, retries=())
    bench.start()

    marks = [(await bench.until_over(await bench.mail(NUMBER))).faxes[0].mark for _ in range(4)]

    assert [mark is not None for mark in marks] == [False, True, False, False]
    assert marks[1] is not None
    assert marks[1].why == "The number is not in use."


async def test_an_outcome_that_never_comes_is_unknown(tmp_path: Path) -> None:
    """S5: at the deadline the fax is *unknown*, and said so; nothing is sent again."""
    async with Bench(tmp_path, replace(SETTINGS, give_up=1.0)) as bench:
        bench.provider.switches.sending = 60.0
        bench.start()

        story = await bench.until_over(await bench.mail())

        assert story.faxes[0].outcome is not None
        assert story.faxes[0].outcome.end is End.UNKNOWN
        assert bench.faxed() == 1


async def test_a_fax_whose_time_is_over_is_not_sent_any_more(tmp_path: Path) -> None:
    """Defaults: an old order must not go out on Tuesday."""
    async with Bench(tmp_path, replace(SETTINGS, give_up=0.5)) as bench:
        mail_id = await bench.mail()
        await asyncio.sleep(0.6)
        bench.start()

        story = await bench.until_over(mail_id)

        assert story.faxes[0].outcome is not None
        assert story.faxes[0].outcome.end is End.NOT_SENT
        assert bench.faxed() == 0


async def test_waiting_is_told_once(tmp_path: Path) -> None:
    """Promise 4: "not sent yet" is owed once for a mail that waits too long."""
    async with Bench(tmp_path, replace(SETTINGS, waiting_after=0.3, paused=True)) as bench:
        bench.start()
        mail_id = await bench.mail()

        story = await bench.when(mail_id, lambda story: bool(story.told))
        await asyncio.sleep(1.5)

        assert [reply.kind for reply in story.told] == ["waiting"]
        assert len((await bench.story_of(mail_id)).told) == 1
        assert bench.provider.items == []


@pytest.mark.parametrize("committed", [True, False])
async def test_an_order_under_way_when_the_daemon_died_is_in_doubt(
    bench: Bench, committed: bool
) -> None:
    """S3: an intent left over is never posted again; what happened at Fax.Plus decides."""
    bench.start()
    await bench.warm_up()
    await bench.stop()
    await bench.mail()
    (job,) = await bench.spool.do(finding.due, bench.clock.now(), 5)
    await bench.steps.upload(job)
    job = await bench.again(job)
    if committed:
        await bench.steps.post(job)
        await bench.spool.do(_forget_the_answer, job.id)
    else:
        await bench.spool.do(jobs.intended, job.id, bench.clock.now())
    await bench.restart()

    story = await bench.until_over(job.mail_id)

    assert (story.faxes[0].state, bench.faxed()) == ("success", 1)
    assert story.faxes[0].orders == (1 if committed else 2)


def _forget_the_answer(connection: object, job_id: str) -> None:
    """As if the daemon had died between the answer and its commit."""
    execute = connection.execute  # type: ignore[attr-defined]  # the ledger's connection
    import sqlalchemy as sa  # noqa: PLC0415 - only this sabotage speaks SQL

    execute(sa.text("UPDATE job SET state='intent', ordered_at=NULL WHERE id=:i"), {"i": job_id})
    execute(sa.text("UPDATE fax SET state='pending', fax_plus_id=NULL WHERE number=:n"),
            {"n": NUMBER})  # fmt: skip
    execute(sa.text("DELETE FROM reply WHERE mail_id IN (SELECT mail_id FROM job WHERE id=:i)"),
            {"i": job_id})  # fmt: skip


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_ledger_from_a_backup_does_not_order_again(bench: Bench, prepared: bool) -> None:
    """S4, R3: what an unremembered life of this ledger ordered is adopted by its token."""
    mail_id = await bench.mail(prepare=prepared)
    token = f"m2f:{(await bench.story_of(mail_id)).faxes[0].id}"
    body = {
        "from": "+41225550100", "to": [NUMBER],
        "files": [bench.provider.upload("a.pdf", "application/pdf", 3, "sha")],
        "comment": {"tags": [token], "text": token},
    }  # fmt: skip
    bench.provider.order(body, bench.clock.now())
    bench.start()
    if not prepared:
        await asyncio.sleep(0.5)
        await bench.prepare(mail_id)

    story = await bench.until_over(mail_id)

    assert (story.faxes[0].state, bench.faxed()) == ("success", 1)


async def test_nothing_is_posted_before_the_first_complete_listing(bench: Bench) -> None:
    """S4: while the lists cannot be read, nothing goes out."""
    bench.provider.switches.always["list"] = Trouble.INTERNAL
    bench.start()
    await bench.mail()
    await asyncio.sleep(0.8)

    assert (bench.provider.uploads, bench.provider.items) == ({}, [])


async def test_stopping_waits_for_the_answer_of_an_order(bench: Bench) -> None:
    """S2: SIGTERM in the middle of the POST: its fax ID is on disk before the station ends."""
    bench.start()
    await bench.until_over(await bench.mail())
    bench.provider.switches.delay = 0.5
    mail_id = await bench.mail()
    await bench.when(mail_id, lambda story: story.faxes[0].job_state == "intent")

    await bench.stop()

    assert (await bench.story_of(mail_id)).faxes[0].state == "ordered"


async def test_a_fax_found_after_it_was_ordered_again_is_reported(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """S3: both stay searched; a commit later than the settle time is told loudly."""
    bench.start()
    await bench.warm_up()
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    bench.provider.switches.late_commit = 3.0
    mail_id = await bench.mail()
    await bench.when(mail_id, lambda story: story.faxes[0].orders == 2)
    bench.provider.switches.late_commit = 0.0
    await bench.when(mail_id, lambda story: bool(story.faxes[0].fax_plus_id))
    await asyncio.sleep(3.0)
    await bench.until_over(mail_id)
    await bench.mail(OTHER)  # makes another look due
    await asyncio.sleep(1.0)

    assert "doubled" in caplog.text


@pytest.mark.parametrize("found", [(NUMBER,), (NUMBER, OTHER)])
async def test_an_order_to_several_is_settled_destination_by_destination(
    bench: Bench, found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3, R1: only the destination without a hit is ordered again."""
    bench.start()
    await bench.warm_up()
    before = bench.faxed(OTHER)
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    commit = Provider.order

    def commit_in_part(provider: Provider, body: Any, now: float, **more: Any) -> dict[str, str]:
        ids = commit(provider, body, now, **more)
        if len(body["to"]) > 1:
            provider.items = [item for item in provider.items if _stays(item, before_it)]
        return ids

    def _stays(item: Item, earlier: list[Item]) -> bool:
        return item in earlier or item.to in found

    before_it = list(bench.provider.items)
    monkeypatch.setattr(Provider, "order", commit_in_part)
    mail_id = await bench.mail(NUMBER, OTHER, per_order=2)

    story = await bench.until_over(mail_id)

    assert [fax.state for fax in story.faxes] == ["success", "success"]
    assert (bench.faxed(NUMBER), bench.faxed(OTHER) - before) == (1, 1)
    left = await bench.spool.do(finding.in_state, JobState.IN_DOUBT, JobState.READY)
    assert left == []


async def test_one_odd_record_does_not_stop_the_station(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise 4: a bug in the look is logged; the next look goes on."""
    monkeypatch.setattr("mail2fax.sending.dispatcher._BUG_REST", 0.1)
    real, broken = FaxPlus.listing, [KeyError("a bug")]

    async def odd(client: FaxPlus, after: datetime) -> Listing:
        if broken:
            raise broken.pop()
        return await real(client, after)

    monkeypatch.setattr(FaxPlus, "listing", odd)
    bench.start()
    story = await bench.until_over(await bench.mail())

    assert story.faxes[0].state == "success"
    assert "bug where=lookout" in caplog.text


async def test_documents_are_uploaded_once_for_all_numbers(bench: Bench) -> None:
    """R1: jobs of one mail share its uploads, also when they are in hand at once."""
    bench.start()
    await bench.until_over(await bench.mail(NUMBER, OTHER, "+41225550125"))

    assert len(bench.provider.uploads) == 1


async def test_a_ledger_that_cannot_vouch_looks_before_it_orders(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """K10, S4: the clock went back or the machine changed: an open job is as good as posted."""
    bench.start()
    await bench.warm_up()
    await bench.stop()
    mail_id = await bench.mail()
    bench.spool.suspect = "the clock is behind the last run's"
    bench.start()

    story = await bench.until_over(mail_id)

    assert (story.faxes[0].state, bench.faxed(), story.faxes[0].orders) == ("success", 1, 2)
    assert "ledger-suspect" in caplog.text


async def test_a_backup_with_a_group_order_finds_each_destination(bench: Bench) -> None:
    """S3, S4, R1: one of two was ordered in a life this ledger does not remember."""
    bench.start()
    await bench.warm_up()
    await bench.stop()
    before = bench.faxed(OTHER)
    mail_id = await bench.mail(NUMBER, OTHER, per_order=2)
    (job,) = await bench.spool.do(finding.due, bench.clock.now(), 5)
    body = {
        "from": "+41225550100", "to": [NUMBER],
        "files": [bench.provider.upload("a.pdf", "application/pdf", 3, "sha")],
        "comment": {"tags": [job.token], "text": job.token},
    }  # fmt: skip
    bench.provider.order(body, bench.clock.now())
    bench.start()

    story = await bench.until_over(mail_id)

    assert [fax.state for fax in story.faxes] == ["success", "success"]
    assert (bench.faxed(NUMBER), bench.faxed(OTHER) - before) == (1, 1)
