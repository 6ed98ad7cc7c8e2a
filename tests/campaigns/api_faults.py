"""Every way a call to Fax.Plus can fail, in simulated time: is each fax still sent exactly once?

``python -m tests.campaigns.api_faults --count 5000 --seed 1``

A *placement* is one mail and what its calls suffer: endpoint, before, during or after Fax.Plus
acts, at one byte of the request or of the answer, with a status, a lie, a list that is empty,
full, partial or stale, a late commit, a SIGKILL. Some share an office (a *world*), so that
they meet. The daemon is the real one over a virtual clock; the simulator keeps the truth.

Promised: never twice, never lost, never the wrong number or document, nobody left without a
word, and every fax ends. Under ``on_unknown: hold`` always; under ``reconcile`` while the
provider's lists lag less than ``settle``. ``--control`` lets them lag longer, where doubling is
possible by design, and counts it.

Results add up in ``--out``; a run goes on behind the last world of its seed.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from tests.simtime.faults import Fault, Kind, Listing
from tests.simtime.network import Address
from tests.simtime.oracle import COUNTS, judge
from tests.simtime.world import FAXPLUS, HOOK_SECRET, Crash, World

PER_WORLD = 12
SETTLE = 600.0
_WARM_UPS = 3
_LONGEST = 40 * 3600.0
_STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 429, 500, 501, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_OWN = b'{"error": "refused", "description": "in our own words"}'
_JSON = {"content-type": "application/json"}
_PAGE = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"
_BODIES: tuple[tuple[bytes, dict[str, str]], ...] = (
    (_OWN, _JSON), (_PAGE, {"content-type": "text/html"}), (b"", {}), (_OWN[:20], _JSON),
    (b"[]", _JSON), (b'{"error": null}', _JSON),
)  # fmt: skip
_WAITS = ("0", "1", "30", "600", "-5", "soon", "Wed, 21 Oct 2099 07:28:00 GMT", "")
_WIRE = (
    Kind.CUT_REQUEST, Kind.STALL_REQUEST, Kind.CUT_ANSWER, Kind.END_ANSWER, Kind.STALL_ANSWER,
)  # fmt: skip
_LIES: tuple[Any, ...] = (
    {}, [], None, 7, "ok", {"ids": {}}, {"ids": None}, {"ids": []}, {"ids": "x"},
    {"ids": {"+41999999999": "0" * 24}}, {"ids": {"0225550123": "0" * 24}},
    {"ids": {"+41999999999": "EARLIER"}}, {"ids": {"ORDERED": "EARLIER"}},
    {"ids": {"ORDERED": "f" * 24}}, {"ids": {"ORDERED": None}}, {"ids": {"ORDERED": 7}},
    {"ids": {"ORDERED": ""}}, {"ids": {"ORDERED": {"id": "EARLIER"}}},
)  # fmt: skip
_SIZES = {"send": (700, 260), "upload": (1400, 260), "outbox": (300, 400), "sent": (420, 400),
          "item": (330, 500), "fax": (330, 500)}  # fmt: skip


@dataclass
class Placement:
    """One mail and what its calls suffer.

    Attributes:
        family: what it is counted as.
        crash: when SIGKILL falls, from now on.
        down: seconds until the daemon is started again, or Fax.Plus can be reached.
        outage: Fax.Plus refuses, does not answer, or has no address.
        hooks: deliveries by path and body, at any time; none of them may matter but for speed.
    """

    family: str
    faults: list[Fault] = field(default_factory=list)
    crash: Crash | None = None
    down: float = 0.0
    outage: str = ""
    hooks: list[tuple[str, bytes]] = field(default_factory=list)


def drawn(seed: str, first: int) -> list[Placement]:
    """The placements of a world, family by family, bytes walked through in steps."""
    chance = random.Random(f"{seed} places")
    numbers = range(first, first + PER_WORLD)
    return [_FAMILIES[number % len(_FAMILIES)](chance, number // len(_FAMILIES))
            for number in numbers]  # fmt: skip


def _byte(endpoint: str, kind: Kind, turn: int) -> int:
    """Each byte in turn, in steps that have no common divisor with what there is."""
    request, answer = _SIZES[endpoint]
    size = request if kind in (Kind.CUT_REQUEST, Kind.STALL_REQUEST) else answer
    return turn * 37 % (size + 1)


def _wire(endpoint: str, kind: Kind, lists_too: bool = False) -> Callable[..., Placement]:
    def placed(chance: random.Random, turn: int) -> Placement:
        faults = [Fault(kind, endpoint, at=_byte(endpoint, kind, turn))]
        if lists_too:  # a list only matters to a doubt
            faults.append(Fault(Kind.CUT_ANSWER, "send", at=chance.randrange(30)))
        return Placement(f"{endpoint}: {kind}", faults)

    return placed


def _late(chance: random.Random, turn: int) -> Placement:
    """Fax.Plus acts after the client has given up, within the settle time."""
    late = chance.uniform(1.0, SETTLE * 0.45)
    kind = chance.choice((Kind.CUT_ANSWER, Kind.STALL_ANSWER, Kind.AFTER))
    status = chance.choice((500, 502, 503, 504))
    return Placement("send: late commit", [
        Fault(kind, "send", at=turn % 7, status=status, body=_PAGE, late=late)])  # fmt: skip


def _status(endpoint: str, kind: Kind) -> Callable[..., Placement]:
    def placed(chance: random.Random, turn: int) -> Placement:
        status = (*_STATUSES, *_MOVED)[turn % (len(_STATUSES) + len(_MOVED))]
        body, headers = chance.choice(_BODIES)
        told = dict(headers)
        if status in (429, 503):
            told["retry-after"] = chance.choice(_WAITS)
        if status in _MOVED:
            told["location"] = "http://elsewhere.test/v3/accounts/self/outbox"
        times = chance.choice((1, 1, 2, 5))
        fault = Fault(kind, endpoint, status=status, body=body, headers=told, times=times)
        return Placement(f"{endpoint}: {kind} {status // 100}xx", [fault])

    return placed


def _lie(kind: Kind) -> Callable[..., Placement]:
    def placed(chance: random.Random, turn: int) -> Placement:
        body = json.dumps(_LIES[turn % len(_LIES)]).encode()
        status = chance.choice((200, 201, 201, 202, 204))
        return Placement(f"send: {kind}, 2xx that lies", [
            Fault(kind, "send", status=status, headers=_JSON, body=b"" if status == 204 else body)
        ])  # fmt: skip

    return placed


def _listing(chance: random.Random, turn: int) -> Placement:
    """A list is wrong once while a doubt is settled, or the doubt was founded."""
    how = tuple(Listing)[turn % len(Listing)]
    endpoint = ("outbox", "sent")[turn // len(Listing) % 2]
    doubt = chance.choice((Kind.CUT_ANSWER, Kind.CUT_REQUEST, Kind.STALL_ANSWER))
    stale = chance.uniform(60.0, 1200.0)
    # One that says itself that it is incomplete may do so for as long as it likes.
    times = 25 if how in (Listing.FULL, Listing.NO_ROWS) else chance.choice((1, 1, 2))
    return Placement(f"lists: {how}", [
        Fault(Kind.LISTING, endpoint, listing=how, seconds=stale, times=times),
        Fault(doubt, "send", at=chance.randrange(40)),
    ])  # fmt: skip


def _crash(chance: random.Random, turn: int) -> Placement:
    when = chance.choice(("before", "after"))
    faults = []
    if turn % 2:
        faults.append(Fault(chance.choice(_WIRE), "send", at=chance.randrange(700)))
    return Placement(
        "SIGKILL", faults, Crash(when, 1 + turn % 40), chance.choice((1.0, 30.0, 4000.0))
    )


def _crash_in_call(chance: random.Random, turn: int) -> Placement:
    """SIGKILL while the order is with Fax.Plus: it acts, and the process is gone."""
    late = chance.uniform(0.1, 200.0)
    fault = Fault(Kind.STALL_ANSWER, "send", at=0, late=late)
    return Placement("SIGKILL in the order", [fault], Crash("order"), chance.uniform(1.0, 900.0))


def _outage(chance: random.Random, turn: int) -> Placement:
    what = ("refused", "unreachable", "no name")[turn % 3]
    return Placement(f"outage: {what}", outage=what, down=chance.uniform(30.0, 5400.0))


def _hooks(chance: random.Random, turn: int) -> Placement:
    """Deliveries that are doubled, forged, garbage or nobody's, around an order in doubt."""
    lie = json.dumps({"hook": {"event": "fax_sent"}, "data": {"status": "success", "id": "x"}})
    bodies = (lie.encode(), b"", b"{", b"x" * 70_000, lie.encode() * 2)
    paths = (f"/hooks/{HOOK_SECRET}", "/hooks/guess", f"/{HOOK_SECRET}/x", "/")
    hooks = [(chance.choice(paths), chance.choice(bodies)) for _ in range(chance.randrange(1, 30))]
    faults = [Fault(chance.choice(_WIRE), "send", at=turn % 300)] if turn % 2 else []
    return Placement("hooks", faults, hooks=hooks)


