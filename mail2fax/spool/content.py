"""The bytes at rest: mails as received, never changed, and the documents prepared from them.

A mail's file is created under its final name and is what the ledger says it is only once its
row is committed; a file without a row was never acknowledged and is removed at the next start,
never faxed (K3).
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mail2fax import events
from mail2fax.errors import SpoolBroken, SpoolError
from mail2fax.spool import durable

_RESERVE_BYTES = 8_000_000
_SPARE_INODES = 64


OnBroken = Callable[[SpoolBroken], None]


class MailFile:
    """A mail's file while its bytes arrive. Leaving the ``with`` block unsettled removes it.

    Args:
        path: where it is created.
        on_broken: told, in whatever thread, when the disk failed for good.
    """

    def __init__(self, path: Path, on_broken: OnBroken) -> None:
        self.path = path
        self._on_broken = on_broken
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise self._told(durable.spool_error(error, "creating a mail file")) from error
        self._open = True
        self._settled = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes.

        Raises:
            SpoolFull, SpoolBroken: the file must be given up.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise self._told(durable.spool_error(error, "writing a mail file")) from error

    def settle(self) -> None:
        """Make the bytes durable; blocks for as long as the disk takes.

        Raises:
            SpoolFull, SpoolBroken: they are not.
        """
        try:
            durable.sync_file(self._descriptor)
        except SpoolError as error:
            raise self._told(error) from error.__cause__
        self._settled = True
        self._close()

    def _told(self, error: SpoolError) -> SpoolError:
        if isinstance(error, SpoolBroken):
            self._on_broken(error)
        return error

    def discard(self) -> None:
        """Forget the file: nothing was promised for it."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._open:
            os.close(self._descriptor)
            self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._settled:
            self.discard()


class Content:
    """The directories of mails and documents below ``state_dir``.

    Args:
        state_dir: the state directory.
        on_broken: told, in whatever thread, when a mail's file failed for good (K6).
    """

    def __init__(self, state_dir: Path, on_broken: OnBroken) -> None:
        self._on_broken = on_broken
        self.mails = state_dir / "mails"
        self.documents = state_dir / "documents"
        self._reserve = state_dir / "reserve"
        for directory in (self.mails, self.documents):
            directory.mkdir(mode=0o700, exist_ok=True)
        durable.sync_directory(state_dir)
        self.keep_reserve()

    def new_mail(self, mail_id: str) -> MailFile:
        """A new file for the mail with this id.

        Raises:
            SpoolFull, SpoolBroken: it could not be created.
        """
        return MailFile(self.mails / f"{mail_id}.eml", self._on_broken)

    def mail(self, mail_id: str) -> Path:
        """Where the mail with this id lies."""
        return self.mails / f"{mail_id}.eml"

    def documents_of(self, mail_id: str) -> Path:
        """The directory of the mail's prepared documents."""
        return self.documents / mail_id

    def share_documents(self, names: Mapping[str, str], mail_id: str, other_id: str) -> None:
        """Give another mail documents of a mail, each under a new name; durable when it returns.

        Raises:
            OSError: one is not there any more, or cannot be linked.
            SpoolFull, SpoolBroken: the names may not survive a power cut.
        """
        source, target = self.documents_of(mail_id), self.documents_of(other_id)
        target.mkdir(mode=0o700, exist_ok=True)
        for name, new_name in names.items():
            with contextlib.suppress(FileExistsError):  # another fax of the mail was first
                os.link(source / name, target / new_name)
        self.sync_documents(other_id)

    def sync_documents(self, mail_id: str) -> None:
        """Make the names of a mail's documents durable.

        Raises:
            SpoolFull, SpoolBroken: they may not survive a power cut.
        """
        durable.sync_directory(self.documents_of(mail_id))
        durable.sync_directory(self.documents)

    def sync_mail_names(self) -> None:
        """Make the names of new mails durable (K1)."""
        durable.sync_directory(self.mails)

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes fit, with as much again to prepare them in."""
        disk = os.statvfs(self.mails)
        free = disk.f_bavail * disk.f_frsize
        inodes = disk.f_favail
        return free >= 2 * size + _RESERVE_BYTES and (inodes >= _SPARE_INODES or not disk.f_files)

    def keep_reserve(self) -> None:
        """Set some disk aside, so that work in hand can end when the disk is full (K6)."""
        try:
            descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, _RESERVE_BYTES)
            finally:
                os.close(descriptor)
        except OSError:
            # Without room for a reserve there is none; `has_room` already refuses new mail.
            self._reserve.unlink(missing_ok=True)

    def use_reserve(self) -> bool:
        """Give the reserve back to the disk; whether there was one."""
        if not self._reserve.exists():
            return False
        self._reserve.unlink(missing_ok=True)
        return True

    def sweep(self, known: Container[str]) -> int:
        """Remove the files of mails the ledger does not know: never acknowledged (K3).

        Args:
            known: ids of all mails whose content may still be there.

        Returns:
            How many were removed.
        """
        strangers = [
            path
            for path in (*self.mails.iterdir(), *self.documents.iterdir())
            if path.stem not in known
        ]
        removed = sum(_remove(path) for path in strangers)
        self._sync_names()
        return removed

    def destroy(self, mail_ids: Sequence[str]) -> list[str]:
        """Destroy all content of these mails; those whose content is gone for good (K7).

        Raises:
            SpoolFull, SpoolBroken: the names may come back after a power cut.
        """
        gone = [
            mail_id
            for mail_id in mail_ids
            if _remove(self.mail(mail_id)) and _remove(self.documents_of(mail_id))
        ]
        self._sync_names()
        return gone

    def _sync_names(self) -> None:
        durable.sync_directory(self.mails)
        durable.sync_directory(self.documents)


def _remove(path: Path) -> bool:
    """Remove a file or a directory with all in it, if it is there; whether it is gone."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        events.spool_trouble("content", str(durable.spool_error(error, "removing a file")))
        return False
    return True
