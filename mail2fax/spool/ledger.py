"""The ledger: one SQLite database, one connection, one thread, one commit for all who wait.

A *command* is a function ``(connection, *arguments) -> result``; the modules beside this one
are the short list of them. `Ledger.do` runs a command in the ledger's own thread inside a
transaction and returns when that is **committed to disk**. Whatever waits when the thread
is free shares one transaction and so one fsync (a group is whatever waits, never a timer);
a command that fails is rolled back alone. Commands that come in crowds (`Ledger.do_together`)
are handed to one call with all their items, so that they become multi-row statements.

What it promises (K1): a journal mode that survives power loss, read back at start. What it
raises: `SpoolFull` when there is no room (the group is rolled back, nothing is half done);
`SpoolBroken` when the disk failed, after which every later call raises it too (K6).
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import Connection, event

from mail2fax.errors import SpoolBroken, SpoolError, SpoolFull

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item of a crowd

_PRAGMAS = {
    # One connection only, so no shared memory file and no second writer (trap: WAL reset).
    "locking_mode": ("EXCLUSIVE", "exclusive"),
    "journal_mode": ("WAL", "wal"),
    # NORMAL would lose the last commits in a power cut; FULL is what makes 250 true.
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    # What is deleted or overwritten is zeroes on disk (K7).
    "secure_delete": ("ON", 1),
}
_GROUP_LIMIT = 256
_BUSY = 5.0


@dataclass(slots=True)
class _Call:
    """One waiting command and the future its caller awaits."""

    command: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: "asyncio.Future[Any]"
    crowd: bool = False
    outside: bool = False
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class _Group:
    """The calls of one transaction."""

    calls: list[_Call] = field(default_factory=list)

    @property
    def is_outside(self) -> bool:
        """Whether it is the one call that runs outside of any transaction."""
        return self.calls[0].outside

    def units(self) -> list[list[_Call]]:
        """What is run together: all calls of one crowd, then each other call by itself."""
        crowds: dict[Callable[..., Any], list[_Call]] = {}
        alone: list[list[_Call]] = []
        for call in self.calls:
            if call.crowd:
                crowds.setdefault(call.command, []).append(call)
            else:
                alone.append([call])
        return [*crowds.values(), *alone]


class Ledger:
    """The open ledger. Build it with `open`; end it with `close`."""

    def __init__(self, path: Path) -> None:
        self._engine = _engine(path)
        self._queue: deque[_Call] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._ready = threading.Event()
        self._failure: SpoolError | None = None
        self._loop = asyncio.get_running_loop()
        self.broken: asyncio.Future[SpoolError] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)

    @classmethod
    async def open(cls, path: Path) -> "Ledger":
        """Open the ledger at ``path`` (its schema is in order, see `migration`).

        Raises:
            SpoolBroken: SQLite did not take the settings that make commits durable.
        """
        ledger = cls(path)
        ledger._thread.start()
        await asyncio.to_thread(ledger._ready.wait)
        if ledger._failure is not None:
            raise ledger._failure
        return ledger

    async def do(
        self,
        command: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run one command; its result once the commit is on disk.

        Raises:
            SpoolFull, SpoolBroken: nothing of it is in the ledger.
            Exception: whatever the command raised; it is rolled back alone.
        """
        assert not kwargs, "commands take positional arguments"
        result: T = await self._submit(_Call(command, args, self._loop.create_future()))
        return result

    async def do_together(
        self, command: Callable[[Connection, Sequence[I]], Sequence[T]], item: I
    ) -> T:
        """Run one item of a command that takes many at once and answers in their order.

        Raises:
            SpoolFull, SpoolBroken: nothing of it is in the ledger.
        """
        call = _Call(command, (item,), self._loop.create_future(), crowd=True)
        result: T = await self._submit(call)
        return result

    async def do_outside(
        self, command: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run what cannot be in a transaction, alone; nothing else of the ledger runs meanwhile.

        Raises:
            SpoolFull, SpoolBroken: it was not done.
        """
        assert not kwargs, "commands take positional arguments"
        call = _Call(command, args, self._loop.create_future(), outside=True)
        result: T = await self._submit(call)
        return result

    def _submit(self, call: _Call) -> "asyncio.Future[Any]":
        if self._failure is not None:
            raise self._failure
        with self._wake:
            self._queue.append(call)
            self._wake.notify()
        return call.future

    async def close(self) -> None:
        """Finish what waits, close the database."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)
        self.broken.cancel()

    def give_up(self, failure: SpoolError) -> None:
        """Nothing more can be believed: every later call raises this (K6). From any thread."""
        self._failure = failure
        self._tell_loop(lambda: None if self.broken.done() else self.broken.set_result(failure))

    # What follows runs in the ledger's thread.

    def _work(self) -> None:
        try:
            with self._engine.connect() as connection:
                _settle_pragmas(connection)
                self._ready.set()
                while group := self._next_group():
                    self._run(connection, group)
        except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, SpoolError) as error:
            self._fail(_translated(error))
        finally:
            self._ready.set()
            self._engine.dispose()

    def _next_group(self) -> _Group | None:
        with self._wake:
            while not self._queue:
                if self._closing:
                    return None
                self._wake.wait()
            return _Group(_first_of(self._queue))

    def _run(self, connection: Connection, group: _Group) -> None:
        try:
            if group.is_outside:
                _perform(connection, group.calls)
            elif not _run_all(connection, group, _plainly):
                _run_all(connection, group, _guarded)
        except Exception as error:  # noqa: BLE001 - every waiting caller must be told
            translated = _translated(error)
            for call in group.calls:
                call.error = translated
            if isinstance(translated, SpoolBroken):
                self._fail(translated)
        self._answer(group.calls)

    def _fail(self, error: Exception) -> None:
        failure = error if isinstance(error, SpoolError) else SpoolBroken(str(error))
        self.give_up(failure)
        waiting = list(self._queue)
        self._queue.clear()
        for call in waiting:
            call.error = failure
        self._answer(waiting)

    def _answer(self, calls: list[_Call]) -> None:
        self._tell_loop(lambda: _resolve_all(calls))

    def _tell_loop(self, callback: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)


