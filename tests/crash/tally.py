"""Counts that add up over runs: one line of JSON for each round, in a file.

A campaign is a row of rounds. Each has a seed of its own, made of the campaign's and its number,
so that a run can be ended, gone on with, and lengthened; what is in the file is not run again.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Play = Callable[[str, int], Awaitable["Counter[str]"]]
"""Plays a round: its seed and how many units it has (kills, cuts); what became of the mails."""


class Tally:
    """The rounds of a campaign and seed that were played.

    Args:
        path: of the file; None to remember nothing.
    """

    def __init__(self, path: Path | None, campaign: str, seed: int) -> None:
        self._path = path
        self._key = {"campaign": campaign, "seed": seed}
        self.rounds: dict[int, Counter[str]] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        if self._key.items() <= line.items():
            self.rounds[line["round"]] = Counter(line["counts"])

    def add(self, number: int, counts: "Counter[str]") -> None:
        """Write a round down."""
        self.rounds[number] = counts
        if self._path is not None:
            line = json.dumps({**self._key, "round": number, "counts": counts})
            with self._path.open("a") as file:
                file.write(f"{line}\n")

    def total(self) -> "Counter[str]":
        """Everything together."""
        total = Counter[str]()
        for counts in self.rounds.values():
            total.update(counts)  # a sum would leave out what was never counted
        return total


def parser(document: str | None, units: str, default: int) -> argparse.ArgumentParser:
    """The command line that every campaign has."""
    line = argparse.ArgumentParser(description=(document or "").splitlines()[0])
    line.add_argument(f"--{units}", dest="units", type=int, default=default, metavar="N")
    line.add_argument("--seed", type=int, default=1)
    line.add_argument(
        "--minutes", type=float, default=math.inf, help="begin no round after so many"
    )
    line.add_argument("--counts", type=Path, help="a file to go on from and add to")
    line.add_argument("--lanes", type=int, default=1, help="rounds at the same time")
    return line


async def campaign(
    name: str, arguments: argparse.Namespace, play: Play, round_of: int
) -> "Counter[str]":
    """Play the rounds that are missing; the counts of all.

    Args:
        name: of the campaign, with all that makes its counts another's.
        arguments: of `parser`.
        play: a round.
        round_of: units of a round.
    """
    tally = Tally(arguments.counts, name, arguments.seed)
    sizes = [round_of] * (arguments.units // round_of) + [arguments.units % round_of]
    waiting = [(n, size) for n, size in enumerate(sizes) if size and n not in tally.rounds]
    until = time.monotonic() + 60 * arguments.minutes

    async def lane() -> None:
        while waiting and time.monotonic() < until:
            number, size = waiting.pop(0)
            counts = await play(f"{arguments.seed}.{number}", size)
            tally.add(number, counts)
            print(f"round {number + 1} of {len(sizes)}: {dict(counts)}", file=sys.stderr)

    async with asyncio.TaskGroup() as group:
        for _ in range(arguments.lanes):
            group.create_task(lane())
    return tally.total()


def show(counts: "Counter[str]") -> int:
    """Print the counts of a campaign; its exit code: 1 when a promise was broken."""
    for name, count in counts.items():
        print(f"{name:>34}: {count}")
    return 1 if any(counts[name] for name in BROKEN) else 0


BROKEN = ("twice", "lost", "another's", "untold")
"""What no campaign may count."""
