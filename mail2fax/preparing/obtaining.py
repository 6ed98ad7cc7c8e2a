"""How a child is obtained: as a process of our own, or from the reader's unit (L12).

Both speak the protocol of ``child``: JSON lines over two streams. The pool knows no difference.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from mail2fax.errors import Mail2FaxError

_LONGEST_LINE = 4 << 20
_NICE, _LOWEST = 5, 19
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")


class NoChild(Mail2FaxError):
    """No child is to be had now; it says nothing about any mail."""


class Line:
    """The line to a child. Closing it is all that can be done to the child at its other end.

    The reader's unit cannot be told to kill: the peer that SO_PEERCRED names on a socket which
    systemd listens at is systemd. A child whose line is closed is ended by the kernel.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ending(self) -> str:
        """How the child ended, once nothing comes from it any more."""
        return "the line was closed"

    async def end(self) -> None:
        """End the child; it holds nothing that must be saved."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class OwnProcess(Line):
    """A line to a process that we have started, and so can kill."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        super().__init__(process.stdout, process.stdin)
        self.process = process

    async def ending(self) -> str:
        """Its exit code, or the signal that ended it."""
        code = await self.process.wait()
        return f"signal {-code}" if code < 0 else f"code {code}"

    async def end(self) -> None:
        """Kill it."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


Obtain = Callable[[], Awaitable[Line]]


async def spawned() -> Line:
    """A child that we start ourselves; it gets no variable that may hold a secret.

    Raises:
        NoChild: the system starts no process now.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "mail2fax.preparing.child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=_LONGEST_LINE, start_new_session=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )  # fmt: skip
    except OSError as error:
        raise NoChild(f"no child can be started: {error.strerror}") from error
    _let_give_way(process.pid)
    return OwnProcess(process)


def _let_give_way(child: int) -> None:
    """Lower a child's priority: a client waits on the line, and nobody waits for a document.

    The reader's unit does that with ``CPUWeight=``; it forbids its children the call.
    """
    with contextlib.suppress(OSError):  # it has ended, or our own unit forbids the call
        lower = min(os.getpriority(os.PRIO_PROCESS, 0) + _NICE, _LOWEST)
        os.setpriority(os.PRIO_PROCESS, child, lower)


def from_unit(socket: Path) -> Obtain:
    """Children of the reader's unit: one for each connection to its socket.

    Args:
        socket: where systemd listens for it.
    """

    async def connected() -> Line:
        try:
            reader, writer = await asyncio.open_unix_connection(socket, limit=_LONGEST_LINE)
        except OSError as error:
            why = f"{socket}: {error.strerror}. Is mail2fax-reader.socket started?"
            raise NoChild(why) from error
        return Line(reader, writer)

    return connected
