"""One connection: what the client sends, what it is told, in the clear or under TLS.

All of it passes here, so here it is written down for the doctor (L13).
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable, Iterable

from mail2fax.accepting.dialogue import tls
from mail2fax.accepting.dialogue.lines import Lines, LineTooLong, NotSmtp
from mail2fax.accepting.dialogue.link import EndOfInput, Link
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
        record: what was said so far.
    """

    def __init__(
        self,
        link: Link,
        *,
        may_end_lf: bool = False,
        unread_for: float = 300.0,
        record: Record | None = None,
    ) -> None:
        """Talk over a connection.

        Args:
            link: the connection.
            may_end_lf: see `Lines`.
            unread_for: seconds that a client may leave our answers unread.
            record: where it is written down; None for a new one.
        """
        self._link = link
        self._unread_for = unread_for
        self.lines = Lines(link, may_end_lf=may_end_lf)
        self.over = False
        self._last_code = 0
        self.record = record or Record()
        self.record.peer = self.peer

    @property
    def peer(self) -> str:
        """The address at the other end; empty for a UNIX socket."""
        name = self._link.transport.get_extra_info("peername")
        return str(name[0]) if name else ""

    @property
    def is_tls(self) -> bool:
        """Whether the handshake was made."""
        return self._link.is_tls

    async def line(self, within: float) -> bytes:
        """The next command line; see `Lines.line`."""
        try:
            line = await self.lines.line(within)
        except EndOfInput:
            self.record.note(Kind.LEFT)
            raise
        except (NotSmtp, LineTooLong) as strange:
            self.record.note(Kind.NOT_SMTP, str(strange) or "lines without an end")
            raise
        self.record.heard(line, ends_lf=self.lines.ended_lf)
        return line

    async def pour(self, sink: Callable[[bytes], bool], silence: float) -> None:
        """Hand the data to a sink as they come; see `Link.pour`."""

        def counted(data: bytes) -> bool:
            self.record.data(data)
            return sink(data)

        try:
            await self._link.pour(counted, silence)
        except EndOfInput:
            self.record.note(Kind.LEFT)
            raise

    async def write(self, data: bytes) -> None:
        """Send bytes, and wait while the client does not read.

        Raises:
            ConnectionError: the client has gone, or has not read for minutes.
        """
        self.record.said(data)
        try:
            await self._link.write(data, self._unread_for)
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
        self._link.transport.write(last_words)
        self._link.transport.close()

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
        self._link.transport.write(go_ahead)
        try:
            await tls.upgrade(self._link, context)
        except OSError as error:
            self.record.note(Kind.TLS_FAILED, _why(error))
            raise
        transport = self._link.transport
        layer = transport.get_extra_info("ssl_object")
        self.record.note(Kind.TLS, layer.version() or "")
        return tls.names_of(transport)

    async def finish(self) -> None:
        """End it so that a refusal with which it ends is read.

        A connection that is closed while bytes of the client wait is reset, and the answer is
        lost with it; what still comes is read and forgotten for a moment. TLS cannot do that.
        """
        self.record.end()
        transport = self._link.transport
        refused = self.over and self._last_code >= 400  # noqa: PLR2004 - RFC 5321 4.2.1
        if refused and transport.can_write_eof() and not transport.is_closing():
            with contextlib.suppress(OSError, EndOfInput):  # a time-out is one too
                transport.write_eof()
                async with asyncio.timeout(_LINGER_SECONDS):
                    await self._link.pour(lambda _data: False, _LINGER_SECONDS)
        transport.close()

    def close(self) -> None:
        """End it once everything is sent."""
        self.record.end()
        self._link.transport.close()

    def abort(self) -> None:
        """End it now."""
        self._link.transport.abort()


def _why(error: OSError) -> str:
    """Why a handshake failed, in OpenSSL's words; empty when the client just left."""
    return str(getattr(error, "reason", None) or "").replace("_", " ").lower()


def _on_the_wire(responses: Iterable[Response]) -> bytes:
    """Responses as they go out: what they repeat of the client's words cannot add a line."""
    lines = (_NOT_PRINTABLE.sub("?", str(one)) for one in responses)
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
