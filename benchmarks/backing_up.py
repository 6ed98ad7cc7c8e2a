"""K9: how long a mail waits for its 250 while a backup is made of a large ledger.

``python -m benchmarks.backing_up --faxes 100000`` fills a ledger by the daemon's own commands,
starts the daemon on it (sending paused), lets two clients hand over small mails without a pause,
and runs ``mail2fax backup``. It prints the size of the ledger, what the backup took, and the
median and the longest wait for a 250 before it and meanwhile.
"""

import argparse
import asyncio
import logging
import smtplib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection, update

from benchmarks.growth import fill
from benchmarks.servers import write_config
from mail2fax.config import load_config
from mail2fax.daemon import Daemon
from mail2fax.spool import schema
from mail2fax.spool.ledger import Ledger
from mail2fax.spool.migration import bring_up_to_date

_GROUP = 500
_CLIENTS = 2
_BEFORE = 10.0
_MAIL = b"""From: ann@example.org\r
Subject: scan\r
Content-Type: application/pdf; name=a.pdf\r
\r
%PDF-1.4 made up\r
"""
_WAITS_FOR_EVER = "limits: {waiting: 1000000}\n"


def end(connection: Connection) -> None:
    """What was filled in is long over: nothing of it waits, and its files are gone."""
    for rows, state in (
        (schema.mail, "purged"), (schema.job, "ordered"), (schema.fax, "success"),
    ):  # fmt: skip
        connection.execute(update(rows).values(state=state))


async def filled(path: Path, faxes: int) -> None:
    """A ledger with so many faxes."""
    bring_up_to_date(path)
    ledger = await Ledger.open(path)
    for _ in range(0, faxes, _GROUP):
        await ledger.do(fill, _GROUP)
    await ledger.do(end)
    await ledger.close()


class Clients:
    """Clients that hand over one mail after the other, and note how long each 250 took."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._stopped = False
        self.waits: list[tuple[float, float]] = []

    def hand_over(self) -> None:
        """Until stopped; in a thread."""
        with smtplib.SMTP(*self._address, timeout=600) as client:
            client.ehlo("bench")
            serial = 0
            while not self._stopped:
                serial += 1
                client.mail("ann@example.org")
                client.rcpt(f"+4144{2000000 + serial}@fax.example.com")
                begun = time.perf_counter()
                code, said = client.data(_MAIL + b"%% %d\r\n" % serial)
                assert code == 250, said
                self.waits.append((begun, time.perf_counter() - begun))

    def stop(self) -> None:
        """End after the mail in hand."""
        self._stopped = True


async def measure(faxes: int) -> None:
    """Fill, start, hand over, back up; print."""
    with tempfile.TemporaryDirectory() as directory:  # TMPDIR says on which disk
        state = Path(directory, "state")
        state.mkdir(mode=0o700)
        await filled(state / "ledger.sqlite3", faxes)
        config = write_config(
            Path(directory), "http://127.0.0.1:9/v3", paused=True, more=_WAITS_FOR_EVER
        )
        size = (state / "ledger.sqlite3").stat().st_size
        print(f"a ledger of {faxes:,} faxes, {size / 1e6:.0f} MB")
        async with Daemon(load_config(config)) as daemon:
            clients = Clients(daemon.addresses[0])
            running = [asyncio.create_task(asyncio.to_thread(clients.hand_over))
                       for _ in range(_CLIENTS)]  # fmt: skip
            await asyncio.sleep(_BEFORE)
            begun = time.perf_counter()
            backup = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mail2fax", "backup", "--config", str(config),
                str(Path(directory, "backup.tar")), stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            assert await backup.wait() == 0, "the backup was not made"
            over = time.perf_counter()
            clients.stop()
            await asyncio.gather(*running)
    print(f"the backup took {over - begun:.1f} s")
    _tell("before", [took for at, took in clients.waits if at + took < begun])
    _tell("meanwhile", [took for at, took in clients.waits if begun <= at + took and at <= over])


def _tell(when: str, waits: list[float]) -> None:
    middle, longest = 1000 * statistics.median(waits), 1000 * max(waits)
    print(f"{when:>10}: {len(waits):5} mails, median {middle:.0f} ms, longest {longest:.0f} ms")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faxes", type=int, default=100_000)
    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)
    asyncio.run(measure(parser.parse_args().faxes))


if __name__ == "__main__":
    main()
