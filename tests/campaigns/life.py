"""The whole life of an office as a state machine: ``python -m tests.campaigns.life``.

Hypothesis draws what happens: mails, faults of Fax.Plus, SIGKILL and SIGTERM, clocks that
jump, an operator, answers with verbs, a relay that is down, certificates that are bad, a full
disk, credit that ends, a token that is revoked. The real daemon lives through it in simulated
time (`tests.simtime`); at the end everything is mended, comes to rest, and is judged.
``--examples 2000 --seed 1 --minutes 30 --out counts.json``.
"""

import argparse
import json
import logging
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simtime.faults import Fault, Kind, Listing
from tests.simtime.oracle import COUNTS, Verdict, judge
from tests.simtime.world import FAXPLUS, HOOK_SECRET, RELAY, Crash, Wanted, World

_BATCH = 20
_STEPS = 14
_LONGEST = 48 * 3600.0
_JSON = {"content-type": "application/json"}
_OWN = b'{"error": "unauthorized", "description": "bad token"}'
_PAGE = b"<html>gateway</html>"
_WAITS = st.sampled_from((1.0, 20.0, 90.0, 700.0, 2400.0, 5 * 3600.0, 20 * 3600.0))
_ENDPOINTS = st.sampled_from(("send", "send", "upload", "outbox", "sent", "item", "fax", "any"))
_KINDS = st.sampled_from((
    Kind.CUT_REQUEST, Kind.STALL_REQUEST, Kind.CUT_ANSWER, Kind.END_ANSWER, Kind.STALL_ANSWER,
))  # fmt: skip
_STATUSES = st.sampled_from((400, 401, 403, 404, 422, 429, 500, 502, 503))
_OUTCOMES = st.sampled_from((
    ("success",), ("failed_user_busy", "success"), ("failed_no_answer",) * 4,
    ("partially_sent",), ("failed_unallocated_number",), ("failed_internal_process_error",),
))  # fmt: skip
_SETTLE = 600.0
_NOTIFY = st.sampled_from(("", "", "SUCCESS,FAILURE,DELAY", "NEVER"))
_MEMBER = "a" * 32
_MEMBERS = st.sampled_from((None, None, _MEMBER))
_HANDSHAKES = {
    "tls": ssl.SSLCertVerificationError(1, "certificate verify failed"),
    "cut": ConnectionResetError(104, "Connection reset by peer"),
}
VERBS = ("cancel", "again", "status", "send", "drop", "report", "no verb of ours")
COMMANDS = ("hold", "release", "drop", "cancel", "resend", "purge")
SEEN: list[Verdict] = []
"""The judgement of each example, for whoever counts."""


