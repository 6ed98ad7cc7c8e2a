"""The spool: where the stations meet. It owns the state directory while it is open.

Stations ask it to run ledger commands (`do`), hand it new mails (`accept`), find content by
mail id (`content`), and wait for work (`bells`). A bell only says "look": whoever misses one
finds the work at the next look, because the work itself is in the ledger.
"""

import asyncio
import fcntl
import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from mail2fax.clock import Clock
from mail2fax.errors import NotAdmitted, SpoolError, SpoolFull, SpoolLocked
from mail2fax.spool import backlog, frozen, intake, ledger, notices, preparation, schema, standing
from mail2fax.spool.content import Content, MailFile
from mail2fax.spool.durable import spool_error
from mail2fax.spool.ledger import Ledger
from mail2fax.spool.lifecycle import FORGOTTEN_MAILS
from mail2fax.spool.migration import bring_up_to_date
from mail2fax.spool.notices import Refusal
from mail2fax.spool.records import NewMail

P = ParamSpec("P")
T = TypeVar("T")

LEDGER = "ledger.sqlite3"
"""The ledger's name below ``state_dir``."""
_SYNC_THREADS = 8
_CLOCK_TOLERANCE = 60.0
_MACHINE_ID = Path("/etc/machine-id")


class Station(StrEnum):
    """Who waits for a bell."""

    PREPARING = "preparing"
    SENDING = "sending"
    ANSWERING = "answering"


class Bells:
    """One bell per station; ringing one that nobody waits for is remembered once."""

    def __init__(self) -> None:
        self._events = {station: asyncio.Event() for station in Station}

    def ring(self, *stations: Station) -> None:
        """There may be work for these stations."""
        for station in stations or tuple(Station):
            self._events[station].set()

    async def wait(self, station: Station, at_most: float) -> None:
        """Until the bell rings, ``at_most`` so many seconds."""
        event = self._events[station]
        try:
            async with asyncio.timeout(at_most):
                await event.wait()
        except TimeoutError:
            return
        finally:
            event.clear()


