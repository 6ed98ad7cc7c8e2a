"""W6, K8: faxes are stopped, and nothing that went is ever called cancelled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from mail2fax.clock import Clock
from mail2fax.json_form import as_json
from mail2fax.preparing.children import Children
from mail2fax.preparing.preparer import Preparer, PreparingSettings
from mail2fax.sending import stopping
from mail2fax.sending.settling import Doubt
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import finding, jobs, preparation, schema, stops, stories
from mail2fax.spool.commands import carry_out
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.records import Job, MailStory
from mail2fax.spool.spool import Spool
from mail2fax.values import Options
from tests.integration.sending_bench import NUMBER, OTHER, SETTINGS, Bench
from tests.integration.test_preparer import Desk


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything; the station is started by the test."""
    async with Bench(tmp_path) as bench:
        yield bench


async def cancel(bench: Bench, mail_id: str, fax: str = "") -> dict[str, Any]:
    """The command about a mail, or one of its faxes."""
    reference = (await bench.story_of(mail_id)).reference
    return await carry_out(bench.spool, {"command": "cancel", "reference": reference + fax}, "root")


def ends(story: MailStory) -> list[str]:
    """The end of each fax; its state where it has none."""
    return [fax.outcome.end if fax.outcome else fax.state for fax in story.faxes]


def kinds(story: MailStory) -> list[str]:
    """What was told."""
    return [reply.kind for reply in story.told]


async def commands(bench: Bench) -> list[tuple[str, str, str]]:
    """Who, what and the result of every command."""

    def read(connection: Connection) -> list[Any]:
        rows = schema.command.c
        return [tuple(row) for row in connection.execute(select(rows.who, rows.what, rows.result))]

    return await bench.spool.do(read)


async def on_its_way(bench: Bench, seconds: float = 30.0, *numbers: str, per_order: int = 1) -> str:
    """A mail whose faxes are in the outbox for so long; its id."""
    bench.provider.switches.converting = seconds
    bench.start()
    mail_id = await bench.mail(*numbers, per_order=per_order)
    await bench.when(mail_id, lambda story: all(fax.fax_plus_id for fax in story.faxes))
    return mail_id


async def in_state(bench: Bench, state: str) -> Job:
    """A job in a state before its order."""
    job = await bench.job()
    now, do = bench.clock.now(), bench.spool.do
    if state != "ready":
        await do(jobs.happened, job.id, JobEvent.UPLOADED, now)
    if state in ("intent", "in doubt", "held in doubt"):
        assert await do(jobs.intended, job.id, now)
    if state in ("in doubt", "held in doubt"):
        await do(jobs.answer_lost, job.id, Doubt.UNKNOWN, now, now, "cut")
    if state == "held in doubt":
        await do(jobs.held, job.id, now, "no trace")
    if state == "frozen":
        await do(jobs.hold_frozen, job.id, "n", now)
    return await bench.again(job)


@pytest.mark.parametrize("state", ["ready", "uploaded", "frozen"])
async def test_what_was_not_posted_is_cancelled_at_once(bench: Bench, state: str) -> None:
    """W6, K4, K8: state, outcome, one reply and the command are one transaction."""
    job = await in_state(bench, state)

    answer = await cancel(bench, job.mail_id)

    story = await bench.story(job)
    assert answer["result"]["stopped"] == [f"{story.reference}/1"]
    assert (ends(story), story.faxes[0].job_state) == (["cancelled"], "cancelled")
    assert kinds(story)[-1:] == ["cancel"]
    assert "outcome" not in kinds(story)
    assert await commands(bench) == [("root", "cancel", "done")]


@pytest.mark.parametrize("state", ["intent", "in doubt", "held in doubt"])
async def test_what_may_be_there_is_never_called_cancelled(bench: Bench, state: str) -> None:
    """W6: it is told that it may be there; nothing changes before that is known."""
    job = await in_state(bench, state)

    answer = await cancel(bench, job.mail_id)

    story = await bench.story(job)
    assert answer["result"]["doubtful"] == [f"{story.reference}/1"]
    assert (story.faxes[0].outcome, story.faxes[0].job_state) == (None, job.state)
    assert kinds(story)[-1:] == ["cancel"]