class OfficeLife(RuleBasedStateMachine):
    """One office, from its first day to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("life")
        self._open = False

    @initialize(chance=st.integers(0, 1 << 32), policy=st.sampled_from(("hold", "reconcile")),
                lag=st.floats(0.0, 0.4 * _SETTLE))  # fmt: skip
    def begin(self, chance: int, policy: str, lag: float) -> None:
        """The first day: the daemon starts, three faxes go out, and three as another member."""
        sending = f"on_unknown: {policy}, settle: 10m, hold_for: 3h"
        self.world = World(chance, sending=sending, site=f"may_send_as: [{_MEMBER}]")
        self.world.__enter__()
        self._open = True
        self.world.start()
        for member in (None, None, None, _MEMBER, _MEMBER, _MEMBER):
            self._mail(1, member=member)
        self.world.let_pass(2 * _SETTLE)
        self.world.provider.lag = lag

    def _mail(self, numbers: int, notify: str = "", member: str | None = None) -> None:
        serial = len(self.world.wanted) + 1
        to = [f"+4144{2000000 + 10 * serial + n}" for n in range(numbers)]
        headers = [] if member is None else [f"X-Fax-User: {member}"]
        wanted = self.world.want(*to, data=self.world.mail(serial, *headers))
        wanted.notify = notify
        self.world.loop.create_task(self.world.deliver(wanted))

    # People

    @rule(numbers=st.integers(1, 3), outcomes=_OUTCOMES, notify=_NOTIFY, member=_MEMBERS)
    def somebody_sends(
        self, numbers: int, outcomes: tuple[str, ...], notify: str, member: str | None
    ) -> None:
        """A mail, whose first number may be busy; it may ask for reports, or go as a member."""
        self._mail(numbers, notify, member)
        self.world.provider.switches.outcomes[self.world.wanted[-1].numbers[0]] = list(outcomes)
        self._pass(3.0)

    @precondition(lambda self: self.world.is_running)
    @rule(words=st.sampled_from(VERBS), which=st.integers(0, 100))
    def somebody_answers(self, words: str, which: int) -> None:
        """A verb in an answer to a reply that was sent (W6)."""
        known = [one for one in self.world.wanted if one.acknowledged]
        answer = self.world.answer(known[which % len(known)], words)
        if answer is not None:
            self.world.loop.create_task(self.world.deliver(answer))
            self._pass(2.0)

    @rule(seconds=_WAITS)
    def time_passes(self, seconds: float) -> None:
        """Nothing happens."""
        self._pass(seconds)

    @precondition(lambda self: self.world.is_running)
    @rule(what=st.sampled_from(COMMANDS), which=st.integers(0, 100))
    def an_operator_decides(self, what: str, which: int) -> None:
        """A command about some mail; most cannot be carried out, and say so."""
        known = [one for one in self.world.wanted if one.acknowledged]
        wanted = known[which % len(known)]
        arguments: dict[str, Any] = {"reference": wanted.reference}
        if what == "release":  # an honest operator has asked the recipient
            arguments["not_arrived"] = not self._has_arrived(wanted)
        self.world.ask(what, **arguments)
        self._pass(1.0)

    def _has_arrived(self, wanted: Wanted) -> bool:
        items = self.world.provider.items
        return any(item.to in wanted.numbers and not item.cancelled for item in items)

    # Fax.Plus

    @rule(endpoint=_ENDPOINTS, kind=_KINDS, at=st.integers(0, 900), times=st.integers(1, 4))
    def a_call_is_cut(self, endpoint: str, kind: Kind, at: int, times: int) -> None:
        """The next calls end at a byte."""
        self.world.expect(Fault(kind, endpoint, at=at, times=times))

    @rule(endpoint=_ENDPOINTS, status=_STATUSES, own=st.booleans(), times=st.integers(1, 6))
    def a_call_is_refused(self, endpoint: str, status: int, own: bool, times: int) -> None:
        """The next calls are answered by Fax.Plus, or a gateway, without acting."""
        body, headers = (_OWN, _JSON) if own else (_PAGE, {})
        self.world.expect(Fault(Kind.INSTEAD, endpoint, status=status, body=body,
                                headers=headers, times=times))  # fmt: skip

    @rule(late=st.floats(0.5, 0.4 * _SETTLE), status=st.sampled_from((500, 502, 504)))
    def an_order_is_late(self, late: float, status: int) -> None:
        """A gateway gives up, Fax.Plus acts later."""
        self.world.expect(Fault(Kind.AFTER, "send", status=status, body=_PAGE, late=late))

    @rule(how=st.sampled_from(Listing), endpoint=st.sampled_from(("outbox", "sent")))
    def a_list_is_wrong(self, how: Listing, endpoint: str) -> None:
        """The next list."""
        self.world.expect(Fault(Kind.LISTING, endpoint, listing=how, seconds=900.0))

    @rule(what=st.sampled_from(("refused", "unreachable", "no name", "tls", "cut", "mended")))
    def the_network(self, what: str) -> None:
        """Fax.Plus cannot be reached, shows a bad certificate, or can be reached again."""
        network = self.world.loop.network
        network.dns_down = what == "no name"
        network.refused.discard(FAXPLUS)
        network.unreachable.discard(FAXPLUS)
        network.broken_tls.pop(FAXPLUS, None)
        if what in _HANDSHAKES:
            network.broken_tls[FAXPLUS] = _HANDSHAKES[what]
        if what in ("refused", "unreachable"):
            {"refused": network.refused, "unreachable": network.unreachable}[what].add(FAXPLUS)

    @rule(path=st.sampled_from((f"/h/{HOOK_SECRET}", "/h/guess")), count=st.integers(1, 3))
    def a_hook(self, path: str, count: int) -> None:
        """Doubled, forged, or for nothing."""
        for _ in range(count):
            self.world.run(self.world.deliver_hook(path, b'{"data": {"status": "success"}}'))

    @rule(ends=st.booleans())
    def credit(self, ends: bool) -> None:
        """It ends, or is bought."""
        self.world.provider.switches.default_outcome = "insufficient_credit" if ends else "success"

    @rule(is_revoked=st.booleans())
    def the_token(self, is_revoked: bool) -> None:
        """It is revoked, or made good."""
        self.world.plan.pop("any", None)
        if is_revoked:
            self.world.expect(Fault(Kind.INSTEAD, "any", status=401, headers=_JSON, body=_OWN,
                                    times=100_000))  # fmt: skip

    # The machine

    @rule(what=st.sampled_from(("refused", "tls", "cut", "mended")))
    def the_relay(self, what: str) -> None:
        """It refuses, shows a bad certificate, or takes mail again."""
        network = self.world.loop.network
        network.refused.discard(RELAY)
        network.broken_tls.pop(RELAY, None)
        if what in _HANDSHAKES:
            network.broken_tls[RELAY] = _HANDSHAKES[what]
        elif what == "refused":
            network.refused.add(RELAY)

    @rule(full=st.booleans())
    def the_disk(self, full: bool) -> None:
        """It is full, or has room again (K6)."""
        self.world.fill_disk(full=full)

    @rule(seconds=st.sampled_from((0.0, 5.0, 900.0, 7200.0)))
    def killed(self, seconds: float) -> None:
        """SIGKILL now; started again some time later."""
        self.world.kill()
        self.world.let_pass(seconds)
        self.world.start()

    @rule(when=st.sampled_from(("before", "after", "order")), count=st.integers(1, 12))
    def to_be_killed(self, when: str, count: int) -> None:
        """SIGKILL at a commit, or at an order, that is to come."""
        self.world.crash_at = Crash(when, 1 if when == "order" else count)

    @rule()
    def stopped(self) -> None:
        """SIGTERM, and started again."""
        self.world.stop()
        self.world.start()

    @rule(step=st.sampled_from((-7200.0, -30.0, 30.0, 1200.0, 0.0)))
    def the_clock(self, step: float) -> None:
        """The machine's clock is set."""
        self.world.wall_step = step

    # The end

    def _pass(self, seconds: float) -> None:
        self.world.let_pass(seconds)
        if not self.world.is_running:
            self.world.start()

    @invariant()
    def no_token_is_ordered_twice(self) -> None:
        """S2: at any time."""
        marks = Counter(item.tags[0] for item in self.world.provider.items) if self._open else {}
        assert all(count == 1 for count in marks.values()), marks

    def teardown(self) -> None:
        """Everything is mended and comes to rest; then it is judged."""
        if not self._open:
            return
        try:
            self._mend()
            passed = 0.0
            while passed < _LONGEST and (passed < 7200.0 or self.world.is_busy()):
                self._pass(3600.0)
                passed += 3600.0
            self.world.stop()
            verdict = judge(self.world)
            SEEN.append(verdict)
            assert verdict.problems == []
        finally:
            self._open = False
            self.world.__exit__(None, None, None)

    def _mend(self) -> None:
        self.world.crash_at = None
        self.world.plan.clear()
        self.world.wall_step = 0.0
        self.the_network("mended")
        self.credit(ends=False)
        self.the_relay("mended")
        self.the_disk(full=False)
        self._pass(1.0)


