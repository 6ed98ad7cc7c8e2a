"""K8: hold, release, drop, resend and purge: who, what, when, and what the sender is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from mail2fax.errors import SpoolFull
from mail2fax.spool import finding, jobs, noted, queue_commands, schema
from mail2fax.spool.commands import carry_out
from mail2fax.spool.records import MailStory
from tests.integration.sending_bench import NUMBER, OTHER, SETTINGS, Bench
from tests.integration.test_again import settle_replies
from tests.integration.test_cancelling import commands, ends, in_state, kinds


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything; the station is started by the test."""
    async with Bench(tmp_path) as bench:
        yield bench


async def do(bench: Bench, name: str, mail_id: str, fax: str = "", **more: Any) -> dict[str, Any]:
    """A command about a mail."""
    reference = (await bench.story_of(mail_id)).reference
    request = {"command": name, "reference": reference.lower() + fax, **more}
    return await carry_out(bench.spool, request, "root")


def jobs_of(story: MailStory) -> list[str | None]:
    """The state of each fax's newest job."""
    return [fax.job_state for fax in story.faxes]


async def test_a_held_fax_waits_until_it_is_released(bench: Bench) -> None:
    """K8: nothing is posted; then it goes out; both are rows."""
    mail_id = await bench.mail()
    held = await do(bench, "hold", mail_id)
    bench.start()
    await bench.until_over(await bench.mail(OTHER))
    story = await bench.story_of(mail_id)
    assert held["result"] == {"held": [f"{story.reference}/1"]}
    assert (jobs_of(story), kinds(story), bench.faxed()) == (["held"], ["paused"], 0)

    await do(bench, "release", mail_id)

    assert ends(await bench.until_over(mail_id)) == ["success"]
    assert await commands(bench) == [("root", "hold", "done"), ("root", "release", "done")]


