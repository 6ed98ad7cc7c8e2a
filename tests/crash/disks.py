"""Disks of our own: small file systems on loop devices and in memory, whose power can be cut.

A cut is the file system's own "going down" (ioctl SHUTDOWN, flag 2: the journal is not flushed):
from then on every call fails, and after an unmount and a mount only that is there which was
durable. ext4 and XFS know it; both replay their journals at the mount.
"""

import errno
import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

FileSystem = Literal["ext4", "xfs"]

_SHUTDOWN, _WITHOUT_LOG = 0x8004587D, struct.pack("I", 2)
_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-m", "0"),
    "xfs": ("mkfs.xfs", "-q"),
}
_SMALLEST = 320 << 20  # what mkfs.xfs makes at least
_MEMORY = Path("/dev/shm")
_BUSY_FOR = 10.0


class NoDisk(Exception):
    """A file system cannot be made or mounted here; the text says why."""


class Disk:
    """A mounted file system: ``with Disk("ext4", directory) as disk``; gone afterwards.

    Args:
        kind: which file system.
        directory: where to mount it, in a directory of its own.
        options: of its mounts.
        size: in bytes.

    Raises:
        NoDisk: this machine does not let us.
    """

    def __init__(
        self, kind: FileSystem, directory: Path, options: str = "", size: int = _SMALLEST
    ) -> None:
        self.where = directory / "disk"
        self._kind = kind
        self._options = ",".join(("loop", *([options] if options else [])))
        self._size = size
        home = _MEMORY if os.access(_MEMORY, os.W_OK) else directory
        self._image = home / f"mail2fax-{os.getpid()}-{directory.name}.img"

    def __enter__(self) -> Self:
        program, *arguments = _MAKE[self._kind]
        if shutil.which(program) is None:
            raise NoDisk(f"{program} is not installed")
        if os.geteuid() != 0:
            raise NoDisk("only root mounts file systems")
        self.where.mkdir()
        with self._image.open("wb") as file:
            file.truncate(self._size)
        try:
            subprocess.run([program, *arguments, self._image], check=True)
            self.mount()
        except BaseException:
            self._image.unlink()
            raise
        return self

    def mount(self) -> None:
        """Mount it; its journal is replayed.

        Raises:
            NoDisk: it cannot be.
        """
        command = ["mount", "-o", self._options, str(self._image), str(self.where)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise NoDisk(f"a file system cannot be mounted here: {done.stderr.strip()}")

    def cut(self) -> None:
        """Cut the power: nothing more is written, not even what the journal holds."""
        descriptor = os.open(self.where, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, _WITHOUT_LOG)
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """Power again, once those who used it are gone."""
        self._unmount()
        self.mount()

    def fail(self) -> None:
        """Let the kernel find an error in it: with ``errors=remount-ro`` it is read-only then.

        ext4 alone. A remount by hand would be refused while files are open.
        """
        device = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(self.where)],
            check=True,
            capture_output=True,
            text=True,
        )
        name = Path(device.stdout.strip()).name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("planted")

    def _unmount(self) -> None:
        until = time.monotonic() + _BUSY_FOR
        while subprocess.run(
            ["umount", str(self.where)], check=False, capture_output=True
        ).returncode:
            if time.monotonic() > until:
                subprocess.run(["umount", "--lazy", str(self.where)], check=True)
                raise NoDisk(f"{self.where} is still in use")
            time.sleep(0.05)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if os.path.ismount(self.where):
                self._unmount()
        finally:
            self._image.unlink()


class SmallDisk:
    """A file system in memory with little room: ``with SmallDisk(directory) as disk``.

    Args:
        directory: where to mount it, in a directory of its own.
        size: bytes of room.
        inodes: how many files there can be.

    Raises:
        NoDisk: this machine does not let us.
    """

    def __init__(self, directory: Path, size: int = 32 << 20, inodes: int = 4096) -> None:
        self.where = directory / "disk"
        self._options = f"size={size},nr_inodes={inodes}"

    def __enter__(self) -> Self:
        self.where.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", str(self.where)]
        if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
            raise NoDisk("a file system cannot be mounted here")
        return self

    def fill(self) -> None:
        """Take all the room there is."""
        with (self.where / "filling").open("ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise

    def crowd(self) -> None:
        """Take every inode there is."""
        crowd = self.where / "crowd"
        crowd.mkdir(exist_ok=True)
        try:
            for number in range(1 << 20):
                (crowd / str(number)).touch()
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise

    def make_room(self) -> None:
        """Give room and inodes back."""
        (self.where / "filling").unlink(missing_ok=True)
        shutil.rmtree(self.where / "crowd", ignore_errors=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        subprocess.run(["umount", "--lazy", str(self.where)], check=True)
