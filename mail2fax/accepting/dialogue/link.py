"""One connection's bytes in both directions, in place of asyncio's streams.

A stream keeps a buffer for each connection, wakes a task for every piece of a mail and sets a
timer for every wait. Here all connections of a listener read into one buffer, a mail's data go
where they belong in the very step in which they came, and a session has one timer. So a read
may be large and costs no memory (L1).

aiosmtpd cancels the session at its next await when a client hangs up or closes its side, also
in the middle of our commit: accepted, no 250, and the client sends the fax again. Here the
session sees the end of its input and ends itself (L2).
"""

import asyncio
from collections.abc import Callable
from typing import Any

READ_SIZE = 1 << 19
"""Of data, into the buffer that all share."""
LINE_READ = 1 << 15
"""Of commands, which each connection keeps until they are asked for; and under TLS, which has
buffers of its own: with 256 KB each, a hundred senders would cost 119 MB more (L1)."""


class EndOfInput(Exception):
    """The client closed its side."""


class Link(asyncio.BufferedProtocol):
    """A connection, taken over from aiosmtpd.

    Attributes:
        transport: below it; another one once TLS has begun.
        waiting: bytes that came and were not asked for yet.
        is_tls: the handshake was made.
    """

    def __init__(self, transport: Any, buffer: memoryview) -> None:
        """Take a connection over.

        Args:
            transport: asyncio's.
            buffer: to read into; what is read is copied from it at once.
        """
        self.transport = transport
        self.waiting = bytearray()
        self.is_tls = False
        self._buffer = buffer
        self._loop = asyncio.get_running_loop()
        self._sink: Callable[[bytes], bool] | None = None
        self._silence = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._until = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._has_ended = False
        self._is_paused = False
        self._is_lost = False
        self._unread: asyncio.Future[None] | None = None

    # What the client sends

    async def more(self, until: float) -> None:
        """Wait for more bytes in `waiting`.

        Args:
            until: by when, on the loop's clock.

        Raises:
            EndOfInput: there will be none.
            TimeoutError: none came in time.
        """
        known = len(self.waiting)
        if not self._has_ended:
            self._go_on_reading()
            await self._arrival(until)
        if len(self.waiting) == known:
            raise EndOfInput

    async def pour(self, sink: Callable[[bytes], bool], silence: float) -> None:
        """Hand bytes to a sink as they come, until it has all it wants.

        Args:
            sink: takes bytes; true ends it. It is called while the loop reads and must not wait.
            silence: seconds that may pass without any.

        Raises:
            EndOfInput, TimeoutError: as `more`.
            Exception: what the sink raised.
        """
        if self.waiting:
            data = bytes(self.waiting)
            self.waiting.clear()
            if sink(data):
                return
        if self._has_ended:
            raise EndOfInput
        self._sink, self._silence = sink, silence
        self._go_on_reading()
        try:
            await self._arrival(self._loop.time() + silence)
            if self._sink is not None:
                raise EndOfInput
        finally:
            self._sink = None

    def take_all(self) -> bytes:
        """Everything that has come."""
        data = bytes(self.waiting)
        self.waiting.clear()
        return data

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """Where asyncio may read into."""
        return self._buffer if self._sink is not None else self._buffer[:LINE_READ]

    def buffer_updated(self, nbytes: int) -> None:
        """Asyncio has read something."""
        data = bytes(self._buffer[:nbytes])
        if self._sink is None:
            self.waiting += data
            if len(self.waiting) >= LINE_READ and not self._is_paused:
                self._is_paused = True
                self.transport.pause_reading()
            self._wake()
            return
        try:
            is_enough = self._sink(data)
        except Exception as error:  # noqa: BLE001 - whoever pours is told
            self._sink = None
            self._wake(error)
            return
        self._until = self._loop.time() + self._silence
        if is_enough:
            self._sink = None
            self._wake()

    def eof_received(self) -> bool:
        """The client closed its side; ours stays open for the answer, where TLS allows."""
        self._has_ended = True
        self._wake()
        return not self.is_tls

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The connection is gone; what is in hand is finished."""
        self._has_ended = self._is_lost = True
        self._wake()
        if self._alarm is not None:
            self._alarm.cancel()
        if self._unread is not None and not self._unread.done():
            self._unread.set_result(None)

    def _go_on_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()

    async def _arrival(self, until: float) -> None:
        """Wait until somebody wakes us."""
        self._until = until
        if self._alarm is None or self._alarm.when() > until:
            self._set_alarm()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self, error: Exception | None = None) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    def _set_alarm(self) -> None:
        """One timer a session: it looks whether it still matters when it rings."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._until, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._waiter is None:
            return
        if self._loop.time() < self._until:
            self._set_alarm()
        else:
            self._wake(TimeoutError())

    # What it is told

    async def write(self, data: bytes, unread_for: float) -> None:
        """Send bytes, and wait while the client does not read.

        Args:
            data: the bytes.
            unread_for: seconds that a client may leave them unread.

        Raises:
            ConnectionError: the client has gone.
            TimeoutError: it does not read.
        """
        if self._is_lost:
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)
        if self._unread is not None:
            async with asyncio.timeout(unread_for):
                await asyncio.shield(self._unread)
            if self._is_lost:
                raise ConnectionResetError("the client has gone")

    def pause_writing(self) -> None:
        """The client does not read."""
        self._unread = self._loop.create_future()

    def resume_writing(self) -> None:
        """It does again."""
        if self._unread is not None and not self._unread.done():
            self._unread.set_result(None)
        self._unread = None
