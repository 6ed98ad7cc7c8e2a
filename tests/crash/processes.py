"""The real daemon as a process, begun by a nursery or as a program of its own."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

_READY_WITHIN = 120.0
_PLANTED = "{plant}\nimport sys\nfrom mail2fax.cli import main\nsys.exit(main())"


class NotStarted(Exception):
    """The daemon ended before it took mail; its log says why."""


class Running:
    """A daemon that runs.

    Attributes:
        pid: its process.
        port: where it takes mail; 0 until it does.
    """

    def __init__(self, pid: int, output: IO[bytes]) -> None:
        self.pid = pid
        self.port = 0
        self._output = output
        self._handle = os.pidfd_open(pid)

    async def takes_mail(self) -> None:
        """Wait until it says where.

        Raises:
            NotStarted: it ended instead.
        """
        with contextlib.closing(self._output):
            async with asyncio.timeout(_READY_WITHIN):
                line = await _first_line(self._output)
        if not line.startswith(b"mail2fax takes mail"):
            await self.ended()
            raise NotStarted(line.decode())
        self.port = int(line.rpartition(b":")[2])

    def signal(self, number: int) -> None:
        """Send it a signal; one that has ended is past caring."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    async def kill(self) -> None:
        """End it without a chance to do anything."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> int | None:
        """End it as an admin does."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int | None:
        """Wait for its end; the exit code, where it is ours to know."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_reader(self._handle, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(self._handle)
        return _exit_code(self.pid)

    def close(self) -> None:
        """Forget it."""
        os.close(self._handle)


def _exit_code(pid: int) -> int | None:
    with contextlib.suppress(ChildProcessError):  # not a child of ours
        return os.waitstatus_to_exitcode(os.waitpid(pid, os.WNOHANG)[1])
    return None


async def _first_line(output: IO[bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), output
    )
    try:
        return await reader.readline()
    finally:
        transport.close()


class Beginner(Protocol):
    """What begins daemons.

    Attributes:
        reader: a line of configuration that says where document children come from.
    """

    reader: str

    async def begin(self, arguments: Sequence[str], log: Path, plant: str = "") -> Running:
        """Begin ``mail2fax`` with these arguments.

        Args:
            arguments: the command line.
            log: where its standard error goes.
            plant: Python that runs before it, to plant a bug.
        """


class Program:
    """Begins the daemon as anybody would, behind another program if need be.

    Args:
        before: such as ``eatmydata``.
    """

    reader = ""

    def __init__(self, *before: str) -> None:
        self._before = before

    async def begin(self, arguments: Sequence[str], log: Path, plant: str = "") -> Running:
        """See `Beginner`."""
        code = _PLANTED.format(plant=plant)
        return _spawned([*self._before, sys.executable, "-c", code, *arguments], log)


def _spawned(command: list[str], log: Path) -> Running:
    output, writing = os.pipe()
    with log.open("ab") as errors:
        streams = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, errors.fileno(), 2)]
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=streams)
    os.close(writing)
    return Running(pid, os.fdopen(output, "rb", 0))


class Nursery:
    """Begins daemons by forking: ``async with Nursery(directory) as nursery``.

    Args:
        directory: for the socket of its document children.
    """

    def __init__(self, directory: Path) -> None:
        self._readers = directory / "readers.sock"
        self.reader = f"preparing: {{socket: {self._readers}}}\n"

    async def __aenter__(self) -> Self:
        self._line, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.nursery",
                str(far.fileno()), str(self._readers), pass_fds=[far.fileno()],
            )  # fmt: skip
        self._turn = asyncio.Lock()
        await asyncio.to_thread(self._line.recv, 16)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.close()
        await self._process.wait()

    async def begin(self, arguments: Sequence[str], log: Path, plant: str = "") -> Running:
        """See `Beginner`."""
        request = json.dumps({"arguments": arguments, "plant": plant}).encode()
        output, writing = os.pipe()
        with log.open("ab") as errors:
            async with self._turn:
                socket.send_fds(self._line, [request], [writing, errors.fileno()])
                pid = int(await asyncio.to_thread(self._line.recv, 16))
        os.close(writing)
        return Running(pid, os.fdopen(output, "rb", 0))
