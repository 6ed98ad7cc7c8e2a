"""What is wrong now, as the stations say it: cheap to say again, told the admin once (S6)."""

from collections.abc import Callable

from sqlalchemy import Connection

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import SpoolFull
from mail2fax.spool import troubles
from mail2fax.spool.ledger import Ledger
from mail2fax.spool.troubles import PASSING, Trouble

_STUCK_FOR = 1800.0
"""Seconds after which an order in doubt is a trouble; they are told to its sender too."""


class Alarm:
    """The troubles of a running daemon.

    Attributes:
        lasting: those that are not over, with what is known of each.
    """

    def __init__(self, ledger: Ledger, clock: Clock, ring: Callable[[], None]) -> None:
        """Take the ledger.

        Args:
            ledger: keeps the troubles.
            clock: tells when they began.
            ring: called when there may be a mail to send.
        """
        self._ledger = ledger
        self._clock = clock
        self._ring = ring
        self.lasting: dict[Trouble, str] = {}

    async def learn(self) -> None:
        """What the last run knew; what is over meanwhile shows soon."""
        self.lasting = await self._ledger.do(troubles.lasting)

    async def began(self, kind: Trouble, facts: str) -> None:
        """Something is wrong; the log has it at once, the ledger when this returns.

        On a full disk it is not recorded now: whoever sees it will say it again.
        """
        if kind not in PASSING and self.lasting.get(kind) == facts:
            return
        if kind not in self.lasting:
            events.trouble(kind, facts)
        now = self._clock.now()
        is_kept = await self._recorded(lambda ledger: troubles.began(ledger, kind, facts, now))
        if is_kept and kind not in PASSING:
            self.lasting[kind] = facts

    async def over(self, kind: Trouble) -> None:
        """It is not, or no more."""
        now = self._clock.now()
        if kind in self.lasting and await self._recorded(
            lambda ledger: troubles.over(ledger, kind, now)
        ):
            self.lasting.pop(kind, None)
            events.trouble_over(kind)

    async def look_around(self, *, short: str = "", behind: str = "") -> None:
        """What shows only when somebody looks, and what may be told by now.

        Args:
            short: in words that the largest mail finds no room on the disk; empty when it does.
            behind: the same of so much waiting that new mail is put off (L10).
        """
        await self._is(Trouble.BACKLOG, behind)
        await self._is(Trouble.DISK, short)
        stuck = await self._ledger.do(troubles.stuck, self._clock.now() - _STUCK_FOR)
        await self._is(Trouble.STUCK, troubles.listed(stuck))
        now = self._clock.now()
        await self._recorded(lambda ledger: troubles.catch_up(ledger, now))

    async def _is(self, kind: Trouble, facts: str) -> None:
        await (self.began(kind, facts) if facts else self.over(kind))

    async def _recorded(self, command: Callable[[Connection], None]) -> bool:
        """Whether it is on disk."""
        try:
            await self._ledger.do(command)
        except SpoolFull as error:
            events.spool_trouble("alarm", str(error))
            return False
        self._ring()
        return True
