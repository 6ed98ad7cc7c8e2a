"""A due mail is carried to the relay, and what became of it is a row (W1a, W7, K4)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from mail2fax import events
from mail2fax.answering import back_off
from mail2fax.answering.mailer import RelayDown
from mail2fax.answering.message import on_the_wire
from mail2fax.clock import Clock
from mail2fax.errors import PermanentFailure, SpoolError, TemporaryFailure
from mail2fax.spool import telling
from mail2fax.spool.moves import Subject
from mail2fax.spool.spool import Spool
from mail2fax.spool.troubles import Trouble

_NO_ADDRESS = "no address is left"
_DOWN_FOR = 60.0
"""Seconds without a mail taken after which the relay's failures are a trouble (S6)."""

HandOver = Callable[[bytes, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that is due.

    Attributes:
        subject: the kind of row it is.
        id: the row's.
        name: how the log calls it: a mail's reference, or the row's id.
        kind: what it tells.
        due_at: since when.
        address: which of the addresses is next.
        tries: how often that one was tried.
        counts: whether somebody is left guessing when nobody can be told.
    """

    subject: Subject
    id: str
    name: str
    kind: str
    due_at: float
    address: int
    tries: int
    counts: bool = True


class Courier:
    """Carries every mail of ours, to one address after the other."""

    def __init__(self, spool: Spool, clock: Clock, hand_over: HandOver) -> None:
        self._spool = spool
        self._clock = clock
        self._hand_over = hand_over
        self._failing_since: float | None = None

    async def carry(
        self,
        due: Due,
        addresses: Sequence[str],
        compose: Callable[[str], Awaitable[tuple[bytes, Sequence[str]]]],
    ) -> None:
        """Hand a mail to the relay, or write down why not.

        Args:
            due: the mail.
            addresses: whom it may go to, best first.
            compose: its bytes and everybody who gets it, for one of them as on the wire.

        Raises:
            SpoolError: what became of it could not be recorded.
        """
        if due.address >= len(addresses):
            await self.give_up(due, _NO_ADDRESS)
            return
        to = on_the_wire(addresses[due.address])
        if to is None:
            await self._next(due, "it is no mail address")
            return
        try:
            message, everybody = await compose(to)
            await self._hand_over(message, everybody)
        except PermanentFailure as failure:
            await self._works()
            await self._next(due, str(failure))
        except TemporaryFailure as failure:
            await (self._fails(str(failure)) if isinstance(failure, RelayDown) else self._works())
            await self.later(due, str(failure))
        except SpoolError:
            raise
        except Exception as error:  # noqa: BLE001 - one odd letter must not stop the others
            events.bug("answering", error)
            await self.later(due, "an internal error")
        else:
            await self._spool.do(telling.handed_over, due.subject, due.id, to, self._clock.now())
            events.told(due.name, due.kind, self._clock.now() - due.due_at)
            await self._works()

    async def _next(self, due: Due, why: str) -> None:
        now = self._clock.now()
        await self._spool.do(telling.next_address, due.subject, due.id, due.address + 1, now, why)

    async def later(self, due: Due, why: str) -> None:
        """The same address again after a while, if that is not for too long already."""
        now = self._clock.now()
        if back_off.is_over(due.due_at, now):
            await self.give_up(due, why)
            return
        tries = due.tries + 1
        wait = back_off.again_in(tries)
        await self._spool.do(telling.postponed, due.subject, due.id, tries, now + wait, why)
        events.reply_delayed(due.name, due.kind, why, wait)

    async def give_up(self, due: Due, why: str) -> None:
        """Nobody is told; the row says so, and the admin, who may not know it otherwise."""
        await self._spool.do(telling.undeliverable, due.subject, due.id, self._clock.now(), why)
        events.not_told(due.name, due.kind, why)
        if due.counts:
            await self._spool.alarm.began(Trouble.UNTOLD, due.name)

    async def _works(self) -> None:
        """The relay talks with us: what waits for it need not wait any longer."""
        if self._failing_since is None and Trouble.RELAY not in self._spool.alarm.lasting:
            return
        self._failing_since = None
        await self._spool.alarm.over(Trouble.RELAY)
        await self._spool.do(telling.try_now, self._clock.now())

    async def _fails(self, why: str) -> None:
        now = self._clock.now()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= _DOWN_FOR:
            await self._spool.alarm.began(Trouble.RELAY, why)
