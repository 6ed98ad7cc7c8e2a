"""SIGKILL at random moments under load: ``python -m tests.crash.kills --kills 200 --seed 1``.

The real daemon as a process, clients that send again until they have read a 250, the simulated
Fax.Plus that keeps the truth. After the kills the daemon drains; then every mail whose 250 was
read is looked up in the truth. Twice and lost must be 0; the exit code says so. A bug can be
planted (``--plant``) to see that the campaign catches it.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.spool.commands import ask
from tests.integration.smtp_bench import stuffed
from tests.unit.mails import TEXT, TOP, attached, mail, real_pdf

_PDF = real_pdf()
_WARM_UPS = 3
_OPEN_JOBS = ("ready", "uploaded", "intent", "in doubt")
_PLANTS = {
    "intent forgotten": "from mail2fax.sending.dispatcher import Dispatcher\n"
    "from mail2fax.spool import finding, jobs\n"
    "from mail2fax.spool.lifecycle import JobState\n"
    "async def forget(self):\n"
    "    now = self._clock.now()\n"
    "    for job in await self._spool.do(finding.in_state, JobState.INTENT):\n"
    "        await self._spool.do(jobs.never_left, job.id, 0, 0.0, now, 'planted')\n"
    "    self._lookout.clear = True\n"
    "Dispatcher._vouch = forget\n",
    "250 early": "from mail2fax.spool.spool import Spool\nimport asyncio\n"
    "real = Spool.accept\n"
    "async def early(self, mail, file):\n"
    "    asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future("
    "real(self, mail, file)))\n"
    "    file.__class__.__exit__ = lambda *a: None\n"
    "    return mail.reference\n"
    "Spool.accept = early\n",
}  # fmt: skip


@dataclass(slots=True)
class Sent:
    """One mail a client wants faxed: its number, and whether its 250 was read."""

    number: str
    data: bytes
    acknowledged: bool = False
    tries: int = 0


@dataclass
class Campaign:
    """The state of one run."""

    seed: int
    directory: Path
    simulator: Simulator
    mailbox: Mailbox
    plant: str = ""
    port: int = 0
    sent: list[Sent] = field(default_factory=list)
    with_job: int = 0
    kills: int = 0
    process: asyncio.subprocess.Process | None = None
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    @property
    def ledger(self) -> Path:
        """The daemon's ledger."""
        return self.directory / "state" / "ledger.sqlite3"

    def write_config(self) -> Path:
        """The daemon's configuration."""
        path = self.directory / "mail2fax.yaml"
        path.write_text(
            f"domains: [fax.example.com]\nregion: CH\nstate_dir: {self.directory}/state\n"
            "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [127.0.0.0/8]}]\n"
            f"faxplus: {{token: t, from: +41225550100, base_url: '{self.simulator.base_url}'}}\n"
            f"relay: {{host: 127.0.0.1, port: {self.mailbox.port}}}\n"
            "sending: {settle: 5s, first_poll: 1s}\n"
        )
        return path

    async def start(self) -> None:
        """Start the daemon and wait until it takes mail."""
        plant = _PLANTS.get(self.plant, "")
        code = f"{plant}\nimport sys\nfrom mail2fax.cli import main\nsys.exit(main())"
        with (self.directory / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code,
                "serve", "--config", str(self.directory / "mail2fax.yaml"),
                stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        self.port = int(line.rpartition(b":")[2] or 0)
        if not self.port:
            raise RuntimeError(f"the daemon did not start, see {self.directory}/log")

    async def kill(self) -> None:
        """End it without a chance to do anything, and look whether a job was in flight."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        self.kills += 1
        self.port = 0
        self.with_job += bool(self._count("job", *_OPEN_JOBS))

    def _count(self, table: str, *states: str) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as ledger:
            marks = ",".join("?" * len(states))
            query = f"SELECT count(*) FROM {table} WHERE state IN ({marks})"
            return int(ledger.execute(query, states).fetchone()[0])

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """Rows of the ledger while no daemon has it."""
        with contextlib.closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as ledger:
            return list(ledger.execute(query))

    def next_mail(self) -> Sent:
        """A mail to a number of its own."""
        serial = len(self.sent)
        number = f"+4144{2_000_000 + serial:07d}"
        top = TOP.replace("Hello", f"kill {serial}").replace("<1@", f"<{self.seed}.{serial}@")
        one = Sent(number, mail(TEXT, attached(_PDF), top=top))
        self.sent.append(one)
        return one

    async def client(self) -> None:
        """A client that sends one mail after the other, each until its 250 was read."""
        while True:
            one = self.next_mail()
            await self.deliver(one)
            await asyncio.sleep(self.chance.uniform(0.05, 0.4))

    async def deliver(self, one: Sent) -> None:
        """Send a mail until its 250 was read."""
        while not one.acknowledged:
            one.tries += 1
            try:
                async with asyncio.timeout(10):
                    await self._send(one)
            except (OSError, EOFError, TimeoutError):
                await asyncio.sleep(0.1)

    async def _send(self, one: Sent) -> None:
        if not self.port:
            raise ConnectionError
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
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
            one.acknowledged = True
            writer.write(b"QUIT\r\n")
            await _expect(reader, b"221")

    async def drain(self, seconds: float) -> None:
        """Wait until every fax has an outcome or is on hold."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(1)
            counts = (await ask(self.ledger.parent, {"command": "list"}))["counts"]
            faxes = counts["fax"]
            waiting = sum(faxes.get(state, 0) for state in ("pending", "ordered", "twin"))
            held = counts["job"].get("held", 0)
            if not counts["mail"].get("accepted") and waiting <= held:
                return

    def report(self) -> dict[str, int]:
        """Counts of what became of the mails."""
        faxed = Counter(item.to for item in self.simulator.provider.items if not item.cancelled)
        acknowledged = {one.number for one in self.sent if one.acknowledged}
        held = {row[0] for row in self.rows(
            "SELECT number FROM fax JOIN job_fax ON fax.id = fax_id JOIN job ON job.id = job_id "
            "WHERE job.state = 'held'")}  # fmt: skip
        events = Counter(row[0] for row in self.rows("SELECT event FROM history"))
        return {
            "mails": len(self.sent),
            "acknowledged": len(acknowledged),
            "sent again": sum(one.tries > 1 for one in self.sent),
            "kills": self.kills,
            "kills with a job in flight": self.with_job,
            "once": sum(faxed[number] == 1 for number in acknowledged),
            "in doubt": events["no believable answer"] + events["restart cannot vouch"],
            "hits": events["token found in a listing"],
            "settled misses": events["settled miss"],
            "holds": len(held),
            "copies": events["sender never read the first answer"],
            "twice": sum(count > 1 for count in faxed.values()),
            "lost": sum(not faxed[number] and number not in held for number in acknowledged),
        }


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise EOFError(line)
        if line[3:4] != b"-":
            return


async def run(kills: int, seed: int, plant: str = "", clients: int = 3) -> dict[str, int]:
    """Run a campaign; what became of the mails."""
    with tempfile.TemporaryDirectory(prefix="kills-") as directory:
        async with Simulator() as simulator, Mailbox() as mailbox:
            simulator.provider.switches.delay = 0.03  # longer orders, more of them cut
            campaign = Campaign(seed, Path(directory), simulator, mailbox, plant)
            campaign.write_config()
            await campaign.start()
            for _ in range(_WARM_UPS):
                await campaign.deliver(campaign.next_mail())
            await asyncio.sleep(8)
            load = [asyncio.create_task(campaign.client()) for _ in range(clients)]
            for number in range(kills):
                await asyncio.sleep(campaign.chance.uniform(0.05, 1.2))
                await campaign.kill()
                await campaign.start()
                if sys.stderr.isatty() or number % 20 == 0:
                    print(f"kill {number + 1} of {kills}", file=sys.stderr)
            for task in load:
                task.cancel()
            unanswered = [one for one in campaign.sent if not one.acknowledged]
            await asyncio.gather(*(campaign.deliver(one) for one in unanswered))
            await campaign.drain(180)
            assert campaign.process is not None
            campaign.process.terminate()
            await campaign.process.wait()
            report = campaign.report()
            if keep := os.environ.get("KEEP_LOG"):
                await asyncio.to_thread(shutil.copy, campaign.directory / "log", keep)
            return report


def main() -> int:
    """Run from the command line; 1 when anything was sent twice or lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plant", choices=sorted(_PLANTS), default="")
    arguments = parser.parse_args()
    report = asyncio.run(run(arguments.kills, arguments.seed, arguments.plant))
    for name, count in report.items():
        print(f"{name:>28}: {count}")
    return 1 if report["twice"] or report["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
