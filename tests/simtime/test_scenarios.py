"""Bad days, one by one, in simulated time: what the failure matrix expects of each."""

import email
import email.policy
import logging
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest

from tests.simtime.faults import Fault, Kind
from tests.simtime.network import Peer
from tests.simtime.oracle import Verdict, judge
from tests.simtime.world import FAXPLUS, RELAY, Crash, Wanted, World

HOUR, DAY = 3600.0, 86400.0
_OWN = b'{"error": "unauthorized", "description": "bad token"}'
_JSON = {"content-type": "application/json"}


@pytest.fixture
def world() -> Iterator[World]:
    """An office whose daemon runs, and whose marks are known to be visible at Fax.Plus."""
    with World("scenario") as world:
        world.start()
        for _ in range(3):
            mail(world)
        world.let_pass(HOUR)
        yield world


def mail(world: World) -> Wanted:
    """One more mail, to a number of its own."""
    return world.send(f"+4144{2000000 + 10 * len(world.wanted)}")


def end(world: World, seconds: float = HOUR) -> Verdict:
    """Let things come to rest, and judge."""
    world.let_pass(seconds)
    world.stop()
    return judge(world)


def subjects(world: World, wanted: Wanted) -> list[str]:
    """The state that each reply's From name tells."""
    lines = [kept.content.split(b"\r\n") for kept in world.told(wanted)]
    names = [line for head in lines for line in head if line.startswith(b"From:")]
    return [name.decode("ascii", "replace") for name in names]


def alerts(world: World) -> list[tuple[str, str]]:
    """First line and text of each mail about a trouble, in order."""
    found = []
    for kept in world.mailbox.kept:
        letter = email.message_from_bytes(kept.content, policy=email.policy.default)
        if letter["Subject"].startswith("Fax service: "):
            assert isinstance(letter, EmailMessage)
            part = letter.get_body(("plain",))
            assert part is not None
            text = str(part.get_content()).replace("\r\n", "\n")
            found.append((text.partition("\n")[0], text))
    return found


def orders(world: World, wanted: Wanted) -> int:
    """How many orders Fax.Plus took for a mail."""
    return sum(item.to in wanted.numbers for item in world.provider.items)


def test_a_relay_that_is_down_for_days_delays_no_fax(world: World) -> None:
    """W7: faxes go out, replies wait and come; nothing is told twice."""
    world.loop.network.refused.add(RELAY)
    wanted = mail(world)
    world.let_pass(1.5 * DAY)

    assert orders(world, wanted) == 1
    assert world.told(wanted) == []
    world.loop.network.refused.discard(RELAY)
    verdict = end(world, DAY)

    assert verdict.problems == []
    assert len(world.told(wanted)) == 2


def test_a_relay_that_never_comes_back_leaves_a_row_that_says_so(world: World) -> None:
    """W1a, W7: after five days the row says that nobody was told, and nothing waits for ever."""
    world.loop.network.refused.add(RELAY)
    wanted = mail(world)
    world.let_pass(5.5 * DAY)
    states = world.ask("list")["result"]["counts"]["reply"]

    assert orders(world, wanted) == 1
    assert states.get("undeliverable", 0) >= 2
    assert not states.get("due")


def test_a_relay_dead_for_six_days_is_told_the_admin_when_it_lives(world: World) -> None:
    """W7, S6: no fax waits for it; then the admin hears that it was down, and who was not told."""
    world.loop.network.refused.add(RELAY)
    early = mail(world)
    world.let_pass(HOUR)
    assert orders(world, early) == 1
    world.let_pass(5.5 * DAY)
    late = mail(world)
    world.let_pass(HOUR)
    assert orders(world, late) == 1
    world.loop.network.refused.discard(RELAY)
    world.let_pass(DAY)

    told = alerts(world)
    assert [head for head, _ in told].count("The mail server takes our replies again.") == 1
    untold = [text for head, text in told if head.startswith("Somebody could not be told")]
    reference = str(world.ask("list", untold=True)["result"]["untold"][0]["reference"])
    assert untold
    assert all(reference in text for text in untold)
    assert (len(world.told(early)), len(world.told(late))) == (len(untold), 2)


def test_without_dns_nothing_left_and_nothing_is_in_doubt(world: World) -> None:
    """R2, S3: a connection that was never made is tried again, whatever the policy."""
    world.loop.network.dns_down = True
    wanted = mail(world)
    world.let_pass(2 * HOUR)
    world.loop.network.dns_down = False
    verdict = end(world)

    assert verdict.problems == []
    assert (orders(world, wanted), verdict.counts["in doubt"]) == (1, 0)
    assert len(world.told(wanted)) == 3  # waiting, accepted, outcome