async def test_a_doubt_that_settles_as_missing_ends_as_cancelled(bench: Bench) -> None:
    """W6, S3: never taken, so it is cancelled, and no second order is made."""
    job = await in_state(bench, "in doubt")
    await cancel(bench, job.mail_id)

    await bench.spool.do(jobs.missing, job.id, bench.clock.now())

    story = await bench.story(job)
    assert (ends(story), kinds(story)[-1]) == (["cancelled"], "outcome")
    assert await bench.spool.do(finding.next_due_at) is None


async def test_what_may_be_posted_again_is_not(bench: Bench) -> None:
    """W6: a throttled order that was cancelled meanwhile stops at the door to the POST."""
    job = await in_state(bench, "in doubt")
    await cancel(bench, job.mail_id)
    await bench.spool.do(jobs.post_again, job.id, bench.clock.now(), "429")

    assert not await bench.spool.do(jobs.intended, job.id, bench.clock.now())
    assert ends(await bench.story(job)) == ["cancelled"]


async def test_a_doubt_that_turns_out_ordered_is_stopped_there(bench: Bench) -> None:
    """W6: cancelled while nobody knew; found in the outbox, it is taken out of it."""
    bench.provider.switches.converting = 30.0
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    bench.start()
    mail_id = await bench.mail()
    await bench.when(mail_id, lambda story: story.faxes[0].job_state in ("in doubt", "ordered"))
    await cancel(bench, mail_id)

    story = await bench.until_over(mail_id)

    assert (ends(story), bench.faxed()) == (["cancelled"], 0)


async def test_an_item_of_the_outbox_is_taken_out_of_it(bench: Bench) -> None:
    """W6: asked, gone from the lists for the settle time, then told as cancelled; one DELETE."""
    mail_id = await on_its_way(bench)

    answer = await cancel(bench, mail_id)
    story = await bench.until_over(mail_id)

    assert answer["result"]["asked"] == [f"{story.reference}/1"]
    assert (ends(story), bench.faxed()) == (["cancelled"], 0)
    assert [kind for kind in kinds(story) if kind in ("cancel", "outcome", "not stopped")] == [
        "cancel", "outcome",
    ]  # fmt: skip
    assert story.faxes[0].stop == "taken"


async def test_what_is_for_later_is_cancelled_without_waiting(tmp_path: Path) -> None:
    """W6: a fax for tomorrow that is gone today was not sent; no settle time is needed."""
    settings = replace(SETTINGS, settle=600.0)
    async with Bench(tmp_path, settings) as bench:
        mail_id = await bench.mail(prepare=False)
        await bench.prepare(mail_id)
        options = as_json(Options(at=bench.clock.now() + 86400))
        await bench.spool.do(
            lambda connection: connection.execute(update(schema.fax).values(options=options))
        )
        bench.start()
        await bench.when(mail_id, lambda story: story.faxes[0].fax_plus_id is not None)
        await cancel(bench, mail_id)
        story = await bench.until_over(mail_id)

        assert (ends(story), bench.faxed()) == (["cancelled"], 0)


async def test_an_archive_that_lags_hides_no_fax_that_went(bench: Bench) -> None:
    """W6: not in the outbox any more is no proof; nowhere to be seen is not called cancelled."""
    bench.provider.switches.listing_gap = 2.0
    mail_id = await on_its_way(bench, 0.0)
    await asyncio.sleep(0.3)
    await cancel(bench, mail_id)

    story = await bench.until_over(mail_id)

    assert (ends(story), story.faxes[0].stop) == (["success"], "gone")
    assert "not stopped" in kinds(story)


