"""A whole office in simulated time: people, the daemon, the relay, Fax.Plus, and the network.

The daemon is `mail2fax.daemon`'s own: real listeners, dialogue, spool, ledger, reading,
sending and answering, over the network and clock of `VirtualLoop`. Only what would leave the
process is replaced: its ledger's thread, its reading children (the same reading, at once), its
sockets. Fax.Plus is the simulator; it keeps the truth.

Everything follows from the seed: the same one gives the same history.
"""

import asyncio
import contextlib
import functools
import gc
import os
import random
import re
import shutil
import tempfile
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

from starlette.applications import Starlette

from mail2fax import config as configuration
from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.preparing.documents import Asked, DocumentLimits, Prepared, prepare_mail
from mail2fax.simulator.app import Application
from mail2fax.simulator.mailbox import Kept, Mailbox
from mail2fax.simulator.provider import Item, Provider, Record
from mail2fax.spool import commands
from mail2fax.web.hooks import door
from tests.simtime.faults import EARLIER, Fault
from tests.simtime.ledger import SteppedLedger
from tests.simtime.life import Life
from tests.simtime.loop import VirtualLoop
from tests.simtime.wire import FaxPlusSide, call
from tests.unit.mails import TEXT, TOP, attached, mail, real_pdf

FAXPLUS = ("192.0.2.1", 80)
RELAY = ("127.0.0.1", 25)
LISTENER = ("127.0.0.1", 2525)
HOOK_SECRET = "4k9Hh2xTq7"
_ANSWERED_AT = re.compile(
    rb"^Reply-To:.*?(re\+[^@\s]+)@fax\.example\.com", re.MULTILINE | re.DOTALL
)
_BEGIN = 1_790_000_000.0
_FASTEST_DISK = "/dev/shm"
_HOUSE_EVERY, _REST, _NEVER = 900.0, 1800.0, 1e9
_RESTART = 5.0
CONFIG = """\
domains: [fax.example.com]
region: CH
listen: [{{address: 127.0.0.1, port: 2525}}]
senders: [{{networks: [127.0.0.0/8]}}]
faxplus: {{token: t, from: "+41225550100", base_url: "{url}"}}
relay: {{host: 127.0.0.1, port: 25}}
admin: admin@example.com
state_dir: {state_dir}
sending: {{{sending}}}
{site}
"""


@dataclass(frozen=True, slots=True)
class Crash:
    """When SIGKILL falls.

    Attributes:
        when: ``before`` or ``after`` a commit, or at the ``order`` that Fax.Plus has taken.
        count: at which of them, from 1.
        command: only commits that hold this command count; any when empty.
    """

    when: str
    count: int = 1
    command: str = ""


@dataclass(slots=True)
class Wanted:
    """A mail somebody sends: to whom, what, and whether its 250 was read."""

    serial: int
    numbers: tuple[str, ...]
    data: bytes
    acknowledged: bool = False
    reference: str = ""
    tries: int = 0
    notify: str = ""


class LaggingProvider(Provider):
    """The simulated account, whose lists may lag behind the truth.

    Attributes:
        lag: seconds until an order stands in any list.
    """

    lag: float = 0.0

    def outbox(self, now: float) -> list[Item]:
        """As the account shows it now."""
        return [item for item in super().outbox(now) if now >= item.created + self.lag]

    def records(self, now: float, category: str = "sent") -> list[Record]:
        """As the account shows it now."""
        found = super().records(now, category)
        return [
            record
            for record in found
            if not isinstance(record.of, Item) or now >= record.of.created + self.lag
        ]


class _Reader:
    """Reads mails as the preparing child does, in this process."""

    isolated = True

    def __init__(self, limits: DocumentLimits | None = None) -> None:
        self._limits = limits or DocumentLimits()

    async def prepare(self, path: Path, directory: Path, asked: Asked | None = None) -> Prepared:
        """See `mail2fax.preparing.children.Children`."""
        await asyncio.sleep(0.05)
        return prepare_mail(path, directory, self._limits, asked)

    async def close(self) -> None:
        """There is no child to end."""