def live(number: int, examples: int, *, shrinks: bool = False) -> None:
    """So many lives from one seed.

    Raises:
        AssertionError: of one a promise was broken; hypothesis tells the steps.
    """

    class Life(OfficeLife):
        """With a seed of its own."""

    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    chosen = settings(
        max_examples=examples, stateful_step_count=_STEPS, deadline=None, database=None,
        derandomize=False, phases=phases, suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(seed(number)(Life), settings=chosen)


def main() -> int:
    """Run from the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--shrink", action="store_true", help="make a broken life short")
    parser.add_argument("--out", type=Path, help="add the counts to this file")
    asked = parser.parse_args()
    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)
    until = time.monotonic() + asked.minutes * 60
    name = f"seed {asked.seed}"
    known = json.loads(asked.out.read_text()) if asked.out and asked.out.exists() else {}
    total = known.get(name, {"batches": 0, "lives": 0, "counts": {}, "broken": []})
    while total["lives"] < asked.examples and time.monotonic() < until:
        total = _one_more(total, asked)
        if asked.out:
            asked.out.write_text(json.dumps(known | {name: total}, indent=1))
    counts = total["counts"]
    print(f"{name}: {total['lives']} lives of up to {_STEPS} steps")
    print("  " + ", ".join(f"{one} {counts.get(one, 0)}" for one in COUNTS))
    for problem in total["broken"]:
        print(f"  {problem}")
    return int(bool(total["broken"]))


def _one_more(total: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """A batch more; what is known after it."""
    SEEN.clear()
    number = asked.seed * 1_000_000 + total["batches"]
    broken = list(total["broken"])
    try:
        live(number, _BATCH, shrinks=asked.shrink)
    except AssertionError as error:
        problems = [one for verdict in SEEN for one in verdict.problems]
        broken.append(f"batch {number}: {'; '.join(dict.fromkeys(problems)) or error!r}")
        print("\n".join(getattr(error, "__notes__", ())), file=sys.stderr)
    counts = Counter(total["counts"])
    for verdict in SEEN:
        counts += verdict.counts
    return {"batches": total["batches"] + 1, "lives": total["lives"] + len(SEEN),
            "counts": dict(counts), "broken": broken}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
