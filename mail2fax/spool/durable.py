"""What it takes for bytes to survive a power cut; nothing else touches fsync.

A file is durable when it was fsynced and so was the directory that names it: without the
second, the name can be gone after a crash although the bytes were safe (K1).
"""

import errno
import os
from pathlib import Path

from mail2fax.errors import SpoolBroken, SpoolError, SpoolFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def is_short(error: OSError) -> bool:
    """Whether only descriptors or memory were short at that moment: the disk is not to blame."""
    return error.errno in _SHORT


def spool_error(error: OSError, doing: str) -> SpoolError:
    """The spool's word for what the disk said while ``doing`` something.

    A full disk is over when there is room again, and so is a want of descriptors; after any
    other error nothing that was written can be believed (K6).
    """
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    kind = SpoolFull if error.errno in _FULL or is_short(error) else SpoolBroken
    return kind(f"{doing}: {name}")


def sync_file(descriptor: int) -> None:
    """Make an open file's bytes durable.

    Raises:
        SpoolFull, SpoolBroken: they are not; the file must be given up, never synced again.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise spool_error(error, "fsync of a file") from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        SpoolFull, SpoolBroken: as for `sync_file`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise spool_error(error, "fsync of a directory") from error