class World:
    """``with World(seed) as world:`` builds it; `run` lets something happen in it.

    Args:
        seed: everything follows from it.
        sending: what stands in the configuration's section, such as ``on_unknown: hold``.
        url: Fax.Plus's.
        site: more of the configuration.
    """

    def __init__(
        self, seed: object, *, sending: str = "settle: 10m",
        url: str = "http://restapi.fax.test/v3", site: str = "",
    ) -> None:  # fmt: skip
        self.chance = random.Random(str(seed))
        self._ids = random.Random(f"{seed} ids")
        self._sending, self._url, self._site = sending, url, site
        self.wall_step = 0.0
        self.wanted: list[Wanted] = []
        self.plan: dict[str, deque[Fault]] = {}
        self.suffered: Counter[str] = Counter()
        self.bytes_seen: dict[str, tuple[int, int]] = {}
        self.bytes_struck: dict[str, set[int]] = {}
        self.crash_at: Crash | None = None
        self.crashes = 0
        self.crashed_in_flight = 0
        self._lives: list[tuple[Life, asyncio.Task[None]]] = []
        self._stop: asyncio.Event | None = None
        self._locks: list[int] = []
        self._applications: dict[float, Starlette] = {}

    # Building and taking down

    def __enter__(self) -> Self:
        self._undo = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            disk = _FASTEST_DISK if os.access(_FASTEST_DISK, os.W_OK) else None
            self.directory = Path(undo.enter_context(tempfile.TemporaryDirectory(dir=disk)))
            self.loop = VirtualLoop()
            undo.callback(self.loop.close)
            self.loop.network.chance = self.chance
            for target, name, value in self._replaced():
                undo.enter_context(mock.patch.object(target, name, value))
            self.provider = LaggingProvider()
            self.provider.switches.converting, self.provider.switches.sending = 20.0, 40.0
            self.loop.run_until_complete(self._furnish())
            undo.callback(self._bury)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._undo.close()

    def _replaced(self) -> Iterator[tuple[Any, str, Any]]:
        """What the process would get from outside, and chance."""
        from mail2fax import daemon  # noqa: PLC0415 - the module, beside its class
        from mail2fax.accepting import sockets  # noqa: PLC0415
        from mail2fax.answering import reporter  # noqa: PLC0415
        from mail2fax.preparing import preparer  # noqa: PLC0415
        from mail2fax.sending import dispatcher, fetching, stopping, trimming  # noqa: PLC0415
        from mail2fax.simulator import provider  # noqa: PLC0415
        from mail2fax.spool import forgetting, naming, spool  # noqa: PLC0415

        yield daemon, "children", lambda _config, _obtain: _Reader()
        yield daemon, "_HOUSE_EVERY", _HOUSE_EVERY
        yield daemon, "_CONTACTS_EVERY", _NEVER
        for station in (preparer, dispatcher, stopping, reporter, forgetting):
            yield station, "_LONGEST_REST", _REST
        for station in (fetching, trimming):
            yield station, "_ROUND", _REST
            yield station, "_SHORTEST_ROUND", _REST
        yield sockets, "listening", lambda _place: [_Socket(LISTENER)]
        yield spool, "Ledger", SteppedLedger
        yield spool, "take_lock", self._locking(spool.take_lock)
        yield SteppedLedger, "at_commit", self._at
        yield SteppedLedger, "seconds", self._commit_seconds
        yield SteppedLedger, "opened", []
        yield naming, "secrets", _Chance(self._ids)
        yield provider, "secrets", _Chance(self._ids)
        yield provider, "uuid", _Chance(self._ids)

    def _locking(self, take: Callable[[Path], int]) -> Callable[[Path], int]:
        """Take the lock, and know it: a process that dies lets go of it."""

        def take_and_know(state_dir: Path) -> int:
            self._locks.append(take(state_dir))
            return self._locks[-1]

        return take_and_know

    def _application(self, stale_by: float) -> Starlette:
        """Fax.Plus, as it was so many seconds ago."""
        if stale_by not in self._applications:
            clock = functools.partial(self._ago, stale_by)
            self._applications[stale_by] = Application(self.provider, clock=clock).asgi()
        return self._applications[stale_by]

    def _ago(self, seconds: float) -> float:
        return self.now() - seconds

    async def _furnish(self) -> None:
        self.loop.network.listen(
            FAXPLUS, lambda: FaxPlusSide(self._application, self._choose, self._heard)
        )
        self.mailbox = Mailbox(host=RELAY[0], port=RELAY[1])
        await self.mailbox.__aenter__()

    def _bury(self) -> None:
        """Let the dead rest: what was frozen by a SIGKILL is ended where it can do no harm."""
        if self.is_running:
            self.kill(count=False)
        self.loop.set_exception_handler(lambda _loop, _what: None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._thaw()
            if self.crashes:
                self._lives.clear()
                gc.collect()

    def _thaw(self) -> None:
        for life, _ in self._lives:
            life.alive = True
            for callback, args, context in life.missed:
                self.loop.call_soon(callback, *args, context=context)
            life.missed.clear()
        for _ in range(5):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            with contextlib.suppress(Exception):
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=60.0))

    # Time

    def now(self) -> float:
        """The true time, seconds since the epoch."""
        return _BEGIN + self.loop.time()

    def wall(self) -> float:
        """What the machine's clock says."""
        return self.now() + self.wall_step

    def run(self, what: Awaitable[Any]) -> Any:
        """Let something happen to its end, and time with it."""
        return self.loop.run_until_complete(what)

    def let_pass(self, seconds: float) -> None:
        """Nothing but time."""
        self.run(asyncio.sleep(seconds))

    # The daemon's lives

    def start(self) -> None:
        """Start the daemon, and wait until it takes mail, or dies of a planned SIGKILL."""
        assert not self.is_running, "it runs"
        self.run(self._start())

    async def _start(self) -> None:
        life = Life(len(self._lives) + 1)
        self._locks.clear()
        self._stop, self._died, takes = asyncio.Event(), asyncio.Event(), asyncio.Event()
        living = self.loop.create_task(self._live(self._stop, takes), context=life.context())
        self._lives.append((life, living))
        await self._first_of(living, takes)
        if living.done():
            await living

    async def _first_of(self, task: asyncio.Task[Any], *events: asyncio.Event) -> None:
        """Until this has ended, or the daemon was killed, or one of these happens."""
        waiting = [asyncio.ensure_future(one.wait()) for one in (*events, self._died)]
        await asyncio.wait({task, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def _live(self, stop: asyncio.Event, takes: asyncio.Event) -> None:
        self.daemon = Daemon(self.config(), Clock(self.wall, self.loop.time))
        async with self.daemon as daemon:
            takes.set()
            running = asyncio.ensure_future(daemon.run())
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            running.cancel()

    def sending(self, settings: str) -> None:
        """Other settings of sending, from the next start on."""
        self._sending = settings

    def config(self) -> configuration.Config:
        """The daemon's configuration."""
        path = self.directory / "mail2fax.yaml"
        text = CONFIG.format(
            url=self._url, state_dir=self.directory / "state", sending=self._sending,
            site=self._site,
        )  # fmt: skip
        path.write_text(text)
        return configuration.load_config(path, {})

    @property
    def is_running(self) -> bool:
        """Whether a daemon lives."""
        return bool(self._lives) and self._lives[-1][0].alive and not self._lives[-1][1].done()

    def put_back(self, copy: Path) -> None:
        """An earlier copy of the state directory is put back while no daemon runs."""
        state = self.directory / "state"
        shutil.rmtree(state)
        shutil.copytree(copy, state)

    def copy_state(self) -> Path:
        """A copy of the state directory, taken while no daemon runs."""
        target = Path(tempfile.mkdtemp(dir=self.directory))
        shutil.copytree(self.directory / "state", target, dirs_exist_ok=True)
        return target

    def forget_an_order(self, send: Callable[[], Wanted]) -> Wanted:
        """The daemon takes a mail and orders its fax; then its state is as before the order (S4).

        Args:
            send: sends the mail.
        """
        if self.is_running:
            self.stop()
        self.sending("settle: 10m, paused: true")
        self.start()
        wanted = send()
        self.let_pass(60.0)
        self.stop()
        copy = self.copy_state()
        self.sending("settle: 10m")
        self.start()
        self.let_pass(600.0)
        self.kill()
        self.put_back(copy)
        self.start()
        return wanted

    def stop(self) -> None:
        """SIGTERM: the daemon ends in its own time."""
        assert self._stop is not None, "none was started"
        self._stop.set()
        self.run(self._first_of(self._lives[-1][1]))

    def kill(self, *, count: bool = True) -> None:
        """SIGKILL: nothing of it runs any more, from this moment on."""
        if not self.is_running:
            return
        life = self._lives[-1][0]
        life.alive = False
        for ledger in SteppedLedger.opened:
            if ledger.life is life:
                self.crashes += count
                self.crashed_in_flight += count and bool(ledger.open_jobs())
                ledger.let_go()
        self.loop.network.dies(life)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for lock in self._locks:  # its number stays taken, for whoever closes it at the very end
            os.dup2(nothing, lock)
        os.close(nothing)
        self._locks.clear()
        self._died.set()

    def _at(self, _life: Life, when: str, names: frozenset[str]) -> None:
        crash = self.crash_at
        if crash is None or crash.when != when or (crash.command and crash.command not in names):
            return
        self.crash_at = replace(crash, count=crash.count - 1)
        if self.crash_at.count <= 0:
            self.crash_at = None
            self.kill()

    def _commit_seconds(self) -> float:
        return self.chance.choice((0.0, 0.0, 0.004, 0.03))

    # Fax.Plus

    def _choose(self, endpoint: str) -> Fault | None:
        """The next planned fault of an endpoint; ``any`` is for whatever is called next."""
        for name in (endpoint, "any"):
            waiting = self.plan.get(name)
            if waiting:
                fault = self._filled(waiting.popleft())
                self.suffered[f"{endpoint} {fault.kind}"] += 1
                if fault.side:
                    self.bytes_struck.setdefault(f"{endpoint} {fault.side}", set()).add(fault.at)
                return fault
        return None

    def _filled(self, fault: Fault) -> Fault:
        """A lie may name a fax ID that Fax.Plus gave for another order."""
        if EARLIER not in fault.body:
            return fault
        known = self.provider.items[0].id.encode() if self.provider.items else b"0" * 24
        return replace(fault, body=fault.body.replace(EARLIER, known))

    def _heard(self, endpoint: str, request: int, answer: bytes) -> None:
        longest = self.bytes_seen.get(endpoint, (0, 0))
        self.bytes_seen[endpoint] = max(request, longest[0]), max(len(answer), longest[1])
        if endpoint == "send":
            self._at(self._lives[-1][0], "order", frozenset())

    async def deliver_hook(self, path: str, body: bytes) -> None:
        """Fax.Plus, or somebody else, says that something happened (S5)."""
        if self.is_running:
            bells = self.daemon._spool.bells
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            await call(door(HOOK_SECRET, bells), head.encode() + body)

    def expect(self, fault: Fault) -> None:
        """Let the next calls of an endpoint suffer a fault."""
        waiting = self.plan.setdefault(fault.endpoint, deque())
        waiting.extend([fault] * fault.times)

    # People

    def want(self, *numbers: str, data: bytes | None = None) -> Wanted:
        """A mail that somebody is about to send."""
        serial = len(self.wanted) + 1
        one = Wanted(serial, numbers, data or self.mail(serial))
        self.wanted.append(one)
        return one

    def send(self, *numbers: str, data: bytes | None = None) -> Wanted:
        """Somebody sends a mail, again and again until its 250 was read."""
        one = self.want(*numbers, data=data)
        self.run(self.deliver(one))
        return one

    def mail(self, serial: int, *headers: str) -> bytes:
        """A mail with one PDF like no other's, and these header fields besides."""
        pdf = real_pdf() + b"%% %d\n" % serial
        top = TOP.replace("Hello", f"mail {serial}").replace("<1@", f"<{serial}@")
        top += "".join(f"{header}\n" for header in headers)
        return mail(TEXT, attached(pdf, f"scan{serial}.pdf"), top=top)

    async def deliver(self, one: Wanted) -> None:
        """Hand a mail over, again and again until its 250 was read."""
        while not one.acknowledged:
            one.tries += 1
            try:
                async with asyncio.timeout(300):
                    await self._dialogue(one)
            except (OSError, EOFError, TimeoutError):
                await asyncio.sleep(60.0)

    async def _dialogue(self, one: Wanted) -> None:
        reader, writer = await asyncio.open_connection(*LISTENER)
        with contextlib.closing(writer):
            await _said(reader, b"220")
            asked = f" NOTIFY={one.notify}" if one.notify else ""
            recipients = [f"RCPT TO:<{to}@fax.example.com>{asked}" for to in one.numbers]
            for command in ("EHLO me.example.org", "MAIL FROM:<ann@example.org>", *recipients):
                writer.write(f"{command}\r\n".encode())
                await _said(reader, b"250")
            writer.write(b"DATA\r\n")
            await _said(reader, b"354")
            stuffed = one.data.replace(b"\r\n.", b"\r\n..")
            writer.write(stuffed + b".\r\n")
            answer = await _said(reader, b"250")
            one.acknowledged, one.reference = True, answer.split()[2].decode()
            writer.write(b"QUIT\r\n")
            await _said(reader, b"221")

    def answer(self, one: Wanted, words: str) -> Wanted | None:
        """An answer of the sender's to the newest reply that can be answered; none if none can."""
        found = [_ANSWERED_AT.search(kept.content) for kept in self.told(one)]
        addresses = [match[1].decode() for match in found if match]
        if not addresses:
            return None
        top = f"From: Ann <ann@example.org>\r\nSubject: Re: mail {one.serial}\r\n"
        data = f"{top}Content-Type: text/plain\r\n\r\n{words}\r\n".encode()
        return Wanted(one.serial, (addresses[-1],), data)

    def fill_disk(self, *, full: bool) -> None:
        """The ledger finds no room for another page, or does again."""
        if self.is_running:
            SteppedLedger.opened[-1].fill(full=full)

    def told(self, one: Wanted) -> list[Kept]:
        """The replies that were handed over about a mail."""
        mark = one.reference.encode()
        return [kept for kept in self.mailbox.kept if mark in kept.content]

    def is_busy(self) -> bool:
        """Whether a fax has no outcome yet, or a reply is due."""
        counts = self.ask("list")["result"]["counts"]
        open_faxes = sum(counts["fax"].get(state, 0) for state in ("pending", "twin", "ordered"))
        return bool(open_faxes or counts["reply"].get("due") or counts["mail"].get("accepted"))

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """An operator's command to the running daemon."""
        context = self._lives[-1][0].context()
        asked = commands.carry_out(
            self.daemon._spool, {"command": command, **arguments}, "operator"
        )
        answer = self.loop.create_task(asked, context=context)
        self.run(self._first_of(answer))
        return answer.result() if answer.done() else {"error": "the daemon was killed"}


@dataclass(frozen=True, slots=True)
class _Socket:
    """A listening socket by its address alone."""

    address: tuple[str, int]

    def getsockname(self) -> tuple[str, int]:
        return self.address


class _Chance:
    """Stands where `secrets` and `uuid` are asked for something that nobody can foresee."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def randbits(self, count: int) -> int:
        return self._chance.getrandbits(count)

    def token_hex(self, count: int) -> str:
        return f"{self._chance.getrandbits(8 * count):0{2 * count}x}"

    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128), version=4)


async def _said(reader: asyncio.StreamReader, code: bytes) -> bytes:
    """The answer with this code.

    Raises:
        EOFError: another answer, or none.
    """
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise EOFError(line)
        if line[3:4] != b"-":
            return line
