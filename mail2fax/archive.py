"""A backup as files: a directory or a tar archive, with a manifest of every file's SHA-256 (K9).

The manifest is written last, so that a backup that broke off is none.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from mail2fax.errors import Mail2FaxError

MANIFEST = "MANIFEST.json"
_PIECE = 1 << 20
_NAME = re.compile(r"ledger\.sqlite3|(mails|documents/[0-9A-Z]+)/[^/\0]+|MANIFEST\.json", re.ASCII)


class BadArchive(Mail2FaxError):
    """It is no backup, or not what was backed up; the text says what is wrong."""


@dataclass(slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        made_by: name and version.
        at: of when it is, in seconds since the epoch.
        files: name → size in bytes and SHA-256 (hex).
    """

    made_by: str
    at: float
    files: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())


class _Digesting:
    """A file that is read once, for the archive and for the manifest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0

    def read(self, length: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(length)
        self._digest.update(data)
        self._size += len(data)
        return data

    @property
    def entry(self) -> tuple[int, str]:
        """Size and SHA-256 of what was read."""
        return self._size, self._digest.hexdigest()


# Writing


class Writer(ABC):
    """A backup that is being written; it is there under its name once the block ends well."""

    def __init__(self, target: Path) -> None:
        """Begin beside the target.

        Raises:
            BadArchive: something is there already.
        """
        self.target = target
        self.making = target.with_name(f"{target.name}.making")
        if target.exists():
            raise BadArchive(f"{target} is there already. Write to another name")

    @abstractmethod
    def _put(self, name: str, file: IO[bytes], size: int) -> tuple[int, str]:
        """Write one file; its entry for the manifest."""

    @abstractmethod
    def _finish(self) -> None:
        """Make everything durable."""

    @abstractmethod
    def _give_up(self) -> None:
        """Remove what was written."""

    def add_all(self, root: Path, manifest: Manifest) -> None:
        """Write every file below ``root``, then the manifest with them."""
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            name = path.relative_to(root).as_posix()
            manifest.files[name] = self.add(name, path)
        self.add_text(MANIFEST, json.dumps(asdict(manifest), indent=1))

    def add(self, name: str, path: Path) -> tuple[int, str]:
        """Write a file under a name; its size and SHA-256."""
        with path.open("rb") as file:
            return self._put(name, file, os.fstat(file.fileno()).st_size)

    def add_text(self, name: str, text: str) -> None:
        """Write a small file."""
        data = text.encode()
        self._put(name, io.BytesIO(data), len(data))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
            self.making.rename(self.target)
            _sync(self.target.parent)
        else:
            self._give_up()


class _TarWriter(Writer):
    """Into a tar archive, for the owner's eyes."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        descriptor = os.open(self.making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)

    def _put(self, name: str, file: IO[bytes], size: int) -> tuple[int, str]:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        read = _Digesting(file)
        self._tar.addfile(info, read)
        return read.entry

    def _finish(self) -> None:
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _give_up(self) -> None:
        self._file.close()
        self.making.unlink()


class _DirectoryWriter(Writer):
    """Into a directory."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        if self.making.exists():
            shutil.rmtree(self.making)
        self.making.mkdir(mode=0o700)

    def _put(self, name: str, file: IO[bytes], size: int) -> tuple[int, str]:  # noqa: ARG002
        return _write(self.making / name, file)

    def _finish(self) -> None:
        for path in (self.making, *self.making.rglob("*")):
            if path.is_dir():
                _sync(path)

    def _give_up(self) -> None:
        shutil.rmtree(self.making)


def writer(target: Path) -> Writer:
    """A backup to be written: a tar archive when the name ends so, else a directory."""
    return (_TarWriter if target.suffix == ".tar" else _DirectoryWriter)(target)


def _write(path: Path, file: IO[bytes]) -> tuple[int, str]:
    """A file of our own, durable; its size and SHA-256."""
    _make_directory(path.parent)
    read = _Digesting(file)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        while data := read.read(_PIECE):
            copy.write(data)
        copy.flush()
        os.fsync(copy.fileno())
    return read.entry


def _make_directory(path: Path) -> None:
    """A directory for the owner alone, and those above it likewise."""
    if not path.exists():
        _make_directory(path.parent)
        path.mkdir(mode=0o700)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Reading


def unpack(source: Path, target: Path | None) -> Manifest:
    """Read a backup and hold every file against the manifest.

    Args:
        source: a directory or a tar archive.
        target: where the files go; None only to check them.

    Raises:
        BadArchive: something is missing, too much, or not what it was.
    """
    try:
        manifest, found = _read(source, target)
    except tarfile.TarError as error:
        raise BadArchive(f"{source} is no whole tar archive: {error}") from error
    if manifest is None:
        raise BadArchive(f"{source} has no {MANIFEST}: it is no backup, or it broke off")
    if problem := _difference(manifest.files, found):
        raise BadArchive(f"{source}: {problem}")
    return manifest


def _read(source: Path, target: Path | None) -> tuple[Manifest | None, dict[str, tuple[int, str]]]:
    """The manifest, and what is really there."""
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with contextlib.closing(_files(source)) as files:
        for name, file in files:
            if not _NAME.fullmatch(name) or "/.." in name:
                raise BadArchive(f"{source} holds {name!r}, which is no file of a backup")
            if name == MANIFEST:
                manifest = _manifest(file.read(), source)
            else:
                found[name] = _measured(file) if target is None else _write(target / name, file)
    return manifest, found


def _files(source: Path) -> Generator[tuple[str, IO[bytes]], None, None]:
    """Name and content of every file of a backup."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                yield path.relative_to(source).as_posix(), file
        return
    with tarfile.open(source, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise BadArchive(f"{source} holds {member.name!r}, which is no file")
            yield member.name, content


def _manifest(data: bytes, source: Path) -> Manifest:
    try:
        read: Mapping[str, Any] = json.loads(data)
        files = {name: (int(size), str(sha)) for name, (size, sha) in read["files"].items()}
        return Manifest(str(read["made_by"]), float(read["at"]), files)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise BadArchive(f"{source}: its {MANIFEST} cannot be read") from None


def _measured(file: IO[bytes]) -> tuple[int, str]:
    read = _Digesting(file)
    while read.read(_PIECE):
        pass
    return read.entry


def _difference(
    wanted: Mapping[str, tuple[int, str]], found: Mapping[str, tuple[int, str]]
) -> str | None:
    if missing := sorted(wanted.keys() - found.keys()):
        return f"{missing[0]} is missing"
    if surplus := sorted(found.keys() - wanted.keys()):
        return f"{surplus[0]} was not in it when it was made"
    changed = sorted(name for name, entry in wanted.items() if found[name] != entry)
    return f"{changed[0]} is not what it was when the backup was made" if changed else None
