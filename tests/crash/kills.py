"""SIGKILL at random moments under load: ``python -m tests.crash.kills --kills 200 --seed 1``.

Daemons are killed again and again while clients go on sending; nothing waits for quiet before
the end of a round. Then every mail whose 250 was read is looked up in the truth. The exit code
says whether one was faxed twice, lost, or its sender left guessing.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.crash import planted, tally
from tests.crash.processes import Beginner, Nursery
from tests.crash.yard import Yard

_ROUND = 100
_SHORTEST, _LONGEST = 0.05, 1.5
_ONCE_BROKEN = 10.0  # what a bug has broken may never end


async def play(beginner: Beginner, seed: str, kills: int, plant: str = "") -> "Counter[str]":
    """One round; what became of its mails."""
    with tempfile.TemporaryDirectory(prefix="kills-") as directory:
        async with Yard(Path(directory), beginner, seed, planted.CODE[plant]) as yard:
            if plant:
                yard.drains_within = _ONCE_BROKEN
            await yard.warm_up()
            async with yard.load():
                for _ in range(kills):
                    await yard.a_while(_SHORTEST, _LONGEST)
                    await yard.kill()
                    yard.note_kill()
                    await yard.start()
            return await yard.finish()


async def run(kills: int, seed: int, plant: str = "") -> "Counter[str]":
    """One round with a nursery of its own."""
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:
            return await play(nursery, str(seed), kills, plant)


async def _main() -> int:
    parser = tally.parser(__doc__, "kills", 200)
    parser.add_argument("--plant", choices=sorted(planted.CODE), default="", help="a bug")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:

            async def play_one(seed: str, kills: int) -> "Counter[str]":
                return await play(nursery, seed, kills, arguments.plant)

            name = f"kills {arguments.plant}".strip()
            return tally.show(await tally.campaign(name, arguments, play_one, _ROUND))


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
