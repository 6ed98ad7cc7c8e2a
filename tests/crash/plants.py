"""Which campaign catches which planted bug: ``python -m tests.crash.plants``; a table (F9)."""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.crash import kills, old_copies, planted, power, tally
from tests.crash.processes import Nursery
from tests.crash.sweep import order_of_promises, sweep

_SEED = "1"
_SAMPLE = 24
_PROMISES = 3  # bytes, name and row, before a 250
Campaign = Callable[[Nursery, str], Awaitable["Counter[str]"]]


async def _kills(nursery: Nursery, plant: str) -> "Counter[str]":
    return await kills.play(nursery, _SEED, 60, plant)


async def _power(nursery: Nursery, plant: str) -> "Counter[str]":
    return await power.play(nursery, "ext4", _SEED, 20, plant)


async def _snapshots(nursery: Nursery, plant: str) -> "Counter[str]":
    return await old_copies.play(nursery, _SEED, 5, ("snapshot",), plant)


async def _sweep(_nursery: Nursery, plant: str) -> "Counter[str]":
    """A sample of the sweep; a promise that is missing before the 250 counts too."""
    counts = Counter[str]()
    async with sweep(plant) as lives:
        calls = await lives.record()
        if len(order_of_promises(calls)) < _PROMISES:
            counts["missing"] = 1
        for number in range(1, len(calls), len(calls) // _SAMPLE):
            counts.update(await lives.disturbed_at(str(number)))
    return counts


_CAMPAIGNS: dict[str, Campaign] = {
    "kills": _kills, "sweep": _sweep, "power": _power, "snapshots": _snapshots,
}  # fmt: skip


async def _main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plant", action="append", choices=sorted(planted.CODE))
    wanted = parser.parse_args().plant or list(planted.CODE)
    print("|".join(["", "bug", *_CAMPAIGNS, ""]))
    uncaught = 0
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:
            for plant in wanted:
                found = [_seen(await one(nursery, plant)) for one in _CAMPAIGNS.values()]
                print("|".join(["", plant or "none", *(one or "-" for one in found), ""]))
                sys.stdout.flush()
                uncaught += bool(plant) != any(found)
    return 1 if uncaught else 0


def _seen(counts: "Counter[str]") -> str:
    names = (*tally.BROKEN, "missing", "not drained")
    return ", ".join(f"{counts[name]} {name}" for name in names if counts[name])


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