class Spool:
    """An open state directory. Build it with `open`, end it with `close`.

    Attributes:
        state_dir: the state directory.
        content: the files.
        bells: the stations' bells.
        suspect: why the ledger cannot vouch for what was posted (K10, S4): the wall clock
            went back or this is another machine. Empty when it can.
        content_at_rest: held while files of content go, or are copied.
        frozen: the names that are frozen, for a first look; the ledger decides (L8).
        waiting: about how many mails and faxes are still to be prepared or ordered (L10).
    """

    def __init__(
        self, lock: int, state_dir: Path, content: Content, opened: Ledger, clock: Clock
    ) -> None:
        self._lock = lock
        self._ledger = opened
        self.state_dir = state_dir
        self._clock = clock
        self._syncers = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="sync")
        self.content = content
        self.bells = Bells()
        self.suspect = ""
        self.content_at_rest = asyncio.Lock()
        self.frozen: frozenset[str] = frozenset()
        self.waiting = 0

    @classmethod
    async def open(cls, state_dir: Path, clock: Clock) -> "Spool":
        """Take the state directory, creating what is missing.

        Raises:
            SpoolLocked: another process has it.
            LedgerTooNew: a newer version of mail2fax wrote it.
            SpoolBroken: the disk does not do what it must.
        """
        lock = _take_lock(state_dir)
        try:
            path = state_dir / LEDGER
            await asyncio.to_thread(bring_up_to_date, path)
            spool = cls(lock, state_dir, Content(state_dir), await Ledger.open(path), clock)
        except BaseException:
            os.close(lock)
            raise
        await spool._settle_in()
        return spool

    async def _settle_in(self) -> None:
        now = self._clock.now()
        self.suspect = await self._ledger.do(_check_in, now, _machine_id())
        await self._ledger.do(intake.sessions_lost, now)
        await self._ledger.do(preparation.forget_leases)
        await self.learn_frozen()
        await self.count_waiting()
        known = await self._ledger.do(_mails_with_content)
        await asyncio.to_thread(self.content.sweep, known)

    def now(self) -> float:
        """Seconds since the epoch, on the clock the spool was opened with."""
        return self._clock.now()

    async def close(self) -> None:
        """Finish what waits, close the ledger, free the directory."""
        await self._ledger.close()
        self._syncers.shutdown()
        os.close(self._lock)

    async def failed(self) -> SpoolError:
        """Wait until the disk fails for good (K6); never returns while all is well."""
        return await asyncio.shield(self._ledger.broken)

    async def do(
        self,
        command: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a ledger command; its result once it is on disk.

        When the disk is full the reserve is given up for work in hand, once (K6).

        Raises:
            SpoolFull, SpoolBroken: nothing of it is in the ledger.
        """
        try:
            return await self._ledger.do(command, *args, **kwargs)
        except SpoolFull:
            if not self.content.use_reserve():
                raise
            return await self._ledger.do(command, *args, **kwargs)

    async def scrub(self) -> None:
        """Leave nothing on disk of what the ledger has forgotten (K7).

        Raises:
            SpoolFull, SpoolBroken: something may be left.
        """
        await self._ledger.do_outside(ledger.scrub)

    async def accept(self, mail: NewMail, file: MailFile) -> str:
        """Make a mail ours: bytes, name and row on disk when this returns (K1).

        Args:
            mail: what to record.
            file: its bytes, written and not yet settled.

        Returns:
            The reference people will call it by.

        Raises:
            NotAdmitted: its identity may not send it now; it is not ours.
            SpoolFull, SpoolBroken: it is not ours; the client must keep it.
        """
        await asyncio.get_running_loop().run_in_executor(self._syncers, file.settle)
        try:
            reference = await self._ledger.do_together(self._record_mails, mail)
        except BaseException:
            file.discard()
            raise
        if isinstance(reference, NotAdmitted):
            file.discard()
            raise reference
        self.waiting += 1
        self.bells.ring(Station.PREPARING)
        if mail.for_admin:
            self.bells.ring(Station.ANSWERING)
        return reference

    def _record_mails(
        self, connection: Connection, mails: Sequence[NewMail]
    ) -> list[str | NotAdmitted]:
        self.content.sync_mail_names()
        return standing.record_admitted(connection, mails)

    async def answer_read(self, mail_id: str) -> None:
        """A command arrived after this mail's 250 was written (L9)."""
        await self._ledger.do_together(intake.answers_read, (mail_id, self._clock.now()))
        self.bells.ring(Station.SENDING)

    async def session_ended(self, session: str) -> None:
        """The session is over; what it did not show to be read counts as unread (L9)."""
        await self._ledger.do(intake.session_ended, session, self._clock.now())
        self.bells.ring(Station.ANSWERING)

    async def learn_frozen(self) -> None:
        """Who is frozen has changed, or is to be known."""
        self.frozen = await self._ledger.do(frozen.names)

    async def count_waiting(self) -> None:
        """Look how much waits; between two looks only what comes is counted."""
        self.waiting = await self._ledger.do(backlog.size)

    async def note_refusal(self, refusal: Refusal) -> None:
        """A device was refused on the line; its office is told, if it was not just now (L7)."""
        if await self._ledger.do(notices.owe, refusal, self._clock.now()):
            self.bells.ring(Station.ANSWERING)

    async def note_alive(self) -> None:
        """Write down that the daemon lives now, for the next start's look at the clock (K10)."""
        await self._ledger.do(_write_meta, {"last_seen": str(self._clock.now())})

    async def note_command(
        self, who: str, what: str, arguments: dict[str, str], result: str
    ) -> None:
        """Write down that somebody gave a command (K8)."""
        now = self._clock.now()
        await self._ledger.do(_note_command, now, who, what, arguments, result)


def _take_lock(state_dir: Path) -> int:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise spool_error(error, f"opening {state_dir}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SpoolLocked(f"{state_dir} is in use by another mail2fax") from None
    return lock


def _machine_id() -> str:
    try:
        return _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return f"{uuid.getnode():012x}"


def _check_in(connection: Connection, now: float, machine: str) -> str:
    """Compare clock and machine with the last run's; why to be suspicious, or nothing."""
    rows = connection.execute(select(schema.meta.c.key, schema.meta.c.value))
    known: dict[str, str] = {row.key: row.value for row in rows}
    _write_meta(connection, {"last_seen": str(now), "machine": machine})
    if "machine" in known and known["machine"] != machine:
        return "the state directory comes from another machine"
    if float(known.get("last_seen", now)) > now + _CLOCK_TOLERANCE:
        return "the clock is behind the last run's"
    return ""


def _write_meta(connection: Connection, values: dict[str, str]) -> None:
    for key, value in values.items():
        statement = upsert(schema.meta).values(key=key, value=value)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_={"value": value})
        )


def _mails_with_content(connection: Connection) -> set[str]:
    mail = schema.mail.c
    return set(connection.scalars(select(mail.id).where(mail.state.not_in(FORGOTTEN_MAILS))))


def _note_command(
    connection: Connection, at: float, who: str, what: str, arguments: dict[str, str], result: str
) -> None:
    """Commands are rows: who, what, when (K8)."""
    connection.execute(
        insert(schema.command).values(at=at, who=who, what=what, arguments=arguments, result=result)
    )
