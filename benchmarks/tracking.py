"""S5: what a look at Fax.Plus's lists costs, by faxes on their way and by the archive's size.

``python -m benchmarks.tracking`` fills a ledger with faxes that Fax.Plus has in its outbox, one
in a hundred of them due, and times a look. Beside them an archive of other people's faxes, sixty
an hour through the last day, and one order that was refused twenty hours ago, which is looked for
in the lists as well. Seconds a look, and the pages of the sent list it read; medians of the looks
after the first one, which reads everything (S4).
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection

from benchmarks.growth import new_mail
from mail2fax.clock import Clock, utc
from mail2fax.faxplus.client import FaxPlus
from mail2fax.sending.lookout import Lookout
from mail2fax.sending.pacing import SendingSettings
from mail2fax.spool import finding, intake, jobs, preparation
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.spool import Spool
from mail2fax.values import Document

SIZES = (100, 1000, 10_000)
_DUE_ONE_IN = 100
_LOOKS = 3
_GROUP = 500
_EVERY = 60.0
_SETTINGS = SendingSettings(("+41225550100",))
_DOCUMENT = Document("1", "scan.pdf", "application/pdf", 100_000, "0" * 64, 1, "1-scan.pdf")


def fill(connection: Connection, count: int, now: float) -> list[dict[str, Any]]:
    """So many faxes more that were ordered a minute ago; each as Fax.Plus shows it."""
    mails = [new_mail(now) for _ in range(count)]
    intake.record(connection, mails)
    for mail in mails:
        preparation.prepared(connection, mail.id, [_DOCUMENT], [], "", {}, 1, now)
    shown: list[dict[str, Any]] = []
    for job in finding.due(connection, now, count):
        jobs.happened(connection, job.id, JobEvent.UPLOADED, now)
        jobs.intended(connection, job.id, now)
        fax_id = job.token.removeprefix("m2f:").lower()
        poll = 0.0 if len(shown) % _DUE_ONE_IN == 0 else 300.0
        jobs.ordered(connection, job.id, {job.faxes[0].number: fax_id}, now, poll)
        shown.append(outbox_fax(fax_id, job.token, job.faxes[0].number, now))
    return shown


def refuse(connection: Connection, at: float) -> None:
    """One order that Fax.Plus refused."""
    mail = new_mail(at)
    intake.record(connection, [mail])
    preparation.prepared(connection, mail.id, [_DOCUMENT], [], "", {}, 1, at)
    (job,) = finding.due(connection, at, 1)
    jobs.happened(connection, job.id, JobEvent.UPLOADED, at)
    jobs.intended(connection, job.id, at)
    jobs.answer_lost(connection, job.id, "said no", at, at, "400")
    jobs.ended(connection, job.id, JobEvent.REFUSAL_CONFIRMED, "refused", at, "400")


def outbox_fax(fax_id: str, token: str, number: str, at: float) -> dict[str, Any]:
    """An item of the outbox."""
    submitted = f"{utc(at):%Y-%m-%d %H:%M:%S} +0000"
    return {
        "id": fax_id, "uid": "u", "status": "sending", "to": [number], "src": "+41225550100",
        "comment": {"text": f"hello\n{token}", "tags": [token]}, "files": ["/transient-1"],
        "submit_time": submitted, "send_time": submitted, "page_count": 1,
    }  # fmt: skip


def archive(now: float) -> list[dict[str, Any]]:
    """A day of other people's faxes, oldest first."""
    times = [now - 86400 + number * _EVERY for number in range(int(86400 / _EVERY))]
    return [
        {
            "id": f"{number:024x}", "owner_id": "u", "status": "success", "comment": "",
            "to": "+41445550199", "from": "+41225550100", "pages": 1, "duration": 30,
            "start_time": f"{utc(at):%Y-%m-%d %H:%M:%S}",
        }
        for number, at in enumerate(times)
    ]  # fmt: skip


class Lists:
    """Answers the two lists as Fax.Plus does, from a process of its own."""

    def __init__(self, records: Path) -> None:
        self._outbox = records.with_suffix(".outbox").read_bytes()
        self._sent: list[dict[str, Any]] = json.loads(records.read_bytes())
        self._pages = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with (
            contextlib.closing(writer),
            contextlib.suppress(ConnectionError, asyncio.IncompleteReadError),
        ):
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = self._answer(head.split(b" ", 2)[1].decode())
                length = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(length.encode() + body)
                await writer.drain()

    def _answer(self, target: str) -> bytes:
        parts = urlsplit(target)
        if parts.path == "/pages":
            pages, self._pages = self._pages, 0
            return json.dumps(pages).encode()
        if parts.path.endswith("/outbox"):
            return self._outbox
        query = {name: value[0] for name, value in parse_qs(parts.query).items()}
        self._pages += 1
        first, after = int(query["offset"]), query["after"]
        found = [record for record in self._sent if record["start_time"] >= after]
        return json.dumps({"data": {"records": found[first : first + 50]}}).encode()


@contextlib.asynccontextmanager
async def serving(records: Path) -> AsyncIterator[str]:
    """The lists in a process of their own; their base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.tracking", "--serve", str(records),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def measure(size: int) -> tuple[float, int]:
    """Seconds and pages of a look, with so many faxes on their way."""
    with tempfile.TemporaryDirectory() as directory:
        records, clock = Path(directory, "records"), Clock()
        spool = await Spool.open(Path(directory, "state"), clock)
        now = clock.now()
        await spool.do(refuse, now - 20 * 3600)
        shown: list[dict[str, Any]] = []
        while len(shown) < size:
            shown += await spool.do(fill, min(_GROUP, size - len(shown)), now - 60)
        records.write_text(json.dumps(archive(now)))
        records.with_suffix(".outbox").write_text(json.dumps({"records": shown}))
        async with serving(records) as base_url:
            client = FaxPlus(base_url, "token")
            lookout = Lookout(spool, client, _SETTINGS, clock)
            await lookout.look()
            await pages_read(base_url)
            took = []
            for _ in range(_LOOKS):
                started = time.perf_counter()
                await lookout.look()
                took.append(time.perf_counter() - started)
            pages = await pages_read(base_url)
            await client.aclose()
        await spool.close()
    return statistics.median(took), pages // _LOOKS


async def pages_read(base_url: str) -> int:
    """Pages of the sent list that were read since it was last asked."""
    port = urlsplit(base_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /pages HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    found = int(await reader.read(20))
    writer.close()
    return found


async def _serve(records: Path) -> None:
    server = await asyncio.start_server(Lists(records).serve, "127.0.0.1", 0, limit=1 << 16)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _report(sizes: Sequence[int]) -> None:
    print(f"{'on their way':>14}{'s a look':>12}{'ms a fax':>12}{'pages':>8}")
    for size in sizes:
        seconds, pages = await measure(size)
        print(f"{size:>14,}{seconds:>12.3f}{1e3 * seconds / size:>12.3f}{pages:>8}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments.serve) if arguments.serve else _report(arguments.sizes))