def _everything(chance: random.Random, turn: int) -> Placement:
    """Several at once, as bad days have it."""
    faults = []
    for endpoint in chance.sample(sorted(_SIZES), chance.randrange(2, 5)):
        kind = chance.choice((*_WIRE, Kind.INSTEAD))
        status = chance.choice(_STATUSES)
        body, headers = chance.choice(_BODIES)
        at = chance.randrange(sum(_SIZES[endpoint]))
        faults.append(Fault(kind, endpoint, at=at, status=status, body=body, headers=headers))
    crash = Crash(chance.choice(("before", "after")), chance.randrange(1, 60)) if turn % 2 else None
    return Placement("several at once", faults, crash, chance.choice((1.0, 600.0)))


_FAMILIES: tuple[Callable[[random.Random, int], Placement], ...] = (
    *(_wire("send", kind) for kind in _WIRE),
    *(_wire("upload", kind) for kind in _WIRE),
    *(_wire(one, Kind.CUT_ANSWER, lists_too=True) for one in ("outbox", "sent")),
    *(_wire(one, Kind.END_ANSWER) for one in ("item", "fax")),
    *(_status(one, Kind.INSTEAD) for one in ("send", "upload", "outbox", "sent", "fax")),
    _status("send", Kind.AFTER),
    _lie(Kind.INSTEAD), _lie(Kind.AFTER), _late, _listing, _listing,
    _crash, _crash, _crash_in_call, _outage, _hooks, _everything, _everything,
)  # fmt: skip


