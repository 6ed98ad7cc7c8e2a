"""What the campaign of whole lives draws does what it says: handshakes, reports, answers, disk."""

import logging
import ssl
from collections.abc import Iterator

import pytest

from tests.campaigns import api_faults
from tests.simtime.faults import Fault, Kind
from tests.simtime.oracle import judge
from tests.simtime.world import FAXPLUS, RELAY, Wanted, World

HOUR = 3600.0


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> Iterator[World]:
    """An office whose daemon runs."""
    caplog.set_level(logging.INFO, logger="mail2fax")
    with World("ways") as world:
        world.start()
        yield world


def mail(world: World, notify: str = "") -> Wanted:
    """One more mail, handed over."""
    wanted = world.want(f"+4144{2000000 + 10 * len(world.wanted)}")
    wanted.notify = notify
    world.run(world.deliver(wanted))
    return wanted


def orders(world: World, wanted: Wanted) -> int:
    """How many orders Fax.Plus took for it."""
    return sum(item.to in wanted.numbers for item in world.provider.items)


@pytest.mark.parametrize(
    "error",
    [ssl.SSLCertVerificationError(1, "certificate verify failed"), ConnectionResetError(104, "x")],
)
def test_a_handshake_that_fails_never_left(world: World, error: Exception) -> None:
    """R2, W7: no order is in doubt and no reply counts as sent; both go once it is mended."""
    broken = world.loop.network.broken_tls
    broken[FAXPLUS] = broken[RELAY] = error
    wanted = mail(world)
    world.let_pass(HOUR)
    assert (orders(world, wanted), world.told(wanted)) == (0, [])
    broken.clear()
    world.let_pass(2 * HOUR)
    world.stop()
    verdict = judge(world)

    assert verdict.problems == []
    assert (orders(world, wanted), verdict.counts["in doubt"]) == (1, 0)


def test_an_envelope_that_asks_gets_its_report(world: World) -> None:
    """W5: a mail more than who asks for none."""
    asked, silent = mail(world, "SUCCESS"), mail(world)
    world.let_pass(HOUR)
    kinds = [sum(b"multipart/report" in kept.content for kept in world.told(one))
             for one in (asked, silent)]  # fmt: skip

    assert kinds == [1, 0]


def test_an_answer_is_carried_out(world: World) -> None:
    """W6: `again` orders the fax once more, under a mark of its own."""
    wanted = mail(world)
    assert world.answer(wanted, "again") is None, "nothing was told yet"
    world.let_pass(HOUR)
    answer = world.answer(wanted, "again")
    assert answer is not None
    world.run(world.deliver(answer))
    world.let_pass(HOUR)
    world.stop()

    assert orders(world, wanted) == 2
    assert judge(world).problems == []


def test_a_full_disk_puts_mails_off(world: World) -> None:
    """K6: what was offered meanwhile is handed over and faxed once there is room again."""
    first = mail(world)
    world.let_pass(HOUR)
    world.fill_disk(full=True)
    wanted = world.want("+41442009999")
    client = world.loop.create_task(world.deliver(wanted))
    world.let_pass(HOUR)
    assert not wanted.acknowledged
    world.fill_disk(full=False)
    world.run(client)
    world.let_pass(HOUR)
    world.stop()

    assert judge(world).problems == []
    assert (orders(world, first), orders(world, wanted)) == (1, 1)


def test_the_bytes_at_which_calls_failed_add_up(world: World) -> None:
    """F9: of each endpoint and side, each place once, among as many as there are."""
    for kind, at in (
        (Kind.CUT_ANSWER, 5), (Kind.END_ANSWER, 5), (Kind.STALL_ANSWER, 9), (Kind.CUT_REQUEST, 0),
    ):  # fmt: skip
        world.expect(Fault(kind, "upload", at=at))
    mail(world)
    world.let_pass(2 * HOUR)
    once = api_faults._struck(world)
    request, answer = world.bytes_seen["upload"]
    more = {"upload answer": api_faults.Struck(places=f"{1 << 7 | 1 << answer:x}", size=answer)}

    assert once["upload answer"]["places"] == f"{1 << 5 | 1 << 9:x}"
    told = api_faults._in_words(api_faults._joined(once, more))
    assert told == f"upload: request 1 of {request}, answer 3 of {answer} bytes"
