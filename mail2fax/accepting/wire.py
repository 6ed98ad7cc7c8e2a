"""One connection: what the client sends, what it is told, in the clear or under TLS.

All of it passes here, so here it is written down for the doctor (L13).
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterable
from typing import Any

from mail2fax.accepting.dialogue import internals, tls
from mail2fax.accepting.dialogue.lines import READ_SIZE, EndOfInput, Lines, LineTooLong, NotSmtp
from mail2fax.accepting.doctor.dialogue import Kind, Record
from mail2fax.values import Response

_LINGER_SECONDS = 2.0
_NOT_PRINTABLE = re.compile(r"[^ -~]")
CLOSING = 421
"""RFC 5321 3.8: whatever is told with it is the last word."""


class Farewell(Exception):
    """The session ends with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response))
        self.response = response


class Wire:
    """A connection and its two directions.

    Attributes:
        lines: what the client sends.
        over: the last word was said; nothing more is read.
        is_tls: the handshake was made.
        record: what was said so far.
    """

    def __init__(
        self,
        protocol: Any,
        *,
        may_end_lf: bool = False,
        unread_for: float = 300.0,
        record: Record | None = None,
    ) -> None:
        """Take a connection over.

        Args:
            protocol: aiosmtpd's, connected.
            may_end_lf: see `Lines`.
            unread_for: seconds that a client may leave our answers unread.
            record: where it is written down; None for a new one.
        """
        self._protocol = protocol
        self._unread_for = unread_for
        self._writer = internals.writer_of(protocol)
        self._reader = internals.reader_of(protocol)
        self.lines = Lines(self._reader, may_end_lf=may_end_lf)
        self.over = False
        self.is_tls = False
        self._last_code = 0
        self.record = record or Record()
        self.record.peer = self.peer

    @property
    def peer(self) -> str:
        """The address at the other end; empty for a UNIX socket."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    async def line(self) -> bytes:
        """The next command line; see `Lines.line`."""
        try:
            line = await self.lines.line()
        except EndOfInput:
            self.record.note(Kind.LEFT)
            raise
        except (NotSmtp, LineTooLong) as strange:
            self.record.note(Kind.NOT_SMTP, str(strange) or "lines without an end")
            raise
        self.record.heard(line, ends_lf=self.lines.ended_lf)
        return line

    async def chunk(self) -> bytes:
        """The next bytes of data; see `Lines.chunk`."""
        try:
            data = await self.lines.chunk()
        except EndOfInput:
            self.record.note(Kind.LEFT)
            raise
        self.record.data(data)
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes, and wait while the client does not read.

        Raises:
            ConnectionError: the client has gone, or has not read for minutes.
        """
        self.record.said(data)
        self._writer.write(data)
        try:
            async with asyncio.timeout(self._unread_for):
                await self._writer.drain()
        except TimeoutError:
            self.abort()
            raise ConnectionError("the client does not read") from None

    async def say(self, *responses: Response) -> None:
        """Send responses in one write."""
        self.over = self.over or any(one.code == CLOSING for one in responses)
        self._last_code = responses[-1].code
        await self.write(_on_the_wire(responses))

    async def last_words(self, response: Response) -> None:
        """Send a response; the session is over."""
        self.over = True
        await self.say(response)

    def dismiss(self, response: Response) -> None:
        """Send a response without waiting, and close."""
        self.over = True
        last_words = _on_the_wire([response])
        self.record.said(last_words)
        self._writer.write(last_words)
        self._writer.close()

    async def start_tls(self, context: ssl.SSLContext, go_ahead: bytes = b"") -> tuple[str, ...]:
        """Make the handshake; the names in the client's certificate.

        Args:
            context: see `tls.Certificates`.
            go_ahead: sent in the clear first. Nothing is read between it and the handshake, so
                that no byte in the clear can count as said under TLS.

        Raises:
            OSError: the handshake failed.
        """
        self.record.said(go_ahead)
        self._writer.write(go_ahead)
        transport = self._writer.transport
        try:
            await tls.upgrade(self._protocol, transport, context, self.lines.take_all())
        except OSError as error:
            self.record.note(Kind.TLS_FAILED, _why(error))
            raise
        self.is_tls = True
        layer = self._writer.get_extra_info("ssl_object")
        self.record.note(Kind.TLS, layer.version() or "")
        return tls.names_of(self._writer.transport)

    async def finish(self) -> None:
        """End it so that a refusal with which it ends is read.

        A connection that is closed while bytes of the client wait is reset, and the answer is
        lost with it; what still comes is read and forgotten for a moment. TLS cannot do that.
        """
        self.record.end()
        transport = self._writer.transport
        refused = self.over and self._last_code >= 400  # noqa: PLR2004 - RFC 5321 4.2.1
        if refused and transport.can_write_eof() and not transport.is_closing():
            with contextlib.suppress(OSError):  # a time-out is one too
                transport.write_eof()
                async with asyncio.timeout(_LINGER_SECONDS):
                    while await self._reader.read(READ_SIZE):
                        pass
        self._writer.close()

    def close(self) -> None:
        """End it once everything is sent."""
        self.record.end()
        self._writer.close()

    def abort(self) -> None:
        """End it now."""
        self._writer.transport.abort()


def _why(error: OSError) -> str:
    """Why a handshake failed, in OpenSSL's words; empty when the client just left."""
    return str(getattr(error, "reason", None) or "").replace("_", " ").lower()


def _on_the_wire(responses: Iterable[Response]) -> bytes:
    """Responses as they go out: what they repeat of the client's words cannot add a line."""
    lines = (_NOT_PRINTABLE.sub("?", str(one)) for one in responses)
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