async def test_a_fax_that_went_at_that_moment_is_not_called_cancelled(bench: Bench) -> None:
    """W6: seen in the outbox, gone when it was asked for: it went, and its record comes late."""
    await bench_is_visible(bench)
    bench.provider.switches.listing_gap = 2.0
    bench.provider.switches.trouble["cancel"] = [Trouble.NOT_FOUND]
    mail_id = await on_its_way(bench, 0.8)
    await cancel(bench, mail_id)

    story = await bench.until_over(mail_id)

    assert (ends(story), story.faxes[0].stop) == (["success"], "gone")


async def test_a_busy_line_is_not_dialled_again(bench: Bench) -> None:
    """W6, R4: it did not get through, and a cancelled fax is not tried again."""
    bench.provider.switches.outcomes[NUMBER] = ["failed_user_busy"]
    bench.provider.switches.always["cancel"] = Trouble.GATEWAY
    mail_id = await on_its_way(bench, 1.0)
    await cancel(bench, mail_id)

    story = await bench.until_over(mail_id)

    assert (ends(story), bench.faxed()) == (["cancelled"], 1)
    assert "not tried again" in str(story.faxes[0].outcome)


@pytest.mark.parametrize(
    ("trouble", "end"),
    [
        ([Trouble.CUT_AFTER], "cancelled"),
        ([Trouble.GATEWAY, Trouble.INTERNAL], "cancelled"),
        ([Trouble.THROTTLED], "cancelled"),
    ],
)
async def test_an_answer_that_did_not_come_is_asked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, trouble: list[Trouble], end: str
) -> None:
    """W6: a DELETE may be repeated; the lists decide."""
    monkeypatch.setattr(stopping, "_AGAIN", (0.1, 0.1, 0.1))
    await bench_is_visible(bench)
    bench.provider.switches.trouble["cancel"] = trouble
    mail_id = await on_its_way(bench)
    await cancel(bench, mail_id)

    story = await bench.until_over(mail_id)

    assert (ends(story), bench.faxed()) == ([end], 0)


async def bench_is_visible(bench: Bench) -> None:
    """Our marks do show up in the lists (S3)."""
    bench.start()
    await bench.warm_up()
    await bench.stop()


