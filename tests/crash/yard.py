"""A yard: one daemon, clients that send again until a 250 was read, and the truth about it all.

The truth is what the simulated Fax.Plus was ordered to fax and what the relay was given. Both
outlive every daemon. A mail has a number and a document of its own, so that each fax can be
told from every other.
"""

import asyncio
import contextlib
import hashlib
import json
import random
import re
import shutil
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from tests.crash.processes import Beginner, NotStarted, Running
from tests.integration.smtp_bench import stuffed
from tests.unit.mails import TEXT, TOP, attached, mail, real_pdf

_PDF = real_pdf()
_WARM_UP_SECONDS = 60.0
_WARM_UPS = 3
SETTLE = 1.0
ADMIN = "admin@example.org"
_PATIENCE = 15.0
_TOLD_LINES = 5
_BLINK = 0.005
_SHORTLY = 0.1
_IN_HAND = ("ready", "uploaded", "intent")
_REPLY = re.compile(rb"^Message-ID: <([^@>]+)@.*?^In-Reply-To: <([^>]+)>", re.MULTILINE | re.DOTALL)
_ALERT = re.compile(rb"^Subject: Fax service: (.*?)\r?$", re.MULTILINE)
_CONFIG = """\
domains: [fax.example.com]
region: CH
state_dir: {state}
listen: [{{address: 127.0.0.1, port: 0}}]
senders: [{{networks: [127.0.0.0/8]}}]
faxplus: {{token: t, from: +41225550100, base_url: '{base_url}'}}
relay: {{host: 127.0.0.1, port: {relay}}}
admin: {admin}
sending: {{settle: {settle}s, first_poll: 300ms}}
{reader}"""


class Unexpected(Exception):
    """A client was answered something else, or nothing."""


@dataclass(slots=True)
class Wanted:
    """One mail a client wants faxed.

    Attributes:
        number: where to; no other mail goes there.
        message_id: its own.
        data: its bytes, until they were acknowledged.
        digest: of its document.
        acknowledged: whether its 250 was read.
        acknowledged_at: when, on the steady clock.
        tries: how often it was begun.
    """

    number: str
    message_id: str
    data: bytes
    digest: str
    acknowledged: bool = False
    acknowledged_at: float = 0.0
    tries: int = 0


class _Relay(Mailbox):
    """Keeps of every reply only which it is and what it answers, and what admins are told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.to_admin = 0
        self.alerts: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a reply."""
        self.to_admin += ADMIN in envelope.rcpt_tos
        self.alerts += [found[1].decode() for found in _ALERT.finditer(envelope.content)]
        if found := _REPLY.search(envelope.content):
            reply, answered = (one.decode() for one in found.groups())
            self.told[answered][reply] += 1
        return "250 OK"


