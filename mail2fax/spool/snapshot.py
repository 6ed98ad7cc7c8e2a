"""A consistent picture of the state directory while the daemon works (K9).

The ledger is copied by SQLite's own online backup, in its own thread. The files of content never
change, so that a second name for each (a hard link) is a copy; nothing is destroyed between the
two. What came after the ledger's copy is there without a row, and removed when the copy is
opened (K3). Whoever asked for the picture carries it elsewhere and lets it go; one that is left
behind goes after some hours, for it holds content.
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from mail2fax.errors import Mail2FaxError
from mail2fax.spool import naming
from mail2fax.spool.spool import LEDGER, Spool

DIRECTORY = "backup"
LEFT_FOR = 6 * 3600.0
"""Seconds after which a picture that was left behind goes."""
_CONTENT = ("mails", "documents")


class NoSnapshot(Mail2FaxError):
    """There is no such picture; the text says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture of the state directory.

    Attributes:
        name: of its directory, to be let go by.
        path: where it is, absolute.
        at: of when it is, in seconds since the epoch.
    """

    name: str
    path: str
    at: float


async def take(spool: Spool) -> Snapshot:
    """Take a picture.

    Raises:
        NoSnapshot: there is none, and why.
    """
    at = spool.now()
    name = naming.new_id(at)
    target = spool.state_dir / DIRECTORY / name
    try:
        await asyncio.to_thread(_make, target)
        async with spool.content_at_rest:
            await spool.do_outside(copy_ledger, target / LEDGER)
            await asyncio.to_thread(_settle, target / LEDGER)
            await asyncio.to_thread(_link_all, spool.state_dir, target)
    except BaseException as error:
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        if isinstance(error, OSError):
            raise NoSnapshot(f"the backup cannot be made: {error.strerror}") from error
        raise
    return Snapshot(name, str(target.absolute()), at)


def let_go(state_dir: Path, name: str) -> None:
    """Remove a picture.

    Raises:
        NoSnapshot: there is none of that name.
    """
    known = state_dir / DIRECTORY
    path = next((one for one in known.glob("*") if one.name == name), None)
    if path is None:
        raise NoSnapshot(f"there is no backup under way by the name {name}")
    shutil.rmtree(path)


def forget(state_dir: Path, before: float) -> None:
    """Remove the pictures that were taken before a time and left behind."""
    for path in (state_dir / DIRECTORY).glob("*"):
        if path.stat().st_mtime < before:
            shutil.rmtree(path)


def copy_ledger(connection: Connection, target: Path) -> None:
    """Copy the ledger as it is between two transactions; to be run outside of any.

    Mails wait for their 250 meanwhile, so the copy is only written here; that it is on disk is
    waited for elsewhere.

    Raises:
        NoSnapshot: the copy failed; the ledger itself is none the worse.
    """
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    try:
        with contextlib.closing(sqlite3.connect(target)) as copy:
            copy.execute("PRAGMA synchronous=OFF")
            source.backup(copy)
    except sqlite3.Error as error:
        raise NoSnapshot(f"the ledger cannot be copied: {error}") from error


def _settle(path: Path) -> None:
    """A file is on disk when this returns.

    Raises:
        OSError: it may not survive a power cut.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(target: Path) -> None:
    for path in (target, *(target / name for name in _CONTENT)):
        path.mkdir(mode=0o700, parents=True)


def _link_all(source: Path, target: Path) -> None:
    _link(source / "mails", target / "mails")
    for directory in (source / "documents").iterdir():
        _link(directory, target / "documents" / directory.name)


def _link(source: Path, target: Path) -> None:
    """Every file of a directory; what goes meanwhile was never ours, or is made again."""
    target.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        for file in source.iterdir():
            with contextlib.suppress(FileNotFoundError):
                os.link(file, target / file.name)
