"""Putting a state directory back (K9), so that the next start looks before it orders (S4).

What is put back is a past: faxes may have gone out since that the ledger does not know, and
mails may have come. So the ledger is marked: open orders are in doubt, the lists are read back
to the backup, and marks of ours that stand there without a row are taken in as faxes.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mail2fax.errors import Mail2FaxError
from mail2fax.spool import durable, vouching
from mail2fax.spool.spool import LEDGER, RESTORING, take_lock

_PARTS = ("mails", "documents", LEDGER)
"""The ledger last: without it, and with what is being restored beside it, nothing starts."""
_OLD = (*_PARTS, f"{LEDGER}-wal", f"{LEDGER}-journal", "last_seen.json", "reserve")


class CannotRestore(Mail2FaxError):
    """Nothing was changed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        since, until: between these times (seconds since the epoch) mails may have come that are
            not in it.
        aside: where the directory's earlier content is now; None when there was none.
    """

    since: float
    until: float
    aside: Path | None = None


def put_back(
    state_dir: Path, fill: Callable[[Path], float], now: float, *, force: bool = False
) -> Restored:
    """Put a backup into a state directory.

    Args:
        state_dir: the directory; no daemon runs on it.
        fill: puts the backup's files, durable and checked, into an empty directory, and tells
            of when they are.
        force: whether what is there is put aside.

    Raises:
        CannotRestore: there is something already, or the ledger is damaged.
        SpoolLocked: a daemon runs.
        SpoolError: the disk does not do what it must.
    """
    lock = take_lock(state_dir)
    try:
        making = state_dir / RESTORING
        unfinished = making.exists()
        if not force and not unfinished and _is_used(state_dir):
            raise CannotRestore(
                f"{state_dir} holds a ledger or mails already. With --force they are put aside"
            )
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        try:
            since = fill(making)
            _mark(making / LEDGER, since, now)
            _own(making, state_dir)
        except BaseException:
            shutil.rmtree(making)
            raise
        aside = _put_aside(state_dir, now)
        _move_in(making, state_dir)
    finally:
        os.close(lock)
    return Restored(since, now, aside)


def in_place(state_dir: Path, now: float) -> Restored:
    """Mark a directory that was put back by other means, and that nothing else runs on.

    Raises:
        CannotRestore: there is no ledger.
        SpoolLocked: a daemon runs.
    """
    path = state_dir / LEDGER
    if not path.exists():
        raise CannotRestore(f"{state_dir} has no ledger")
    lock = take_lock(state_dir)
    try:
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT value FROM meta WHERE key = 'last_seen'"
            row = connection.execute(query).fetchone()
        since = float(row[0]) if row else now
        _mark(path, since, now)
        (state_dir / vouching.SIGN).unlink(missing_ok=True)
    finally:
        os.close(lock)
    return Restored(since, now)


def _is_used(state_dir: Path) -> bool:
    mails = state_dir / "mails"
    return (state_dir / LEDGER).exists() or (mails.exists() and any(mails.iterdir()))


def _mark(path: Path, since: float, now: float) -> None:
    """The next start cannot vouch for what this ledger says is open.

    Raises:
        CannotRestore: it is no sound ledger.
    """
    then, until = (
        datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC") for at in (since, now)
    )
    marks = {
        vouching.SUSPECT: (
            f"the ledger was put back as it was at {then}; "
            f"mails that came until {until} are not in it"
        ),
        vouching.COPIED: "0",
        vouching.DOUBTFUL: str(now),
        vouching.RESTORED: json.dumps([since, now]),
    }
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            (sound,) = connection.execute("PRAGMA quick_check").fetchone()
            if sound != "ok":
                raise CannotRestore(f"the ledger is damaged: {sound}")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", marks.items())
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise CannotRestore(f"the ledger is damaged: {error}") from error


def _own(making: Path, state_dir: Path) -> None:
    """What root puts back belongs to whom the directory belongs to."""
    owner = state_dir.stat()
    if os.geteuid() == 0:
        for path in (making, *making.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)


def _put_aside(state_dir: Path, now: float) -> Path | None:
    old = [state_dir / name for name in _OLD if (state_dir / name).exists()]
    if not old:
        return None
    day = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
    aside = state_dir / f"replaced-{day}"
    aside.mkdir(mode=0o700)
    for path in reversed(old):
        path.rename(aside / path.name)
    durable.sync_directory(aside)
    return aside


def _move_in(making: Path, state_dir: Path) -> None:
    for name in _PARTS:
        if (making / name).exists():
            (making / name).rename(state_dir / name)
    durable.sync_directory(state_dir)
    shutil.rmtree(making)
    durable.sync_directory(state_dir)