def scrub(connection: Connection) -> None:
    """Bring the log into the database and empty it: its old pages hold what was forgotten (K7).

    To be run outside of a transaction.
    """
    connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _first_of(queue: deque[_Call]) -> list[_Call]:
    """Take the calls that share the next transaction, or the one that wants none."""
    taken = [queue.popleft()]
    while queue and len(taken) < _GROUP_LIMIT and not (taken[0].outside or queue[0].outside):
        taken.append(queue.popleft())
    return taken


def _resolve_all(calls: list[_Call]) -> None:
    for call in calls:
        _resolve(call)


def _resolve(call: _Call) -> None:
    if call.future.done():  # its caller was cancelled; what it asked for is done all the same
        return
    if call.error is not None:
        call.future.set_exception(call.error)
    else:
        call.future.set_result(call.result)


class _GroupFailed(Exception):
    """A command of a group failed; the whole transaction is rolled back."""


_Runner = Callable[[Connection, list[_Call]], None]


def _run_all(connection: Connection, group: _Group, run: _Runner) -> bool:
    """One transaction for a group; False when it was rolled back for one failing command.

    Commands hardly ever fail, and a savepoint for each would cost more than most of them do.
    So a group runs plainly first; a failure undoes all of it, and it runs once more, guarded.
    """
    try:
        with connection.begin():
            for calls in group.units():
                run(connection, calls)
    except _GroupFailed:
        return False
    return True


def _plainly(connection: Connection, calls: list[_Call]) -> None:
    """Run some calls; a failure of theirs fails the group."""
    try:
        _perform(connection, calls)
    except Exception as error:
        if _is_disk_trouble(error):
            raise
        raise _GroupFailed from error


def _guarded(connection: Connection, calls: list[_Call]) -> None:
    """Run some calls in a savepoint of their own, so that their failure is their own."""
    try:
        with connection.begin_nested():
            _perform(connection, calls)
    except Exception as error:
        if _is_disk_trouble(error):
            raise
        for call in calls:
            call.error = error


def _perform(connection: Connection, calls: list[_Call]) -> None:
    first = calls[0]
    if not first.crowd:
        first.result = first.command(connection, *first.arguments)
        return
    results = first.command(connection, [call.arguments[0] for call in calls])
    for call, result in zip(calls, results, strict=True):
        call.result = result


def _engine(path: Path) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        f"sqlite:///{path}", poolclass=sqlalchemy.pool.StaticPool,
        connect_args={"timeout": _BUSY}, hide_parameters=True,
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def _manual_transactions(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # pysqlite must not begin transactions on its own

    @event.listens_for(engine, "begin")
    def _begin_immediate(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _settle_pragmas(connection: Connection) -> None:
    raw = connection.connection
    for name, (wanted, expected) in _PRAGMAS.items():
        raw.execute(f"PRAGMA {name}={wanted}")
        found = raw.execute(f"PRAGMA {name}").fetchone()
        if found is None or found[0] != expected:
            raise SpoolBroken(f"the ledger did not take {name}={wanted}, it has {found}")


def _sqlite_error(error: BaseException) -> sqlite3.Error | None:
    origin = getattr(error, "orig", error)
    return origin if isinstance(origin, sqlite3.Error) else None


def _is_disk_trouble(error: BaseException) -> bool:
    if isinstance(error, SpoolError):
        return isinstance(error, (SpoolFull, SpoolBroken))
    origin = _sqlite_error(error)
    return origin is not None and not isinstance(
        origin, (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    )


def _translated(error: Exception) -> Exception:
    """SQLite's words as the spool's: full, broken, or the error itself."""
    if isinstance(error, SpoolError) or (origin := _sqlite_error(error)) is None:
        return error
    name = getattr(origin, "sqlite_errorname", "") or type(origin).__name__
    if name.startswith("SQLITE_FULL"):
        return SpoolFull(f"the ledger has no room: {name}")
    return SpoolBroken(f"the ledger failed: {name}: {origin}")
