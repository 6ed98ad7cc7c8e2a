"""Power cuts under load: ``python -m tests.crash.power --fs ext4 --cuts 200 --seed 1``.

The state directory lies on a file system of its own. At random moments its power is cut, the
daemon killed (at once, or after it has met the dead disk for a while), the file system mounted
again and the daemon started. What was answered 250 must be there, and be faxed once.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import get_args

from tests.crash import planted, tally
from tests.crash.disks import Disk, FileSystem
from tests.crash.processes import Beginner, Nursery, Program
from tests.crash.yard import Yard

_ROUND = 50
_SHORTEST, _LONGEST = 0.05, 1.2
_ON_A_DEAD_DISK = 0.2
_EATMYDATA = "eatmydata"


async def play(
    beginner: Beginner, fs: FileSystem, seed: str, cuts: int, plant: str = ""
) -> "Counter[str]":
    """One round; what became of its mails."""
    with (
        tempfile.TemporaryDirectory(prefix="power-") as name,
        Disk(fs, directory := Path(name)) as disk,
    ):
        state, code = disk.where / "state", planted.CODE.get(plant, "")
        async with Yard(directory, beginner, seed, code, state) as yard:
            await yard.warm_up()
            async with yard.load():
                for _ in range(cuts):
                    await yard.a_while(_SHORTEST, _LONGEST)
                    await _cut(yard, disk)
                    await yard.start()
            return await yard.finish()


async def _cut(yard: Yard, disk: Disk) -> None:
    """Cut the power, let it come back.

    An fsync that is under way when the file system goes down may return without an error though
    nothing is durable (seen on ext4 and XFS with nothing but fdatasync). A real cut would let
    nobody hear of it; so no client does.
    """
    yard.is_dark = True
    await asyncio.to_thread(disk.cut)
    if yard.chance.random() < 0.5:
        await asyncio.sleep(yard.chance.uniform(0, _ON_A_DEAD_DISK))
    await yard.kill()
    yard.is_dark = False
    await asyncio.to_thread(disk.come_back)
    yard.note_kill()


async def run(fs: FileSystem, cuts: int, seed: int, plant: str = "") -> "Counter[str]":
    """One round with what begins its daemons."""
    if plant == _EATMYDATA:  # every fsync does nothing, in SQLite too
        return await play(Program(_EATMYDATA), fs, str(seed), cuts)
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:
            return await play(nursery, fs, str(seed), cuts, plant)


async def _main() -> int:
    parser = tally.parser(__doc__, "cuts", 200)
    parser.add_argument("--fs", choices=get_args(FileSystem), default="ext4")
    parser.add_argument("--plant", choices=[*sorted(planted.CODE), _EATMYDATA], default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:
            beginner = Program(_EATMYDATA) if arguments.plant == _EATMYDATA else nursery

            async def play_one(seed: str, cuts: int) -> "Counter[str]":
                return await play(beginner, arguments.fs, seed, cuts, arguments.plant)

            name = f"power {arguments.fs} {arguments.plant}".strip()
            return tally.show(await tally.campaign(name, arguments, play_one, _ROUND))


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
