"""Asking Fax.Plus to stop ordered faxes that a person wants stopped (W6).

Taking an item out of the outbox may be repeated harmlessly, so an answer that did not come is
asked for again. What Fax.Plus says is written down and decides nothing: only what its lists
show says whether the fax went (`outcomes.stopped`).
"""

from collections.abc import Callable

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import Failure, Fate, SpoolError, SpoolFull
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import OutboxFax
from mail2fax.spool import stops
from mail2fax.spool.naming import tokens_in
from mail2fax.spool.records import FaxToStop
from mail2fax.spool.spool import Spool, Station

_AGAIN = (2.0, 10.0, 30.0, 120.0)
_LONGEST_REST = 15.0
_ROUND = 0.2


class Stopping:
    """Asks for the faxes whose time has come, one after the other."""

    def __init__(self, spool: Spool, client: FaxPlus, clock: Clock) -> None:
        self._spool = spool
        self._client = client
        self._clock = clock

    async def run(self, may_ask: Callable[[], bool]) -> None:
        """Ask until cancelled.

        Args:
            may_ask: whether Fax.Plus may be asked anything now.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        while True:
            rest = _LONGEST_REST
            try:
                if may_ask():
                    rest = await self._ask_due()
            except SpoolFull as error:
                events.spool_trouble("sending", str(error))
            except SpoolError:
                raise
            except Exception as error:  # noqa: BLE001 - one odd item must not stop the station
                events.bug("stopping", error)
            await self._spool.bells.wait(Station.STOPPING, rest)

    async def _ask_due(self) -> float:
        """Ask for every fax that is due; seconds until there may be another."""
        for fax in await self._spool.do(stops.due, self._clock.now()):
            await self._ask(fax)
        due_at = await self._spool.do(stops.next_due_at)
        wait = _LONGEST_REST if due_at is None else due_at - self._clock.now()
        return min(max(wait, _ROUND), _LONGEST_REST)

    async def _ask(self, fax: FaxToStop) -> None:
        is_asked = False
        try:
            item = await self._item(fax)
            if item is not None and fax.together.issuperset(item.to):
                await self._spool.do(stops.asking, fax.id, self._clock.now())
                is_asked = True
            said = await self._said(fax, item)
        except Failure as failure:
            may_have_acted = is_asked and failure.fate is Fate.UNKNOWN
            await self._unanswered(fax, acted=fax.was_asked or may_have_acted)
            said = str(failure)
        else:
            await self._spool.do(stops.asked, fax.id, said, self._clock.now())
        self._spool.bells.ring(Station.LOOKING, Station.ANSWERING)
        events.stop_asked(fax.reference, said)

    async def _item(self, fax: FaxToStop) -> OutboxFax | None:
        """The fax as an item of the outbox, None if it is not there (any more)."""
        client = self._client.as_user(fax.user_id)
        return await client.outbox_fax(fax.fax_plus_id) or await self._marked(fax)

    async def _said(self, fax: FaxToStop, item: OutboxFax | None) -> str:
        """What Fax.Plus says to it, one of the words of `stops`."""
        if item is not None and not fax.together.issuperset(item.to):
            return stops.SHARED
        if item is not None and await self._client.as_user(fax.user_id).cancel(item.id):
            return stops.TAKEN
        return stops.LOST if fax.was_asked else stops.GONE

    async def _unanswered(self, fax: FaxToStop, *, acted: bool) -> None:
        now = self._clock.now()
        again = now + _AGAIN[fax.tries] if fax.tries < len(_AGAIN) else None
        await self._spool.do(stops.unanswered, fax.id, again, now, acted)

    async def _marked(self, fax: FaxToStop) -> OutboxFax | None:
        """The outbox's item with the fax's token, where it has another ID than was answered."""
        for item in await self._client.as_user(fax.user_id).outbox():
            marks = tokens_in(" ".join((item.comment_text, *item.tags)))
            if fax.token in marks and fax.number in item.to:
                return item
        return None
