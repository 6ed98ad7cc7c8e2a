"""The simulated world itself: time, SIGKILL, and that a seed replays its history."""

import asyncio
import sqlite3
import time

import pytest

from tests.campaigns import api_faults, planted
from tests.campaigns.api_faults import PER_WORLD, Office, drawn
from tests.campaigns.planted import BUGS, Bug
from tests.simtime.oracle import judge
from tests.simtime.world import Crash, World

NUMBER = "+41442000010"


def history(seed: str) -> list[tuple[object, ...]]:
    """Everything that happened in a world, with its times and names."""
    with World(seed) as world:
        world.start()
        world.send(NUMBER, "+41442000011")
        world.crash_at = Crash("after", command="ordered")
        world.let_pass(100.0)
        world.start()
        world.let_pass(7200.0)
        world.stop()
        with sqlite3.connect(world.directory / "state" / "ledger.sqlite3") as ledger:
            rows = ledger.execute("SELECT * FROM history ORDER BY id").fetchall()
        ledger.close()
        return [*rows, *[(kept.rcpt_tos, kept.content) for kept in world.mailbox.kept]]


def test_a_seed_replays_its_history() -> None:
    """F9: the same seed, the same history to the byte; another, another."""
    first = history("a")

    assert first == history("a")
    assert first != history("b")


def test_days_pass_in_moments() -> None:
    """Two days of an idle office take no real day; the daemon polls nothing meanwhile."""
    began = time.monotonic()
    with World("days") as world:
        world.start()
        before = world.now()
        world.let_pass(2 * 86400.0)
        world.stop()

        assert world.now() - before == pytest.approx(2 * 86400.0)
    assert time.monotonic() - began < 86400.0


def test_nothing_of_a_killed_daemon_runs_on() -> None:
    """SIGKILL: no handler, no ``finally``; what it had not committed never was."""
    ran = []

    async def life() -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            ran.append("finally")

    with World("kill") as world:
        world.start()
        task = world.loop.create_task(life(), context=world._lives[-1][0].context())
        world.let_pass(1.0)
        world.kill()
        task.cancel()
        world.let_pass(1000.0)

        assert ran == []
        assert not world.is_running


def test_a_daemon_that_is_killed_answers_no_command() -> None:
    """SIGKILL in the middle of an operator's command: the operator waits no longer."""
    with World("asked") as world:
        world.start()
        world.crash_at = Crash("before", 1)

        assert "killed" in world.ask("hold", reference="M2F-22222")["error"]
        assert not world.is_running


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_mail_whose_250_was_never_read_is_sent_again_and_faxed_once(when: str) -> None:
    """K1, L9: SIGKILL on either side of the commit that a 250 stands for (C4 to C6)."""
    with World(when) as world:
        world.start()
        wanted = world.want(NUMBER)
        world.crash_at = Crash(when, command="_record_mails")
        client = world.loop.create_task(world.deliver(wanted))
        world.let_pass(30.0)
        world.start()
        world.run(client)
        world.let_pass(3600.0)
        world.stop()

        assert wanted.tries == 2
        assert judge(world).problems == []
        assert len(world.provider.items) == 1


@pytest.mark.parametrize(("policy", "first"), [("hold", 0), ("reconcile", 2 * PER_WORLD)])
def test_however_a_call_fails_each_fax_is_sent_once(policy: str, first: int) -> None:
    """S2, S3, R2, F9: a small part of `tests.campaigns.api_faults`."""
    seed = f"ci {policy} {first}"

    result = Office(seed, policy, drawn(seed, first)).run()

    assert result.problems == []
    assert result.counts["twice"] == result.counts["lost"] == 0
    assert result.counts["told"] == result.counts["accepted"] > PER_WORLD
    assert result.counts["once"] >= PER_WORLD // 2


def test_lists_that_lag_longer_than_settle_can_double_and_are_seen_to() -> None:
    """S3: the settle time is what the promise rests on; the campaign sees when it is too short."""
    late = planted._suffering(api_faults.Placement("late", [planted._LATE]), lag=1800.0)

    assert any(one.startswith("TWICE") for one in late().problems)


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    """F9: each planted bug is named by the judgement, and without it the office is clean."""
    seen, without = planted.caught(bug)

    assert seen
    assert without == []
