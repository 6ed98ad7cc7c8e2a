"""F3: memory with 100 mails of 25 MB in flight, beside Postfix. ``python -m benchmarks.memory``.

Each server is new for each round. Memory is the PSS of all its processes, at rest and at its
peak while the mails arrive all at once; mail2fax's preparing children are counted apart, the
largest of them. Sending is paused and Postfix holds, so that both only take mail.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.figures import spread
from benchmarks.load import Client, a_mail, on_the_wire
from benchmarks.servers import Server, is_installed, mail2fax, postfix

_NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: MB at rest, in all at the peak, more than at rest, of one child; and MB/s."""

    idle: float
    peak: float
    more: float
    child: float
    speed: float


@dataclass(slots=True)
class Peaks:
    """The most memory seen."""

    own: float = 0.0
    child: float = 0.0


async def watch(server: Server, peaks: Peaks) -> None:
    """Note the peaks until cancelled."""
    while True:
        peaks.own = max(peaks.own, server.memory())
        peaks.child = max(peaks.child, server.largest_child())
        await asyncio.sleep(0.02)


async def _one_mail(server: Server, wire: bytes) -> None:
    client = await Client.at(server.port)
    await client.send(wire)
    await client.leave()


async def measure(
    running: AbstractAsyncContextManager[Server], mails: int, wire: bytes
) -> Measured:
    """One server, one round of all mails at once."""
    async with running as server:
        await _one_mail(server, wire)
        await asyncio.sleep(3.0)
        idle, peaks = server.memory(), Peaks()
        watching = asyncio.create_task(watch(server, peaks))
        started = time.perf_counter()
        await asyncio.gather(*(_one_mail(server, wire) for _ in range(mails)))
        took = time.perf_counter() - started
        await asyncio.sleep(2.0)
        watching.cancel()
    speed = mails * len(wire) / 1e6 / took
    return Measured(idle, peaks.own, peaks.own - idle, peaks.child, speed)


async def rounds(count: int, mails: int, size: int) -> None:
    """Alternate between mail2fax and Postfix, and print the medians."""
    wire = on_the_wire(a_mail(size * 1_000_000))
    found: dict[str, list[Measured]] = {"mail2fax": [], "postfix": []}
    for _ in range(count):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            directory.chmod(0o755)
            ours = mail2fax(directory / "mail2fax", _NOBODY, paused=True)
            found["mail2fax"].append(await measure(ours, mails, wire))
            peer = postfix(directory / "postfix", hold=True)
            found["postfix"].append(await measure(peer, mails, wire))
    print(f"{count} rounds of {mails} mails of {size} MB at once; MB, and MB/s")
    medians: dict[str, dict[str, float]] = {}
    for name, measured in found.items():
        for one in fields(Measured):
            figure = spread([getattr(a_round, one.name) for a_round in measured])
            medians.setdefault(name, {})[one.name] = figure.median
            print(f"  {name:>8} {one.name:>6} {figure}")
    for name in ("peak", "more", "speed"):
        ratio = medians["mail2fax"][name] / medians["postfix"][name]
        print(f"  {name}, ratio to Postfix: {ratio:.2f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=100)
    parser.add_argument("--size", type=int, default=25, help="MB of each mail")
    arguments = parser.parse_args()
    if not is_installed():
        parser.error("Postfix is not installed, or this is not root")
    asyncio.run(rounds(arguments.rounds, arguments.mails, arguments.size))


if __name__ == "__main__":
    main()
