"""Faxes that are sent as other members of the account: each call about one asks for its member."""

import logging
from collections.abc import Iterator

import pytest

from mail2fax.simulator.provider import Item
from tests.simtime.faults import Fault, Kind
from tests.simtime.oracle import Verdict, judge
from tests.simtime.world import Wanted, World

HOUR = 3600.0
ANN, BOB, EVE = "a" * 32, "b" * 32, "e" * 32


@pytest.fixture
def world() -> Iterator[World]:
    """An office that may send as two members, each with marks that are known to be visible."""
    with World("members", site=f"may_send_as: [{ANN}, {BOB}, {EVE}]") as world:
        world.provider.switches.own_uploads = True
        world.start()
        for member in (ANN, BOB, None, None):
            for _ in range(3):
                send(world, member)
        world.let_pass(HOUR)
        yield world


def send(world: World, member: str | None) -> Wanted:
    """One more mail, to a number of its own, sent as a member."""
    serial = len(world.wanted) + 1
    headers = [] if member is None else [f"X-Fax-User: {member}"]
    return world.send(f"+4144{2000000 + 10 * serial}", data=world.mail(serial, *headers))


def items(world: World, wanted: Wanted) -> list[Item]:
    """The orders that Fax.Plus took for a mail."""
    return [item for item in world.provider.items if item.to in wanted.numbers]


def end(world: World, seconds: float = HOUR) -> Verdict:
    """Let things come to rest, and judge."""
    world.let_pass(seconds)
    world.stop()
    return judge(world)


def test_a_members_order_whose_answer_was_lost_is_found_in_the_members_lists(
    world: World,
) -> None:
    """S3: the account's own lists do not show it; as a settled miss it would go out twice."""
    for lag in (0.0, 120.0):
        world.expect(Fault(Kind.CUT_ANSWER, "send"))
        world.provider.lag = lag
        wanted = send(world, ANN)
        world.let_pass(2 * HOUR)
        assert [item.user for item in items(world, wanted)] == [ANN]
    verdict = end(world)

    assert verdict.problems == []
    assert verdict.counts["in doubt"] == verdict.counts["hits"] == 2
    assert verdict.counts["once"] == 12 + 2


def test_marks_of_others_do_not_vouch_for_a_members_lists(world: World) -> None:
    """S3: an order by a member of whom nothing was ever seen is held, and never ordered again."""
    world.expect(Fault(Kind.INSTEAD, "send", status=502))
    wanted = send(world, EVE)
    world.let_pass(3 * HOUR)
    states = world.ask("list")["result"]["counts"]["job"]

    assert items(world, wanted) == []
    assert states.get("held") == 1


def test_an_earlier_copy_of_the_ledger_orders_nothing_of_a_members_again(world: World) -> None:
    """S4, K9: what was ordered after the copy was taken stands in the member's lists alone."""
    wanted = world.forget_an_order(lambda: send(world, ANN))
    verdict = end(world, 6 * HOUR)

    assert len(items(world, wanted)) == 1
    assert [one for one in verdict.problems if "outcomes" not in one] == []


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mail2fax")
