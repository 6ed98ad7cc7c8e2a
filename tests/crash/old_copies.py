"""A past that comes back, in mid-flight: ``python -m tests.crash.old_copies --pasts 100``.

While clients go on sending, the daemon's state is put back to what it was a moment ago, or its
clock is: by ``backup`` and ``restore``, by a copy of the files, by a snapshot that leaves no
trace, by a clone that begins to live beside it, by a wall clock set back. Nothing may be faxed
twice. Mails that the past does not know may be lost; all others must be there, and the admin is
told what was put back.
"""

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.crash import planted, tally
from tests.crash.processes import Beginner, Nursery
from tests.crash.yard import Yard

_ROUND = 10
_SHORTEST, _LONGEST = 0.2, 1.5
_CLOCK = """\
import time
from pathlib import Path
from mail2fax.clock import Clock
_, steady = Clock.__init__.__defaults__
offset = float(Path({path!r}).read_text())
Clock.__init__.__defaults__ = (lambda: time.time() + offset, steady)
"""
Past = Callable[["Lives"], Awaitable[None]]


class Lives:
    """One round: a yard whose daemon is given other pasts.

    Args:
        yard: not yet entered.
    """

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self._offset = yard.directory / "offset"
        self._offset.write_text("0")
        yard.plant += _CLOCK.format(path=str(self._offset))

    async def a_while(self) -> None:
        """Let things go on."""
        await asyncio.sleep(self.yard.chance.uniform(_SHORTEST, _LONGEST))

    async def restore(self) -> None:
        """``backup`` while it runs, ``restore`` after it was killed."""
        backup = self.yard.directory / f"{time.monotonic()}.tar"
        since = time.monotonic()
        await self._verb("backup", str(backup))
        await self.a_while()
        await self.yard.kill()
        await self._verb("restore", "--force", str(backup))
        self.yard.gaps.append((since, time.monotonic()))
        self.yard.counts["put back by the verb"] += 1

    async def old_files(self) -> None:
        """A copy of all files takes their place."""
        since, aside = await self._copy()
        await self.yard.kill()
        await asyncio.to_thread(shutil.rmtree, self.yard.state)
        aside.rename(self.yard.state)
        self.yard.gaps.append((since, time.monotonic()))
        self.yard.counts["put back by a copy"] += 1

    async def snapshot(self) -> None:
        """Every file is again what it was, in its place: nothing on this machine can tell."""
        since, aside = await self._copy()
        await self.yard.kill()
        await asyncio.to_thread(_put_back_in_place, aside, self.yard.state)
        self.yard.gaps.append((since, time.monotonic()))
        self.yard.counts["put back by a snapshot"] += 1

    async def clone(self) -> None:
        """A copy begins to live elsewhere, while the first goes on."""
        _, aside = await self._copy()
        yard = self.yard
        config = yard.write_config(yard.directory / "clone.yaml", aside)
        clone = await yard.beginner.begin(["serve", "--config", str(config)], yard.log)
        with contextlib.closing(clone):
            await clone.takes_mail()
            await asyncio.sleep(3 * yard.settle)
            await clone.kill()
        await asyncio.to_thread(shutil.rmtree, aside)
        await yard.kill()
        yard.counts["cloned"] += 1

    async def clock_back(self) -> None:
        """The wall clock is an hour behind at the next start, and right again after it."""
        await self.yard.kill()
        self._offset.write_text("-3600")
        await self.yard.start()
        await self.a_while()
        await self.yard.kill()
        self._offset.write_text("0")
        self.yard.counts["clock set back"] += 1

    async def _copy(self) -> tuple[float, Path]:
        """A copy of the state while nobody writes to it; then life goes on for a while."""
        yard = self.yard
        aside = yard.directory / f"copy-{time.monotonic()}"
        await yard.kill()
        since = time.monotonic()
        await asyncio.to_thread(shutil.copytree, yard.state, aside, ignore=_no_sockets)
        await yard.start()
        await self.a_while()
        return since, aside

    async def _verb(self, name: str, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mail2fax", name, *words, "--config", str(self.yard.config),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait() != 0:
            raise RuntimeError(f"{name} failed")


PASTS: dict[str, Past] = {
    "restore": Lives.restore,
    "old files": Lives.old_files,
    "snapshot": Lives.snapshot,
    "clone": Lives.clone,
    "clock": Lives.clock_back,
}


def _no_sockets(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(directory, name).is_socket()]


def _put_back_in_place(source: Path, target: Path) -> None:
    """The bytes of one tree into the files of another, which stay where they are on disk."""
    for path in sorted(target.rglob("*"), reverse=True):
        if not (source / path.relative_to(target)).exists():
            path.rmdir() if path.is_dir() else path.unlink()
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, place)
    shutil.rmtree(source)


async def play(
    beginner: Beginner,
    seed: str,
    pasts: int,
    kinds: tuple[str, ...] = tuple(PASTS),
    plant: str = "",
) -> "Counter[str]":
    """One round; what became of its mails."""
    with tempfile.TemporaryDirectory(prefix="pasts-") as directory:
        lives = Lives(Yard(Path(directory), beginner, seed, planted.CODE[plant]))
        async with lives.yard as yard:
            await yard.warm_up()
            async with yard.load():
                for number in range(pasts):
                    if number % len(kinds) == 0:
                        turn = yard.chance.sample(kinds, len(kinds))
                    await lives.a_while()
                    await PASTS[turn[number % len(kinds)]](lives)
                    await yard.start()
            counts = await yard.finish()
            counts["told the admin"] = yard.relay.to_admin
            return counts


async def run(pasts: int, seed: int, *kinds: str, plant: str = "") -> "Counter[str]":
    """One round with a nursery of its own."""
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:
            return await play(nursery, str(seed), pasts, kinds or tuple(PASTS), plant)


async def _main() -> int:
    parser = tally.parser(__doc__, "pasts", 50)
    parser.add_argument("--kind", choices=sorted(PASTS), help="this kind alone")
    arguments = parser.parse_args()
    kinds = (arguments.kind,) if arguments.kind else tuple(PASTS)
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        async with Nursery(Path(directory)) as nursery:

            async def play_one(seed: str, pasts: int) -> "Counter[str]":
                return await play(nursery, seed, pasts, kinds)

            name = f"pasts {arguments.kind or ''}".strip()
            return tally.show(await tally.campaign(name, arguments, play_one, _ROUND))


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