# One office


class Office:
    """One world with some placements in it.

    Args:
        seed: of its chance.
        policy: ``hold`` or ``reconcile``.
        places: what its mails suffer, one after the other.
        lag: seconds by which Fax.Plus's lists lag; drawn below the settle time when None.
    """

    def __init__(
        self, seed: str, policy: str, places: Sequence[Placement], lag: float | None = None
    ) -> None:
        self._chance = random.Random(seed)
        self._places = places
        self._lag = self._chance.uniform(0.0, SETTLE * 0.45) if lag is None else lag
        self._revive_in = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.families: Counter[str] = Counter()
        sending = f"on_unknown: {policy}, settle: 10m, hold_for: 2h"
        self.world = World(seed, sending=sending)

    def run(self) -> "Result":
        """Everything that happens in it, to the end; then the judgement."""
        with self.world as world:
            world.start()
            for _ in range(_WARM_UPS):
                self._send(1)
            world.let_pass(SETTLE * 2 + 300.0)
            world.provider.lag = self._lag
            for placement in self._places:
                self._place(placement)
                world.let_pass(self._chance.expovariate(1 / 500.0))
                self._revive()
            self._end()
            verdict = judge(world)
            return Result(
                verdict.counts, verdict.problems, self.families, world.suffered,
                world.crashes, world.crashed_in_flight, _struck(world),
            )  # fmt: skip

    def _send(self, numbers: int) -> None:
        serial = len(self.world.wanted) + 1
        to = [f"+4144{2000000 + 10 * serial + n}" for n in range(numbers)]
        self.world.send(*to)

    def _place(self, placement: Placement) -> None:
        world = self.world
        self.families[placement.family] += 1
        for fault in placement.faults:
            world.expect(fault)
        if placement.outage:
            self._cut_off(placement)
        for path, body in placement.hooks:
            asked = world.deliver_hook(path, body)
            self._later(self._chance.uniform(0.0, 900.0), asked)
        world.crash_at = placement.crash
        self._revive_in = placement.down
        waiting = world.loop.create_task(self._client())
        world.let_pass(30.0)
        self._revive()
        world.run(waiting)

    def _later(self, seconds: float, what: Coroutine[Any, Any, None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await what

        self._tasks.add(self.world.loop.create_task(wait()))

    async def _client(self) -> None:
        serial = len(self.world.wanted) + 1
        numbers = self._chance.choice((1, 1, 1, 2, 3))
        to = [f"+4144{2000000 + 10 * serial + n}" for n in range(numbers)]
        await self.world.deliver(self.world.want(*to))

    def _cut_off(self, placement: Placement) -> None:
        network, place = self.world.loop.network, FAXPLUS
        addresses: dict[str, set[Address]] = {
            "refused": network.refused, "unreachable": network.unreachable,
        }  # fmt: skip
        if placement.outage == "no name":
            network.dns_down = True
        else:
            addresses[placement.outage].add(place)
        self.world.loop.call_later(placement.down, self._reconnect)

    def _reconnect(self) -> None:
        network = self.world.loop.network
        network.dns_down = False
        network.refused.discard(FAXPLUS)
        network.unreachable.discard(FAXPLUS)

    def _revive(self) -> None:
        """Start the daemon again when it was killed."""
        if not self.world.is_running:
            self.world.let_pass(self._revive_in)
            self.world.start()

    def _end(self) -> None:
        """Let everything come to its end."""
        world = self.world
        world.crash_at = None
        passed = 0.0
        while passed < _LONGEST:
            self._revive()
            if passed > 1800.0 and not world.is_busy():
                break
            world.let_pass(1800.0)
            passed += 1800.0
        world.stop()


@dataclass
class Result:
    """What one office adds to the whole."""

    counts: Counter[str]
    problems: list[str]
    families: Counter[str]
    suffered: Counter[str]
    kills: int
    kills_in_flight: int
    struck: dict[str, "Struck"]


class Struck(TypedDict):
    """Which bytes of an endpoint's requests or answers were the one at which a call failed.

    ``places`` has a bit for each, in hexadecimal; ``size`` is the longest that was seen.
    """

    places: str
    size: int


def _struck(world: World) -> dict[str, Struck]:
    """By endpoint and side, such as ``send request``."""
    found: dict[str, Struck] = {}
    for name, places in world.bytes_struck.items():
        endpoint, _, side = name.partition(" ")
        size = world.bytes_seen.get(endpoint, (0, 0))[side == "answer"]
        found[name] = Struck(places=f"{sum(1 << place for place in places):x}", size=size)
    return found


def _joined(one: dict[str, Struck], other: dict[str, Struck]) -> dict[str, Struck]:
    """What was struck in either."""
    result = dict(one)
    for name, more in other.items():
        known = one.get(name, Struck(places="0", size=0))
        places = int(known["places"], 16) | int(more["places"], 16)
        result[name] = Struck(places=f"{places:x}", size=max(known["size"], more["size"]))
    return result


def _in_words(struck: dict[str, Struck]) -> str:
    """Such as ``send: request 812 of 901 bytes, answer 300 of 310``."""
    sides: dict[str, list[str]] = {}
    for name, one in sorted(struck.items(), reverse=True):
        endpoint, _, side = name.partition(" ")
        among = int(one["places"], 16) & ((1 << one["size"]) - 1)
        sides.setdefault(endpoint, []).append(f"{side} {among.bit_count()} of {one['size']}")
    return "; ".join(f"{endpoint}: {', '.join(told)} bytes" for endpoint, told in sides.items())


# The command


def run(seed: str, policy: str, first: int, *, control: bool = False) -> dict[str, Any]:
    """The world that begins with this placement; what it adds."""
    name = f"{seed} {policy} {first}"
    result = Office(name, policy, drawn(name, first), 3 * SETTLE if control else None).run()
    return {
        "next": first + PER_WORLD, "placements": PER_WORLD, "worlds with problems":
        int(bool(result.problems)), "kills": result.kills,
        "kills with a job in flight": result.kills_in_flight, "counts": result.counts,
        "families": result.families, "suffered": result.suffered, "struck": result.struck,
        "problems": [f"{name}: {one}" for one in result.problems],
    }  # fmt: skip


def main() -> int:
    """Run from the command line; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--policy", choices=("hold", "reconcile", "both"), default="both")
    parser.add_argument("--control", action="store_true", help="lists lag longer than settle")
    parser.add_argument("--out", type=Path, help="add the counts to this file")
    asked = parser.parse_args()
    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)  # faults are what it is about
    policies = ("hold", "reconcile") if asked.policy == "both" else (asked.policy,)
    share = asked.count // len(policies), asked.minutes * 60 / len(policies)
    broken = [_campaign(asked, policy, *share) for policy in policies]
    return int(any(broken))


def _campaign(asked: argparse.Namespace, policy: str, count: int, seconds: float) -> bool:
    """One policy's share, world after world; whether a promise was broken."""
    name = f"{policy}{' control' if asked.control else ''}, seed {asked.seed}"
    until = time.monotonic() + seconds
    total = _known(asked.out).get(name, {"next": 0, "placements": 0})
    while total["placements"] < count and time.monotonic() < until:
        total = _added(total, run(asked.seed, policy, total["next"], control=asked.control))
        if asked.out:
            known = _known(asked.out) | {name: total}
            asked.out.write_text(json.dumps(known, indent=1, sort_keys=True))
    _tell(name, total)
    return bool(total.get("problems")) and not asked.control


def _known(out: Path | None) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(out.read_text()) if out and out.exists() else {}
    return known


def _added(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    result = before | {"next": more["next"]}
    for key, value in more.items():
        if key == "struck":
            result[key] = _joined(before.get(key, {}), value)
        elif isinstance(value, Counter):
            result[key] = dict(Counter(before.get(key, {})) + value)
        elif key != "next":
            result[key] = before.get(key, type(value)()) + value
    return result


def _tell(name: str, total: dict[str, Any]) -> None:
    counts = total.get("counts", {})
    kills = f"{total.get('kills', 0)} kills, {total.get('kills with a job in flight', 0)} of them"
    print(f"{name}: {total['placements']} placements, {kills} with a job in flight")
    print("  " + ", ".join(f"{one} {counts.get(one, 0)}" for one in COUNTS))
    others = sorted(one for one in counts if one not in COUNTS)
    print("  " + ", ".join(f"{one} {counts[one]}" for one in others))
    print(f"  cut or stalled at {_in_words(total.get('struck', {}))}")
    for problem in total.get("problems", []):
        print(f"  {problem}")


if __name__ == "__main__":
    sys.exit(main())
