"""Fetches Fax.Plus's own reports of faxes that ended, where somebody asked for them (W3, W6).

A reply waits for it meanwhile, so it is tried a few times and then told that there is none.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import Failure, SpoolFull, TemporaryFailure
from mail2fax.faxplus.client import FaxPlus
from mail2fax.spool import durable, fax_reports
from mail2fax.spool.fax_reports import Wanted
from mail2fax.spool.spool import Spool, Station

_ROUND = 2.0
_SHORTEST_ROUND = 0.2
_AT_ONCE = 20
_AGAIN = (5.0, 15.0, 40.0)
"""Seconds after each try until the next; after the last there is none."""
_PDF = b"%PDF-"


class Fetcher:
    """Fetches reports over one account."""

    def __init__(self, spool: Spool, client: FaxPlus, clock: Clock, pace: float) -> None:
        """Remember what to use.

        Args:
            pace: seconds; shorter ones than usual let tests see it in time.
        """
        self._spool = spool
        self._client = client
        self._clock = clock
        self._round = min(_ROUND, max(_SHORTEST_ROUND, pace))

    async def run(self, may_ask: Callable[[], bool]) -> None:
        """Fetch what is due until cancelled.

        Args:
            may_ask: whether Fax.Plus is to be asked anything at all.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        while True:
            try:
                if may_ask():
                    for report in await self._spool.do(
                        fax_reports.due, self._clock.now(), _AT_ONCE
                    ):
                        await self._take_care_of(report)
            except SpoolFull as error:
                events.spool_trouble("fetching", str(error))
            await asyncio.sleep(self._round)

    async def _take_care_of(self, report: Wanted) -> None:
        try:
            file = await self._fetch(report)
        except Failure as failure:
            await self._failed(report, failure)
        else:
            await self._over(report, file)
            events.report_fetched(f"{report.reference}/{report.ordinal}")

    async def _fetch(self, report: Wanted) -> str:
        """The name of its file, which is on disk."""
        client = self._client.as_user(report.user_id)
        content = await client.report(report.fax_plus_id)
        if not content.startswith(_PDF):
            raise TemporaryFailure("Fax.Plus answered a report that is no PDF")
        directory = self._spool.content.documents_of(report.mail_id)
        name = f"report-{report.ordinal}.pdf"
        await asyncio.to_thread(_write, directory, name, content)
        return name

    async def _failed(self, report: Wanted, failure: Failure) -> None:
        wait = _AGAIN[report.tries] if report.tries < len(_AGAIN) else None
        if wait is None:
            await self._over(report, "")
        else:
            await self._spool.do(fax_reports.postponed, report, self._clock.now() + wait)
        events.report_missing(f"{report.reference}/{report.ordinal}", str(failure), wait)

    async def _over(self, report: Wanted, file: str) -> None:
        await self._spool.do(fax_reports.over, report, file, self._clock.now())
        self._spool.bells.ring(Station.ANSWERING)


def _write(directory: Path, name: str, content: bytes) -> None:
    """Write a report, durably, because the ledger names it next (K4).

    Raises:
        SpoolFull, SpoolBroken: it is not there.
    """
    path = directory / name
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        with path.open("wb") as file:
            path.chmod(0o600)
            file.write(content)
            file.flush()
            durable.sync_file(file.fileno())
    except OSError as error:
        raise durable.spool_error(error, "writing a report") from error
    durable.sync_directory(directory)
    durable.sync_directory(directory.parent)
