"""The spool: where the stations meet. It owns the state directory while it is open.

Stations ask it to run ledger commands (`do`), hand it new mails (`accept`), find content by
mail id (`content`), and wait for work (`bells`). A bell only says "look": whoever misses one
finds the work at the next look, because the work itself is in the ledger.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, select

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import NotAdmitted, SpoolBroken, SpoolError, SpoolFull, SpoolLocked
from mail2fax.spool import (
    backlog,
    frozen,
    intake,
    ledger,
    noted,
    notices,
    preparation,
    rule_names,
    schema,
    standing,
    vouching,
)
from mail2fax.spool.alarm import Alarm
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
RESTORING = "restoring"
"""The directory below it that is there while a backup is put back."""
_SYNC_THREADS = 8


class Station(StrEnum):
    """Who waits for a bell; sending has four: to post, stop, count the time, look at the lists."""

    PREPARING = "preparing"
    SENDING = "sending"
    STOPPING = "stopping"
    LOOKING = "looking"
    ANSWERING = "answering"
    LOOKOUT = "lookout"


class Bells:
    """One bell per station; ringing one that nobody waits for is remembered once."""

    def __init__(self) -> None:
        self._events = {station: asyncio.Event() for station in Station}

    def ring(self, *stations: Station) -> None:
        """There may be work for these stations, or for all but the lookout."""
        for station in stations or tuple(Station)[:-1]:
            self._events[station].set()

    async def wait(self, station: Station, at_most: float) -> bool:
        """Until the bell rings, ``at_most`` so many seconds; whether it rang."""
        event = self._events[station]
        try:
            async with asyncio.timeout(at_most):
                await event.wait()
        except TimeoutError:
            return False
        finally:
            event.clear()
        return True


class Spool:
    """An open state directory. Build it with `open`, end it with `close`.

    Attributes:
        state_dir: the state directory.
        content: the files.
        bells: the stations' bells.
        suspect: why the ledger cannot vouch for what was posted (K10, S4), until sending has
            looked it up. Empty when it can.
        doubtful_before: faxes from before this time may have been ordered by another life.
        is_copy: whether that other life may go on, and order them at any time.
        restored: of when the ledger is and when it was put back, until what came between was
            looked for.
        sign: the last sign of life beside the ledger, None when there was none.
        content_at_rest: held while files of content go, or are copied.
        frozen: the names that are frozen, for a first look; the ledger decides (L8).
        alarm: what is wrong now, for the admin (S6).
        waiting: about how many mails and faxes are still to be prepared or ordered (L10).
    """

    def __init__(
        self, lock: int, state_dir: Path, content: Content, opened: Ledger, clock: Clock
    ) -> None:
        self._lock = lock
        self._is_closed = False
        self._ledger = opened
        self.state_dir = state_dir
        self._clock = clock
        self._syncers = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="sync")
        self.content = content
        self.bells = Bells()
        self.suspect = ""
        self.is_copy = False
        self.sign: vouching.Sign | None = None
        self.doubtful_before = 0.0
        self.restored: tuple[float, float] | None = None
        self.content_at_rest = asyncio.Lock()
        self.frozen: frozenset[str] = frozenset()
        self.waiting = 0
        self.alarm = Alarm(opened, clock, lambda: self.bells.ring(Station.ANSWERING))

    @classmethod
    async def open(cls, state_dir: Path, clock: Clock) -> "Spool":
        """Take the state directory, creating what is missing.

        Raises:
            SpoolLocked: another process has it.
            LedgerTooNew: a newer version of mail2fax wrote it.
            SpoolBroken: the disk does not do what it must.
        """
        lock = take_lock(state_dir)
        try:
            _refuse_half_restored(state_dir)
            path = state_dir / LEDGER
            await asyncio.to_thread(bring_up_to_date, path)
            opened = await Ledger.open(path)
            spool = cls(lock, state_dir, Content(state_dir, opened.give_up), opened, clock)
        except BaseException:
            os.close(lock)
            raise
        await spool._settle_in()
        return spool

    async def _settle_in(self) -> None:
        now = self._clock.now()
        await self._check_in(now)
        await self._ledger.do(intake.sessions_lost, now)
        await self._ledger.do(preparation.forget_leases)
        await self.learn_frozen()
        await self.alarm.learn()
        await self.count_waiting()
        known = await self._ledger.do(_mails_with_content)
        await asyncio.to_thread(self.content.sweep, known)

    async def _check_in(self, now: float) -> None:
        machine = vouching.machine_id()
        place = await asyncio.to_thread(vouching.place_of, self.state_dir)
        self.sign = await asyncio.to_thread(vouching.read_sign, self.state_dir)
        standing = await self._ledger.do(vouching.check_in, now, machine, place, self.sign)
        self.suspect, self.is_copy = standing.suspect, standing.is_copy
        self.doubtful_before, self.restored = standing.doubtful_before, standing.restored

    def now(self) -> float:
        """Seconds since the epoch, on the clock the spool was opened with."""
        return self._clock.now()

    async def close(self) -> None:
        """Finish what waits, close the ledger, free the directory; once."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(SpoolError):  # the last sign of life is older then
            await self.note_alive()
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

    async def do_outside(
        self, command: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run what cannot be in a transaction, alone.

        Raises:
            SpoolFull, SpoolBroken: it was not done.
        """
        return await self._ledger.do_outside(command, *args, **kwargs)

    async def scrub(self) -> None:
        """Leave nothing on disk of what the ledger has forgotten (K7).

        Raises:
            SpoolFull, SpoolBroken: something may be left.
        """
        await self.do_outside(ledger.scrub)

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

    async def follow_rules(self, now: Mapping[str, str], unnamed: Collection[str]) -> None:
        """Rules that are known by their place may have moved; see `rule_names.follow`."""
        names = await self._ledger.do(rule_names.follow, now, unnamed)
        for before, after in names.items():
            events.rule_moved(before, after)
        await self.learn_frozen()

    async def count_waiting(self) -> None:
        """Look how much waits; between two looks only what comes is counted."""
        self.waiting = await self._ledger.do(backlog.size)

    async def note_refusal(self, refusal: Refusal) -> None:
        """A device was refused on the line; its office is told, if it was not just now (L7)."""
        if await self._ledger.do(notices.owe, refusal, self._clock.now()):
            self.bells.ring(Station.ANSWERING)

    async def note_alive(self) -> None:
        """Write down that the daemon lives now, for the next start's look at the clock (K10)."""
        sign = await self._ledger.do(vouching.alive, self._clock.now(), self.sign)
        await asyncio.to_thread(vouching.write_sign, self.state_dir, sign)
        self.sign = sign

    async def vouch(self) -> None:
        """Every open order is being looked up: the ledger is as good as before (S4)."""
        await self._ledger.do(vouching.vouched)

    async def close_gap(self) -> None:
        """What a ledger that was put back lacks was looked for, for long enough (S4)."""
        await self._ledger.do(vouching.gap_closed)
        self.restored = None

    async def note_command(
        self, who: str, what: str, arguments: dict[str, str], result: str
    ) -> None:
        """Write down that somebody gave a command (K8)."""
        now = self._clock.now()
        await self._ledger.do(noted.note, who, what, arguments, now, result)


def take_lock(state_dir: Path) -> int:
    """Make a state directory ours, creating it if need be; the descriptor to close in the end.

    Raises:
        SpoolLocked: another process has it.
        SpoolError: it cannot be opened.
    """
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


def _refuse_half_restored(state_dir: Path) -> None:
    if (state_dir / RESTORING).exists():
        raise SpoolBroken(f"a restore into {state_dir} was not finished: run it again")


def _mails_with_content(connection: Connection) -> set[str]:
    mail = schema.mail.c
    return set(connection.scalars(select(mail.id).where(mail.state.not_in(FORGOTTEN_MAILS))))