async def test_a_command_that_finds_no_room_is_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6, K8: whoever gave it is told why, and is not left without an answer."""

    def full(*_args: object) -> None:
        raise SpoolFull("the ledger has no room")

    mail_id = await bench.mail()
    with monkeypatch.context() as patched:
        patched.setattr(noted, "note", full)
        shown, unknown = await do(bench, "show", mail_id), await do(bench, "drop", mail_id, "/9")

    assert shown == {
        "ok": False, "error": "the command could not be noted: the ledger has no room",
    }  # fmt: skip
    assert (unknown["ok"], "noted" in unknown["error"]) == (False, False)


async def test_a_mail_that_is_not_prepared_is_held_at_the_door(bench: Bench) -> None:
    """K8: what comes ready after the command does not slip through."""
    mail_id = await bench.mail(prepare=False)
    await do(bench, "hold", mail_id)
    bench.start()
    await bench.prepare(mail_id)

    story = await bench.when(mail_id, lambda story: jobs_of(story) == ["held"])

    assert story.faxes[0].job_why == "an administrator keeps it on hold"
    assert bench.provider.items == []
    assert (await do(bench, "release", mail_id))["ok"]
    assert ends(await bench.until_over(mail_id)) == ["success"]


async def test_one_fax_is_held_alone(bench: Bench) -> None:
    """K8."""
    mail_id = await bench.mail(NUMBER, OTHER)
    await do(bench, "hold", mail_id, "/2")
    bench.start()

    story = await bench.when(mail_id, lambda story: story.faxes[0].outcome is not None)

    assert jobs_of(story) == ["ordered", "held"]


async def test_a_hold_ends_as_holds_do(tmp_path: Path) -> None:
    """K8, defaults: nobody decided in time, counted from the command; that is told."""
    async with Bench(tmp_path, replace(SETTINGS, hold_for=0.5)) as bench:
        mail_id = await bench.mail()
        await do(bench, "hold", mail_id)
        bench.start()

        story = await bench.until_over(mail_id)

        assert (ends(story), kinds(story)) == (["not sent"], ["paused", "outcome"])


async def test_a_late_release_is_not_too_late(tmp_path: Path) -> None:
    """K8: who is released after hours on hold is not given up as too old."""
    async with Bench(tmp_path, replace(SETTINGS, give_up=1.0)) as bench:
        mail_id = await bench.mail()
        await do(bench, "hold", mail_id)
        bench.start()
        await bench.until_over(await bench.mail(OTHER))
        await bench.when(mail_id, lambda story: bench.clock.now() > story.received_at + 1.1)

        await do(bench, "release", mail_id)

        assert ends(await bench.until_over(mail_id)) == ["success"]


async def test_a_held_fax_is_cancelled_or_dropped(bench: Bench) -> None:
    """K8: both end a hold."""
    first, second = await bench.mail(), await bench.mail()
    for mail_id in (first, second):
        await do(bench, "hold", mail_id)

    await do(bench, "cancel", first)
    await do(bench, "drop", second)

    assert ends(await bench.story_of(first)) == ["cancelled"]
    assert ends(await bench.story_of(second)) == ["not sent"]


async def test_the_list_says_what_is_held_and_what_is_to_stop(bench: Bench) -> None:
    """K8: what a person would decide about; the rest by its own state."""
    held, stopping, pending = await bench.mail(), await bench.mail(), await bench.mail()
    refused = await bench.mail(prepare=False)
    await do(bench, "hold", held)
    job = next(one for one in await bench.spool.do(finding.due, bench.clock.now(), 9)
               if one.mail_id == stopping)  # fmt: skip
    await bench.spool.do(jobs.found, job.id, {NUMBER: "f1"}, bench.clock.now(), 60.0)
    await do(bench, "cancel", stopping)
    await do(bench, "cancel", refused)

    listed = await carry_out(bench.spool, {"command": "list", "all": True}, "root")

    where = {line["reference"]: line["where"] for line in listed["result"]["faxes"]}
    told = [where[(await bench.story_of(one)).reference]
            for one in (held, stopping, pending, refused)]  # fmt: skip
    assert told == ["held", "stopping", "pending", "refused"]


async def test_what_went_cannot_be_held(bench: Bench) -> None:
    """K8: an error that says what to do; the attempt is a row."""
    bench.start()
    mail_id = await bench.mail()
    await bench.until_over(mail_id)

    said = [(await do(bench, name, mail_id))["error"] for name in ("hold", "release", "drop")]

    assert "mail2fax queue cancel" in said[0]
    assert all("is not on hold" in one for one in said[1:])
    assert [row[2] for row in await commands(bench)] == said


async def test_a_doubt_is_only_ordered_again_by_word_of_the_recipient(bench: Bench) -> None:
    """K8, promise 2: the old order stays searched, the new one has its own token."""
    job = await in_state(bench, "held in doubt")

    refused = await do(bench, "release", job.mail_id)
    await do(bench, "release", job.mail_id, not_arrived=True)
    bench.start()
    story = await bench.until_over(job.mail_id)

    assert "--not-arrived" in refused["error"]
    assert (ends(story), bench.faxed()) == (["success"], 1)
    assert bench.provider.items[0].tags[0] == f"{job.token}-2"


async def test_a_doubt_that_is_dropped_says_that_it_may_have_arrived(bench: Bench) -> None:
    """K8: never more than is known."""
    job = await in_state(bench, "held in doubt")

    await do(bench, "drop", job.mail_id)

    story = await bench.story(job)
    assert ends(story) == ["not sent"]
    assert "may have it all the same" in str(story.faxes[0].outcome)


async def test_a_frozen_sender_is_not_released_by_its_reference(bench: Bench) -> None:
    """L8, K8: that is what unfreeze is for."""
    job = await in_state(bench, "frozen")

    assert "is not on hold" in (await do(bench, "release", job.mail_id))["error"]


async def test_an_administrator_resends(bench: Bench) -> None:
    """K8: what failed; or to another number; a sender is told."""
    bench.provider.switches.outcomes[NUMBER] = ["failed", "success"]
    bench.start()
    mail_id = await bench.mail()
    await bench.until_over(mail_id)

    first = await do(bench, "resend", mail_id)
    await bench.until_over(mail_id)
    second = await do(bench, "resend", mail_id, to=OTHER, country="CH")
    story = await bench.until_over(mail_id)
    older = await do(bench, "resend", mail_id, "/1")

    assert [one["result"]["resent"] for one in (first, second)] == [
        [f"{story.reference}/2"], [f"{story.reference}/3"],
    ]  # fmt: skip
    assert (ends(story), bench.faxed(OTHER)) == (["failed", "success", "success"], 1)
    assert kinds(story).count("again") == 2
    assert "A later fax of this mail went to the same number" in older["error"]


async def test_content_is_purged_at_once(bench: Bench) -> None:
    """K7, K8: what is over; what is not is refused with what to do."""
    bench.start()
    mail_id = await bench.mail()
    early = await do(bench, "purge", mail_id)
    await bench.until_over(mail_id)
    await bench.spool.do(settle_replies)

    done = await do(bench, "purge", mail_id)

    assert "queue show" in early["error"]
    assert done["ok"]
    assert (await bench.story_of(mail_id)).state == "purged"
    assert not bench.spool.content.mail(mail_id).exists()
    assert [row[1:] for row in await commands(bench)][-1] == ("purge", "done")


@pytest.mark.parametrize("name", sorted(queue_commands.CHANGING))
async def test_an_unknown_reference_is_a_clear_error(bench: Bench, name: str) -> None:
    """K8: and a row."""
    said = [
        await carry_out(bench.spool, {"command": name, "reference": one}, "root")
        for one in ("M2F-00000", "M2F-00000/x", "")
    ]

    assert all("there is no mail" in one["error"] for one in said)
    assert len(await commands(bench)) == 3


@pytest.mark.parametrize("name", ["hold", "cancel", "drop", "release"])
async def test_change_and_row_are_one_transaction(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """K8: a crash between them leaves neither."""
    mail_id = await bench.mail()
    if name in ("drop", "release"):
        await do(bench, "hold", mail_id)
    before, rows = await bench.story_of(mail_id), await commands(bench)

    def broken(*_arguments: Any) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(queue_commands, "note", broken)
    with pytest.raises(RuntimeError):
        await do(bench, name, mail_id)

    assert await bench.story_of(mail_id) == before
    assert await commands(bench) == rows
    assert await bench.spool.do(wishes) == 0
    assert jobs.STOPPED_IN_TIME not in str(before)


def wishes(connection: Connection) -> int:
    """How many faxes are to be stopped."""
    return len(connection.execute(select(schema.stop)).all())