def test_tls_that_fails_is_never_left_out() -> None:
    """P3: no fall-back to the clear; the fax ends in time, and its sender is told."""
    with World("tls", url="https://restapi.fax.test/v3") as world:
        world.loop.network.listen((FAXPLUS[0], 443), _InTheClear)
        world.start()
        wanted = mail(world)
        verdict = end(world, 6 * HOUR)

        assert verdict.problems == []
        assert (orders(world, wanted), world.bytes_seen) == (0, {})
        assert len(world.told(wanted)) == 2  # waiting, not sent


@pytest.mark.parametrize("kind", [Kind.INSTEAD, Kind.AFTER])
def test_an_answer_that_names_another_fax_is_not_believed(world: World, kind: Kind) -> None:
    """S3, S5: our number with the ID of an earlier fax, whose outcome is not this one's."""
    lie = b'{"ids": {"ORDERED": "EARLIER"}}'
    world.expect(Fault(kind, "send", status=201, headers=_JSON, body=lie))
    wanted = mail(world)
    verdict = end(world, 2 * HOUR)

    assert verdict.problems == []
    assert (orders(world, wanted), verdict.counts["in doubt"]) == (1, 1)


def test_what_waits_ends_though_fax_plus_was_never_reached_since_the_start(world: World) -> None:
    """Promise 4, S4: the first look at the lists never came; four hours later it is over."""
    world.stop()
    world.loop.network.unreachable.add(FAXPLUS)
    world.start()
    wanted = mail(world)
    world.let_pass(HOUR)
    waiting = len(world.told(wanted))
    world.let_pass(4 * HOUR)
    world.loop.network.unreachable.clear()
    verdict = end(world, DAY)

    assert verdict.problems == []
    assert waiting == 1
    assert orders(world, wanted) == 0, "recovery does not revive what ended"


class _InTheClear:
    """Whoever answers a TLS handshake in plain words."""

    def connection_made(self, transport: Peer) -> None:
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # type: ignore[attr-defined]

    def eof_received(self) -> None:
        """It closes too."""

    def connection_lost(self, _error: Exception | None) -> None:
        """Gone."""


def test_credit_that_ends_over_a_weekend_burns_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: the breaker opens, people are told, it ends at give_up, recovery revives nothing."""
    world.provider.switches.default_outcome = "insufficient_credit"
    friday = [mail(world) for _ in range(5)]
    world.let_pass(HOUR)
    waiting = [len(world.told(one)) for one in friday]
    world.let_pass(60 * HOUR)
    burnt = [orders(world, one) for one in friday]
    ended = world.is_busy()
    world.provider.switches.default_outcome = "success"
    world.let_pass(HOUR)
    monday = mail(world)
    verdict = end(world)

    assert "account-barred" in caplog.text
    assert not ended, "every fax has come to its end"
    assert all(waiting), "told within the hour"
    assert [orders(world, one) for one in friday] == burnt, "nothing is revived"
    assert max(burnt) <= 30, "no storm of orders"
    assert orders(world, monday) == 1
    assert [one for one in verdict.problems if "TWICE" not in one] == []


@pytest.mark.parametrize("hours", [2, 30])
def test_a_revoked_token_burns_nothing(
    world: World, hours: int, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: 401 on every call; mended in time it goes out once, else it is over and stays so."""
    faults = Fault(Kind.INSTEAD, "any", status=401, headers=_JSON, body=_OWN, times=100_000)
    world.expect(faults)
    wanted = mail(world)
    world.let_pass(HOUR)
    waiting = len(world.told(wanted))
    world.let_pass((hours - 1) * HOUR)
    calls = sum(world.suffered.values())
    world.plan.clear()
    verdict = end(world, 3 * HOUR)

    assert verdict.problems == []
    assert "account-barred" in caplog.text
    assert waiting == 1, "told after half an hour"
    assert calls < 10 + 10 * hours, "the account is left alone"
    assert orders(world, wanted) == (1 if hours < 4 else 0)


def test_a_provider_in_trouble_for_hours_is_waited_for(world: World) -> None:
    """S3, S6: 502 pages, empty 500s and 503s on everything; then each fax goes out once."""
    for status, body in ((502, b"<html>502</html>"), (500, b""), (503, b'{"error": "busy"}')):
        world.expect(Fault(Kind.INSTEAD, "any", status=status, body=body, times=25))
    mails = [mail(world) for _ in range(3)]
    verdict = end(world, 10 * HOUR)

    assert verdict.problems == []
    assert [orders(world, one) for one in mails] == [1, 1, 1]


