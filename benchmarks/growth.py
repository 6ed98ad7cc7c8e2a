"""F6: what a mail costs the ledger with 100, 10,000 and 100,000 jobs open.

``python -m benchmarks.growth`` fills a new ledger by the daemon's own commands, jobs ready and
due, and at each size takes a hundred more mails through every step up to the order: the accept
commit, the claim and result of preparing, the look for a due job, upload, intent and order.
Each step is a transaction, committed to disk; microseconds a mail, and the ratio to the smallest.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mail2fax.spool import finding, intake, jobs, naming, preparation, standing
from mail2fax.spool.ledger import Ledger
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.migration import bring_up_to_date
from mail2fax.spool.records import NewMail
from mail2fax.values import Destination, Document, Envelope, FaxNumber, Headline, Identity

SIZES = (100, 10_000, 100_000)
_SAMPLES = 100
_GROUP = 500
_DOCUMENT = Document("1", "scan.pdf", "application/pdf", 100_000, "0" * 64, 1, "1-scan.pdf")


def new_mail(now: float) -> NewMail:
    """A mail to one number, like no other."""
    mail_id = naming.new_id(now)
    number = FaxNumber("+41225550123")
    return NewMail(
        id=mail_id,
        reference=naming.new_reference(),
        received_at=now,
        size=140_000,
        header_sha256="0" * 64,
        body_sha256=mail_id,
        digest=mail_id,
        envelope=Envelope("ann@example.org", ("+41225550123@fax.example.com",)),
        identity=Identity("senders[0]", "network", "127.0.0.0/8"),
        session=mail_id,
        headline=Headline(subject="scan"),
        destinations=(Destination(str(number), number, "with country code", "CH"),),
        reply_to=("ann@example.org",),
    )


def fill(connection: Connection, count: int) -> None:
    """So many mails more, prepared, each with a job that is ready and due."""
    now = time.time()
    mails = [new_mail(now) for _ in range(count)]
    intake.record(connection, mails)
    for mail in mails:
        preparation.prepared(connection, mail.id, [_DOCUMENT], [], "", {}, 1, now)


class Stopwatch:
    """Runs ledger commands and notes what each step took."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.took: dict[str, list[float]] = defaultdict(list)

    async def do(self, step: str, command: Callable[..., Any], *arguments: Any) -> Any:
        """One command, in seconds under the step's name."""
        started = time.perf_counter()
        result = await self._ledger.do(command, *arguments)
        self.took[step].append(time.perf_counter() - started)
        return result

    async def one_mail(self) -> None:
        """A mail's whole way through the ledger, up to its order."""
        now = time.time()
        mail = new_mail(now)
        await self.do("accept", standing.record_admitted, [mail])
        (claimed,) = await self.do("claim", preparation.claim, now, 1, 600.0)
        await self.do("prepared", preparation.prepared, claimed.id, [_DOCUMENT], [], "", {}, 1, now)
        await self.do("next due", finding.next_due_at)
        (job,) = await self.do("due", finding.due, now, 1)
        await self.do("uploaded", jobs.happened, job.id, JobEvent.UPLOADED, now)
        await self.do("intent", jobs.intended, job.id, now)
        ids = {fax.number: naming.new_id(now) for fax in job.faxes}
        await self.do("ordered", jobs.ordered, job.id, ids, now, 5.0)


async def measure(sizes: Sequence[int], samples: int) -> list[dict[str, float]]:
    """Microseconds of each step at each size, medians."""
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "ledger.sqlite3")
        bring_up_to_date(path)
        ledger = await Ledger.open(path)
        there = 0
        for size in sizes:
            while there < size:
                more = min(_GROUP, size - there)
                await ledger.do(fill, more)
                there += more
            watch = Stopwatch(ledger)
            for _ in range(samples):
                await watch.one_mail()
            medians = {step: 1e6 * statistics.median(took) for step, took in watch.took.items()}
            found.append({**medians, "in all": sum(medians.values())})
        await ledger.close()
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--samples", type=int, default=_SAMPLES)
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.sizes, arguments.samples))
    print(f"{'us a mail, jobs open':>22}" + "".join(f"{size:>12,}" for size in arguments.sizes))
    for step in found[0]:
        values = "".join(f"{one[step]:12.0f}" for one in found)
        print(f"{step:>22}{values}   ratio {found[-1][step] / found[0][step]:.2f}")


if __name__ == "__main__":
    main()
