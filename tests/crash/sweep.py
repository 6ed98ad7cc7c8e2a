"""Killed before every system call of a mail's way: ``python -m tests.crash.sweep``.

One mail goes from the first command to its told outcome, once for each call that the daemon or
its document child makes on a file of the spool or on a connection; before that call acts, both
are killed. Then the daemon is started again, the client sends until it has read a 250, and the
truth is asked: faxed once, told, with the right bytes.

With ``--error EIO`` (or ENOSPC, EROFS …) the call fails instead, once, and all later ones act: the
daemon goes on, or ends by itself with an exit code that is not 0, and is started again.
"""

import asyncio
import contextlib
import copy
import errno
import re
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mail2fax.spool import vouching
from tests.crash import planted, tally
from tests.crash.processes import Beginner, Nursery
from tests.crash.yard import Yard

_SETTLE = 0.4
_FILE_NAME = re.compile(r"[^0-9a-z]+")
_SERIALS = 3_000_000  # other numbers than those of the beginning


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: what it is called, and what it touches."""

    number: int
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Life:
    """A traced life of a daemon: its calls, and the exit code it ended with."""

    calls: list[Call]
    exit_code: int


class Sweep:
    """The lives of one mail, each from the same beginning.

    Args:
        directory: for all of them.
        beginner: begins the daemons.
        plant: Python that plants a bug in every daemon.
    """

    def __init__(self, directory: Path, beginner: Beginner, plant: str = "") -> None:
        self._directory = directory
        self._beginner = beginner
        self._plant = plant

    async def prepare(self) -> None:
        """Make the beginning: a ledger whose marks are known to show up."""
        home = self._directory / "beginning"
        home.mkdir()
        async with self._yard(home) as yard:
            await yard.warm_up()
            await yard.stop()
            self._provider = copy.deepcopy(yard.simulator.provider)

    @contextlib.asynccontextmanager
    async def _life(self, name: str) -> AsyncIterator[Yard]:
        home = self._directory / name
        shutil.copytree(self._directory / "beginning", home)
        async with self._yard(home, seed=name) as yard:
            yard.serials = _SERIALS
            _at_home(yard.state)
            yard.simulator.provider.items.extend(self._provider.items)
            yard.simulator.provider.uploads.update(self._provider.uploads)
            await yard.start()
            yield yard
        shutil.rmtree(home)

    def _yard(self, home: Path, seed: str = "beginning") -> Yard:
        return Yard(home, self._beginner, seed, self._plant, settle=_SETTLE)

    async def record(self) -> list[Call]:
        """The calls of an undisturbed life."""
        async with self._life("recorded") as yard:
            return (await self._traced(yard, "0")).calls

    async def disturbed_at(self, call: str, error: int = 0) -> "Counter[str]":
        """A life with one call that does not act; what became of its mail.

        Args:
            call: which one, see `tracer.Tracer`.
            error: what it fails with, once; 0 to kill the daemon instead.
        """
        async with self._life(f"call-{_FILE_NAME.sub('-', call)}") as yard:
            life = await self._traced(yard, call, error)
            _note(yard.counts, life, call)
            await yard.start()
            return await yard.finish()

    async def _traced(self, yard: Yard, call: str, error: int = 0) -> Life:
        """A life until it is over, or the daemon is; then there is none."""
        assert yard.daemon is not None
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.tracer",
            str(yard.daemon.pid), str(yard.state), call, str(error),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        await process.stdout.readline()
        api = yard.simulator.base_url.removesuffix("/v3").rpartition(":")[2]
        ports = {str(yard.daemon.port): "the client", api: "Fax.Plus",
                 str(yard.relay.port): "the relay"}  # fmt: skip
        lines = asyncio.create_task(process.stdout.read())
        life = asyncio.create_task(self._whole_life(yard))
        await asyncio.wait({lines, life}, return_when=asyncio.FIRST_COMPLETED)
        await yard.kill()
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await process.wait()
        calls = [_call(line, ports) for line in (await lines).decode().splitlines()]
        return Life(calls[:-1], int(calls[-1].what))

    @staticmethod
    async def _whole_life(yard: Yard) -> None:
        await yard.deliver(yard.next_mail())
        await yard.drained()


def _at_home(state: Path) -> None:
    """A copy of the beginning is to be no copy (K10): the same life goes on from there."""
    with contextlib.closing(sqlite3.connect(state / "ledger.sqlite3")) as ledger, ledger:
        place = vouching.place_of(state)
        ledger.execute("UPDATE meta SET value = ? WHERE key = 'place'", (place,))


def _note(counts: "Counter[str]", life: Life, wanted: str) -> None:
    """Count a point: which call it was, and whether the daemon ended for it."""
    names = {wanted: wanted} | {str(one.number): f"{one.name} {one.what}" for one in life.calls}
    name = names[wanted]
    counts["points"] += 1
    counts["reached"] += name in {f"{one.name} {one.what}" for one in life.calls}
    counts["ended by itself"] += life.exit_code > 0
    counts[f"at {name}"] += 1
    if life.exit_code > 0:
        counts[f"ended at {name}"] += 1


def _call(line: str, ports: dict[str, str]) -> Call:
    number, name, what = line.split(" ", 2)
    if what.startswith("tcp:"):
        what = next((ports[port] for port in what.split(":") if port in ports), "a connection")
    return Call(int(number), name, what)


def order_of_promises(calls: Sequence[Call]) -> list[str]:
    """What stands between the mail's last byte and its 250: each kind of call once, in order."""
    names = [f"{one.name} {one.what}" for one in calls]
    end = max(n for n, name in enumerate(names) if name == "write /mails/ID.eml")
    promise = names.index("sendto the client", end)
    wanted = ("fsync /mails/ID.eml", "fsync /mails", "fdatasync /ledger.sqlite3-wal")
    return [name for name in dict.fromkeys(names[end:promise]) if name in wanted]


@contextlib.asynccontextmanager
async def sweep(plant: str = "") -> AsyncIterator[Sweep]:
    """A sweep with a nursery of its own, ready to begin."""
    with tempfile.TemporaryDirectory(prefix="sweep-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        async with Nursery(directory) as nursery:
            nursery.reader = ""  # the document child is the daemon's own, and traced with it
            one = Sweep(directory, nursery, planted.CODE[plant])
            await one.prepare()
            yield one


async def _main() -> int:
    parser = tally.parser(__doc__, "points", 0)
    parser.add_argument("--plant", choices=sorted(planted.CODE), default="", help="a bug")
    parser.add_argument("--error", default="", help="fail the calls so, instead of killing")
    parser.add_argument("--show", action="store_true", help="print the calls")
    arguments = parser.parse_args()
    async with sweep(arguments.plant) as lives:
        calls = await lives.record()
        print(f"{len(calls)} calls: {dict(Counter(one.name for one in calls))}", file=sys.stderr)
        if arguments.show:
            print(*(f"{one.number} {one.name} {one.what}" for one in calls), sep="\n")
        error = getattr(errno, arguments.error) if arguments.error else 0
        arguments.units = arguments.units or len(calls)

        async def play(seed: str, _units: int) -> "Counter[str]":
            return await lives.disturbed_at(str(int(seed.rpartition(".")[2]) + 1), error)

        name = f"sweep {arguments.error} {arguments.plant}".strip()
        return tally.show(await tally.campaign(name, arguments, play, 1))


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