def test_a_restart_loop_neither_loses_nor_doubles(world: World) -> None:
    """S3, S4: thirty SIGKILLs, some seconds apart, with mails all along."""
    world.provider.switches.delay = 2.0
    clients = []
    for turn in range(30):
        if turn % 3 == 0:
            number = f"+4144{2000000 + 10 * len(world.wanted)}"
            clients.append(world.loop.create_task(world.deliver(world.want(number))))
        world.let_pass(world.chance.uniform(0.3, 6.0))
        world.kill()
        world.start()
    for client in clients:
        world.run(client)
    verdict = end(world, 6 * HOUR)

    assert verdict.problems == []
    assert verdict.counts["once"] == 3 + 10
    assert world.crashed_in_flight >= 10


def test_a_clock_that_goes_back_makes_the_start_strict(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """K10, S4: with an order in mid-flight the wall clock goes back, and the daemon dies."""
    world.expect(Fault(Kind.STALL_ANSWER, "send", late=20.0))
    wanted = mail(world)
    world.let_pass(5.0)
    world.wall_step = -2 * HOUR
    world.let_pass(10.0)
    world.kill()
    world.start()
    verdict = end(world, 3 * HOUR)

    assert verdict.problems == []
    assert orders(world, wanted) == 1
    assert "ledger-suspect" in caplog.text, "the gap is told"


def test_a_clock_set_back_between_two_orders_of_a_fax_doubles_nothing(world: World) -> None:
    """K10, R4: the newest order is the one that counts, whatever its time says."""
    number = f"+4144{2000000 + 10 * len(world.wanted)}"
    world.provider.switches.outcomes[number] = ["insufficient_credit", "success"]
    wanted = mail(world)
    world.let_pass(2.0)
    world.wall_step = -2 * HOUR
    world.kill()
    world.start()
    verdict = end(world, 8 * HOUR)

    assert verdict.problems == []
    assert orders(world, wanted) == 2


@pytest.mark.parametrize("step", [-DAY, DAY, 365 * DAY])
def test_a_clock_that_jumps_while_the_daemon_runs_expires_nothing(
    world: World, step: float
) -> None:
    """K10: waits are measured on a clock that does not jump."""
    world.provider.switches.sending = 900.0
    wanted = mail(world)
    world.let_pass(60.0)
    world.wall_step = step
    other = mail(world)
    verdict = end(world, 2 * HOUR)

    assert verdict.problems == []
    assert (orders(world, wanted), orders(world, other)) == (1, 1)
    assert verdict.counts["once"] == 5


def test_an_order_under_way_is_finished_when_the_daemon_is_told_to_stop(world: World) -> None:
    """S2: SIGTERM waits for the POST and records its answer; nothing is left in doubt."""
    world.provider.switches.delay = 20.0
    wanted = mail(world)
    world.let_pass(25.0)
    world.stop()
    assert orders(world, wanted) == 1
    world.start()
    verdict = end(world)

    assert verdict.problems == []
    assert verdict.counts["in doubt"] == 0


def test_an_earlier_copy_of_the_ledger_orders_nothing_again(world: World) -> None:
    """S4, K9: what was ordered after the copy was taken is found, and adopted."""
    wanted = world.forget_an_order(lambda: mail(world))
    verdict = end(world, 6 * HOUR)

    assert orders(world, wanted) == 1
    assert [one for one in verdict.problems if "outcomes" not in one] == []


MOMENTS: list[tuple[str, Callable[[], Crash]]] = [
    ("while it is prepared", lambda: Crash("before", command="prepared")),
    ("once its document is uploaded", lambda: Crash("before", command="document_uploaded")),
    ("once the intent is on disk", lambda: Crash("after", command="intended")),
    ("once Fax.Plus has the order", lambda: Crash("order")),
    ("before the fax ID is on disk", lambda: Crash("before", command="ordered")),
    ("once the fax ID is on disk", lambda: Crash("after", command="ordered")),
    ("before its outcome is on disk", lambda: Crash("before", command="ended")),
    ("once its outcome is on disk", lambda: Crash("after", command="ended")),
    ("before it is known that a reply was taken", lambda: Crash("before", command="handed_over")),
]


@pytest.mark.parametrize(("moment", "crash"), MOMENTS, ids=[name for name, _ in MOMENTS])
def test_killed_between_two_steps(world: World, moment: str, crash: Callable[[], Crash]) -> None:
    """S2 to S4, K4: SIGKILL between each pair of steps of a fax's life (C7 to C22)."""
    world.crash_at = crash()
    wanted = world.want(f"+4144{2000000 + 10 * len(world.wanted)}")
    client = world.loop.create_task(world.deliver(wanted))
    world.let_pass(300.0)
    assert not world.is_running, moment
    world.start()
    world.run(client)
    verdict = end(world, 2 * HOUR)

    assert verdict.problems == []
    assert (orders(world, wanted), verdict.counts["once"]) == (1, 4)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mail2fax")