@dataclass
class Yard:
    """One daemon and its world: ``async with Yard(…) as yard``.

    Attributes:
        directory: for everything of it.
        beginner: begins the daemons.
        seed: of all chance.
        plant: Python that plants a bug in every daemon.
        state: its state directory; below ``directory`` when None.
        clients: how many send at the same time.
        pause: seconds a client waits between two mails, at most.
        settle: of the configuration.
        serials: where the numbers of the mails begin.
        drains_within: seconds in which something must happen until all has come to its end.
        gaps: between these times mails were taken that the ledger was made to forget.
        is_dark: the power is cut: what the daemon says now would never have left the machine.
        answers: the codes that clients were given instead of what they hoped for.
    """

    directory: Path
    beginner: Beginner
    seed: str = "1"
    plant: str = ""
    state: Path = Path()
    clients: int = 3
    pause: float = 0.5
    settle: float = SETTLE
    serials: int = 2_000_000
    drains_within: float = 60.0
    wanted: list[Wanted] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    daemon: Running | None = None
    is_dark: bool = False
    chance: random.Random = field(init=False)

    async def __aenter__(self) -> Self:
        self.chance = random.Random(self.seed)
        if self.state == Path():
            self.state = self.directory / "state"
        self.log = self.directory / "log"
        async with contextlib.AsyncExitStack() as stack:
            self.simulator = await stack.enter_async_context(Simulator())
            self.relay = await stack.enter_async_context(_Relay())
            self._rest = stack.pop_all()
        self.simulator.provider.switches.delay = 0.02  # longer orders, more of them cut
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.daemon is not None:
            await self.kill()
        await self._rest.aclose()

    # The daemon

    def write_config(self, path: Path, state: Path) -> Path:
        """The configuration of a daemon over a state directory."""
        path.write_text(_CONFIG.format(
            state=state, base_url=self.simulator.base_url, relay=self.relay.port,
            settle=self.settle, admin=ADMIN, reader=self.beginner.reader))  # fmt: skip
        return path

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.write_config(self.directory / "mail2fax.yaml", self.state)

    async def start(self) -> None:
        """Start a daemon and wait until it takes mail.

        Raises:
            NotStarted: it ended instead.
        """
        arguments = ["serve", "--config", str(self.config)]
        daemon = await self.beginner.begin(arguments, self.log, self.plant)
        try:
            await daemon.takes_mail()
        except NotStarted:
            last = self.log.read_text().splitlines()[-_TOLD_LINES:]
            raise NotStarted("\n".join(last)) from None
        self.daemon = daemon

    async def kill(self) -> None:
        """End it without a chance to do anything."""
        if daemon := self.forget():
            await daemon.kill()
            daemon.close()

    async def stop(self) -> int | None:
        """End it as an admin does; its exit code."""
        daemon = self.forget()
        if daemon is None:
            return None
        try:
            return await daemon.stop()
        finally:
            daemon.close()

    async def ended(self) -> int | None:
        """Wait for its end without doing anything for it; its exit code."""
        assert self.daemon is not None
        code = await self.daemon.ended()
        self.forget()
        return code

    def forget(self) -> Running | None:
        """No client goes to the daemon any more."""
        daemon, self.daemon = self.daemon, None
        return daemon

    async def warm_up(self) -> None:
        """A few faxes in peace, so that later our marks are known to show up (S3)."""
        await self.start()
        async with asyncio.timeout(_WARM_UP_SECONDS):  # a daemon that ends by itself takes none
            for _ in range(_WARM_UPS):
                await self.deliver(self.next_mail())
        await self.drained()
        await asyncio.sleep(self.settle + 0.5)

    # The clients

    def next_mail(self) -> Wanted:
        """A mail with a number and a document of its own."""
        serial = len(self.wanted)
        message_id = f"{self.seed}.{serial}@crash.example.org"
        top = TOP.replace("Hello", f"crash {serial}").replace("1@example.org", message_id)
        document = _PDF + f"% {message_id}\n".encode()
        one = Wanted(
            number=f"+4144{self.serials + serial:07d}",
            message_id=message_id,
            data=mail(TEXT, attached(document), top=top),
            digest=hashlib.sha256(document).hexdigest(),
        )
        self.wanted.append(one)
        return one

    @contextlib.asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Clients that send one mail after the other, while the block runs."""
        tasks = [asyncio.create_task(self._client()) for _ in range(self.clients)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self) -> None:
        while True:
            await self.deliver(self.next_mail())
            await asyncio.sleep(self.chance.uniform(0.05, self.pause))

    async def deliver(self, one: Wanted) -> None:
        """Send a mail until its 250 was read."""
        while not one.acknowledged:
            one.tries += 1
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._send(one)
            except (OSError, Unexpected, TimeoutError) as why:
                self.answers[str(why)[:3]] += 1
                await asyncio.sleep(0.05)

    async def _send(self, one: Wanted) -> None:
        if self.daemon is None:
            raise ConnectionError
        reader, writer = await asyncio.open_connection("127.0.0.1", self.daemon.port)
        with contextlib.closing(writer):
            await _expect(reader, b"220")
            to = f"RCPT TO:<{one.number}@fax.example.com>"
            for command in ("EHLO me", "MAIL FROM:<ann@example.org>", to):
                writer.write(command.encode() + b"\r\n")
                await _expect(reader, b"250")
            writer.write(b"DATA\r\n")
            await _expect(reader, b"354")
            writer.write(stuffed(one.data) + b".\r\n")
            await _expect(reader, b"250")
            if self.is_dark:
                raise Unexpected
            one.acknowledged, one.data, one.acknowledged_at = True, b"", time.monotonic()
            writer.write(b"QUIT\r\n")
            await _expect(reader, b"221")

    async def a_while(self, shortest: float, longest: float) -> None:
        """Let things go on until any moment, or one about an order or right after a 250.

        However loaded the machine is, all three come.
        """
        if self.chance.random() < 0.5:
            await asyncio.sleep(self.chance.uniform(shortest, longest))
            return
        uploads = self.chance.random() < 0.5
        await self._grown(self._uploaded if uploads else self._acknowledged, 2 * longest)
        await asyncio.sleep(self.chance.uniform(0.0, _SHORTLY))

    async def _grown(self, count: Callable[[], int], at_most: float) -> None:
        before = count()
        for _ in range(int(at_most / _BLINK)):
            if count() > before:
                return
            await asyncio.sleep(_BLINK)

    def _uploaded(self) -> int:
        return len(self.simulator.provider.uploads)

    def _acknowledged(self) -> int:
        return sum(one.acknowledged for one in self.wanted)

    # The end and the truth

    async def finish(self) -> "Counter[str]":
        """Let everything come to its end, stop the daemon; what became of the mails."""
        unanswered = [one for one in self.wanted if not one.acknowledged]
        await asyncio.gather(*(self.deliver(one) for one in unanswered))
        self.counts["not drained"] += not await self.drained()
        await self.stop()
        return self.verdict()

    async def drained(self, *, told: bool = True) -> bool:
        """Wait until every fax has an outcome or is on hold, and is told; whether that came.

        Args:
            told: wait for the replies too.
        """
        until, last = time.monotonic() + self.drains_within, None
        while time.monotonic() < until:
            await asyncio.sleep(0.2)
            status = await self.status() if self.daemon is not None else {}
            if _is_quiet(status, told=told):
                return True
            if status != last:
                until, last = time.monotonic() + self.drains_within, status
        return False

    async def status(self) -> dict[str, dict[str, int]]:
        """How many mails, jobs, faxes and replies are in each state, by the daemon's word.

        Asked of the daemon alone: a verb would open the ledger where no daemon answers.
        """
        with contextlib.suppress(OSError, ValueError, LookupError):
            reader, writer = await asyncio.open_unix_connection(self.state / "control.sock")
            with contextlib.closing(writer):
                writer.write(b'{"command": "list"}\n')
                counts: dict[str, dict[str, int]]
                counts = json.loads(await reader.read())["result"]["counts"]
                return counts
        return {}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger while no daemon has it."""
        path = f"file:{self.state}/ledger.sqlite3?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as ledger:
            return list(ledger.execute(query))

    def note_kill(self) -> None:
        """Count a kill, and what was under way when it came."""
        states = {row[0] for row in self.rows("SELECT DISTINCT state FROM job")}
        waiting = self.rows("SELECT 1 FROM mail WHERE state = 'accepted' LIMIT 1")
        self.counts["kills"] += 1
        self.counts["with a job in flight"] += bool(states & {*_IN_HAND})
        self.counts["during an order"] += "intent" in states
        self.counts["with a mail to prepare"] += bool(waiting)

    def verdict(self) -> "Counter[str]":
        """What became of the mails whose 250 was read, by the truth.

        ``twice`` counts numbers that were faxed more than once, ``another's`` faxes with
        bytes that are not those of their mail, ``refused`` mails that were neither faxed nor
        held, which their sender was told, ``lost`` those of which nobody was told, and
        ``untold`` mails whose sender was not told how they ended. Mails that came in a gap may
        be lost and untold.
        """
        provider = self.simulator.provider
        faxed: defaultdict[str, list[list[str]]] = defaultdict(list)
        for item in provider.items:
            if not item.cancelled:
                digests = [provider.uploads[path].sha256 for path in item.order["files"]]
                faxed[item.to].append(digests)
        held = {row[0] for row in self.rows(
            "SELECT number FROM fax JOIN job_fax ON fax.id = fax_id JOIN job ON job.id = job_id "
            "WHERE job.state = 'held'")}  # fmt: skip
        kinds = dict(self.rows("SELECT id, kind FROM reply"))
        counts = self._events()
        counts.update(self.counts)
        for one in self.wanted:
            if not one.acknowledged:
                continue
            faxes = faxed[one.number]
            told = {kinds.get(reply, "") for reply in self.relay.told[one.message_id]}
            is_held, is_refused = one.number in held, "refused" in told
            is_told = bool(told & {"outcome", "held", "refused"})
            is_gone = not faxes and not is_held and not is_refused
            is_forgotten = any(since <= one.acknowledged_at < until for since, until in self.gaps)
            counts["accepted"] += 1
            counts["sent again"] += one.tries > 1
            counts["once"] += len(faxes) == 1
            counts["held"] += is_held
            counts["refused"] += not faxes and not is_held and is_refused
            counts["twice"] += len(faxes) > 1
            counts["lost"] += is_gone and not is_forgotten
            counts["lost in a gap"] += is_gone and is_forgotten
            counts["another's"] += any(digests != [one.digest] for digests in faxes)
            counts["told"] += is_told
            counts["untold"] += not is_told and not is_forgotten
            if len(faxes) > 1 or ((is_gone or not is_told) and not is_forgotten):
                self._tell_story(one)
            counts["told again"] += any(n > 1 for n in self.relay.told[one.message_id].values())
        return counts

    def _tell_story(self, one: Wanted) -> None:
        """Print what the ledger knows of a mail for which a promise was broken."""
        print(f"{one.number}, {one.message_id}, sent {one.tries} times:", file=sys.stderr)
        for row in self.rows(
            "SELECT history.at, history.subject, history.event, history.state, history.detail "
            "FROM fax JOIN history ON history.mail_id = fax.mail_id "
            f"WHERE fax.number = '{one.number}' ORDER BY history.id"
        ):
            print("  ", *row, file=sys.stderr)

    def _events(self) -> "Counter[str]":
        events = Counter(row[0] for row in self.rows("SELECT event FROM history"))
        return Counter({
            "in doubt": events["no believable answer"] + events["restart cannot vouch"],
            "hits": events["token found in a listing"],
            "settled misses": events["settled miss"],
            "copies": events["sender never read the first answer"],
        })  # fmt: skip

    def keep_log(self, where: Path) -> None:
        """Copy the daemons' log."""
        shutil.copy(self.log, where)


def _is_quiet(counts: dict[str, dict[str, int]], *, told: bool) -> bool:
    if not counts:
        return False
    on_their_way = sum(counts["fax"].get(state, 0) for state in ("pending", "ordered", "twin"))
    is_done = not counts["mail"].get("accepted") and not (told and counts["reply"].get("due"))
    return is_done and on_their_way <= counts["job"].get("held", 0)


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise Unexpected(line.decode())
        if line[3:4] != b"-":
            return