async def test_a_fax_plus_that_never_answers_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W6: that it could not be stopped is told, and the outcome is the real one."""
    monkeypatch.setattr(stopping, "_AGAIN", (0.05,))
    bench.provider.switches.always["cancel"] = Trouble.GATEWAY
    mail_id = await on_its_way(bench, 2.0)
    await cancel(bench, mail_id)

    story = await bench.until_over(mail_id)

    assert (ends(story), bench.faxed()) == (["success"], 1)
    assert story.faxes[0].stop == "no answer"
    assert "not stopped" in kinds(story)


async def test_an_item_with_another_id_is_found_by_its_token(bench: Bench) -> None:
    """W6: the outbox may call it otherwise than its order was answered."""
    bench.provider.switches.outbox_ids_differ = True
    mail_id = await on_its_way(bench)
    await cancel(bench, mail_id)

    assert ends(await bench.until_over(mail_id)) == ["cancelled"]
    assert bench.faxed() == 0


async def test_a_mail_to_many_is_cancelled_whole_with_one_reply(bench: Bench) -> None:
    """W6, R1: one order with several destinations; each is stopped."""
    mail_id = await on_its_way(bench, 30.0, NUMBER, OTHER, per_order=2)

    alone = await cancel(bench, mail_id, "/2")
    await cancel(bench, mail_id)
    story = await bench.until_over(mail_id)

    assert "in one order with others" in alone["error"]
    assert (ends(story), kinds(story).count("cancel")) == (["cancelled"] * 2, 1)


async def test_one_fax_of_several_is_cancelled_alone(bench: Bench) -> None:
    """K8: by its own reference; the others go on."""
    mail_id = await bench.mail(NUMBER, OTHER)
    await cancel(bench, mail_id, "/1")
    bench.start()

    story = await bench.until_over(mail_id)

    assert (ends(story), bench.faxed(NUMBER), bench.faxed(OTHER)) == (
        ["cancelled", "success"], 0, 1,
    )  # fmt: skip


async def test_a_mail_that_is_not_prepared_is_cancelled(bench: Bench) -> None:
    """W6: before its documents are ready; a station that prepares it meanwhile loses nothing."""
    mail_id = await bench.mail(prepare=False)

    await cancel(bench, mail_id)

    story = await bench.story_of(mail_id)
    assert (story.state, ends(story), kinds(story)) == ("refused", ["cancelled"], ["cancel"])


async def test_nothing_left_to_cancel_says_so(bench: Bench) -> None:
    """K8: a clear error, and a row of the attempt."""
    bench.start()
    mail_id = await bench.mail()
    await bench.until_over(mail_id)

    over = await cancel(bench, mail_id)
    unknown = await cancel(bench, mail_id, "/7")

    assert "has its outcome already" in over["error"]
    assert "has no fax 7" in unknown["error"]
    assert [row[2] for row in await commands(bench)] == [over["error"], unknown["error"]]


async def test_a_restart_goes_on_asking(bench: Bench) -> None:
    """K4: the wish is a row; a daemon that ended after the command asks after its next start."""
    mail_id = await on_its_way(bench)
    await bench.stop()
    await cancel(bench, mail_id)

    await bench.restart()

    assert ends(await bench.until_over(mail_id)) == ["cancelled"]
    assert bench.faxed() == 0


async def test_a_crash_after_the_asking_is_no_lost_answer(bench: Bench) -> None:
    """K4: Fax.Plus let it go and the daemon ended before it wrote that down; the lists decide."""
    await bench_is_visible(bench)
    mail_id = await on_its_way(bench)
    await bench.stop()
    await cancel(bench, mail_id)
    (wanted,) = await bench.spool.do(stops.due, bench.clock.now())
    await bench.spool.do(stops.asking, wanted.id, bench.clock.now())
    bench.provider.cancel(bench.provider.items[-1])

    await bench.restart()
    story = await bench.until_over(mail_id)

    assert (ends(story), story.faxes[0].stop) == (["cancelled"], "lost")
    assert "not stopped" not in kinds(story)


async def test_a_mail_cancelled_while_it_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W6: what the child found comes too late, and is no bug."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    children = Children(count=1, deadline=20)
    station = Preparer(spool, children, PreparingSettings(has_admin=True), clock)
    desk = Desk(spool, clock)
    mail_id = await desk.accept()
    prepare = children.prepare

    async def slow(*arguments: Any) -> Any:
        prepared = await prepare(*arguments)
        story = await spool.do(stories.of_mail, mail_id)
        await carry_out(spool, {"command": "cancel", "reference": story.reference}, "root")
        return prepared

    monkeypatch.setattr(children, "prepare", slow)
    task = asyncio.create_task(station.run())
    async with asyncio.timeout(20):
        while await spool.do(preparation.is_to_prepare, mail_id):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    story = await spool.do(stories.of_mail, mail_id)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await spool.close()

    assert (story.state, ends(story), kinds(story)) == ("refused", ["cancelled"], ["cancel"])


async def test_a_paused_successor_goes_with_its_doubt(bench: Bench) -> None:
    """S3, K8: what comes to light is not ordered again when the hold is released."""
    job = await in_state(bench, "in doubt")
    now = bench.clock.now()
    await bench.spool.do(jobs.missing, job.id, now)
    reference = (await bench.story(job)).reference
    await carry_out(bench.spool, {"command": "hold", "reference": reference}, "root")
    await bench.spool.do(jobs.found, job.id, {NUMBER: "f1"}, now, 0.1)

    released = await carry_out(bench.spool, {"command": "release", "reference": reference}, "root")

    assert await bench.spool.do(finding.next_due_at) is None
    assert (await bench.story(job)).faxes[0].fax_plus_id == "f1"
    assert released["ok"]  # the hold is over, nothing waited for it
