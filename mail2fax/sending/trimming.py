"""Cuts comments at Fax.Plus to their token, when their mail is forgotten here (K7).

It comes after everything else a fax needs: one call after the other, given up after some tries,
and an account that does not let us edit bars nothing else.
"""

import asyncio

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import Failure, SpoolFull
from mail2fax.faxplus.client import FaxPlus
from mail2fax.spool import remarks
from mail2fax.spool.remarks import Remark
from mail2fax.spool.spool import Spool

_ROUND = 30.0
_SHORTEST_ROUND = 0.5
_AT_ONCE = 20
_AGAIN = (60.0, 600.0, 3600.0, 6 * 3600.0, 86400.0)
"""Seconds after each try until the next; after the last it is given up."""


class Trimmer:
    """Cuts comments over one account."""

    def __init__(self, spool: Spool, client: FaxPlus, clock: Clock, pace: float) -> None:
        """Remember what to use.

        Args:
            pace: seconds; shorter ones than usual let tests see it in time.
        """
        self._spool = spool
        self._client = client
        self._clock = clock
        self._round = min(_ROUND, max(_SHORTEST_ROUND, pace))

    async def run(self) -> None:
        """Cut what is due until cancelled.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        while True:
            try:
                for remark in await self._spool.do(remarks.due, self._clock.now(), _AT_ONCE):
                    await self._take_care_of(remark)
            except SpoolFull as error:
                events.spool_trouble("trimming", str(error))
            await asyncio.sleep(self._round)

    async def _take_care_of(self, remark: Remark) -> None:
        try:
            await self._cut(remark)
        except Failure as failure:
            await self._failed(remark, failure)
        else:
            await self._spool.do(remarks.done, remark)
            events.comment_cut(remark.token)

    async def _cut(self, remark: Remark) -> None:
        """Cut it where the fax stands: in the outbox, else in the archive; else there is none."""
        client = self._client.as_user(remark.user_id)
        if await client.outbox_fax(remark.fax_plus_id):
            await client.change_comment(remark.fax_plus_id, remark.token)
        elif await client.fax(remark.fax_plus_id):
            await client.change_fax(remark.fax_plus_id, remark.token, is_read=True)

    async def _failed(self, remark: Remark, failure: Failure) -> None:
        if remark.tries < len(_AGAIN):
            wait = _AGAIN[remark.tries]
            await self._spool.do(remarks.postponed, remark, self._clock.now() + wait)
            events.comment_stays(remark.token, str(failure), wait)
        else:
            await self._spool.do(remarks.done, remark)
            events.comment_stays(remark.token, str(failure), None)
