"""The real ledger, its thread replaced by a turn of the loop.

Commands, groups, transactions, savepoints and SQLite are `mail2fax.spool.ledger`'s own. What a
thread would take up when it is free is taken up a moment of virtual time later, so that the
order of things follows from the seed. At each commit a SIGKILL may fall, before it or after it.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from mail2fax.errors import SpoolBroken
from mail2fax.spool import ledger
from tests.simtime.life import LIFE, Life

AtCommit = Callable[[Life, str, frozenset[str]], None]
"""Called with ``before`` and ``after`` each commit and the names of its commands; it may end
the life."""


class SteppedLedger(ledger.Ledger):
    """A ledger without a thread.

    Attributes:
        at_commit: see `AtCommit`; one for all ledgers of a world.
        seconds: how long a commit takes.
    """

    at_commit: AtCommit = staticmethod(lambda _life, _when, _names: None)
    seconds: Callable[[], float] = staticmethod(lambda: 0.0)
    opened: "list[SteppedLedger]" = []  # noqa: RUF012 - of the world, emptied by it

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        life = LIFE.get()
        assert life is not None, "only a daemon opens a ledger"
        self.life = life
        self._under_way = False
        self._is_full, self._changes = False, 0
        event.listen(self._engine, "commit", self._finds_room)
        self._connection: Connection = self._engine.connect()
        ledger._settle_pragmas(self._connection)
        self.opened.append(self)

    @classmethod
    async def open(cls, path: Path) -> "SteppedLedger":
        """Open it; there is no thread that could not be ready."""
        return cls(path)

    def fill(self, *, full: bool) -> None:
        """The disk has no room for any commit that changes something, or has it again."""
        self._is_full = full

    def _finds_room(self, connection: Connection) -> None:
        """At a commit; without room SQLite's own error ends it.

        Raises:
            sqlite3.OperationalError: there is none.
        """
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        before, self._changes = self._changes, raw.total_changes
        if self._is_full and self._changes != before:
            raw.rollback()
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error

    def _submit(self, call: Any) -> "asyncio.Future[Any]":
        if self._failure is not None:
            raise self._failure
        self._queue.append(call)
        if not self._under_way:
            self._under_way = True
            self._loop.call_later(self.seconds(), self._turn)
        return call.future  # type: ignore[no-any-return]

    def _turn(self) -> None:
        """What the thread does when it is free."""
        self._under_way = False
        group = self._next_group() if self._queue else None
        if group is None or not self.life.alive:
            return
        names = frozenset(call.command.__name__ for call in group.calls)
        self.at_commit(self.life, "before", names)
        if self.life.alive:
            self._run(self._connection, group)
            self.at_commit(self.life, "after", names)
        if self._queue and self.life.alive:
            self._under_way = True
            self._loop.call_later(self.seconds(), self._turn)

    def _answer(self, calls: list[Any]) -> None:
        ledger._resolve_all(calls)

    def _tell_loop(self, callback: Callable[[], object]) -> None:
        callback()

    async def close(self) -> None:
        """Finish what waits, close the database."""
        while self._queue:
            self._turn()
        self.let_go()
        self.broken.cancel()

    def open_jobs(self) -> int:
        """How many jobs are on their way to Fax.Plus."""
        states = "('ready', 'uploaded', 'intent', 'in doubt')"
        query = f"SELECT count(*) FROM job WHERE state IN {states}"
        return int(self._connection.exec_driver_sql(query).scalar() or 0)

    def let_go(self) -> None:
        """Close the database; what waits is lost with the process."""
        self._failure = self._failure or SpoolBroken("the process is dead")
        self._connection.close()
        self._engine.dispose()
