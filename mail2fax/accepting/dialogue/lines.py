"""What the client sends: command lines of bounded length, then data, from one buffer.

aiosmtpd's reader hands a line out only when its end has come, and keeps what was pipelined
behind a mail's dot to itself. Here both are ours, so that an endless line costs nothing, a
stranger's first bytes are seen at once (L11), and it is known whether a command had been sent
before our answer was written (L9).
"""

import asyncio

from mail2fax.accepting.dialogue import internals, proxy
from mail2fax.accepting.dialogue.data import CRLF, LF

LONGEST_LINE = 4096
"""Far above the 512 of RFC 5321 4.5.3.1.4: long quoted lists of numbers are addresses too."""
READ_SIZE = 32768
"""With 256 KB a read, a hundred senders would cost 85 MB more (L1)."""
_TLS = b"\x16\x03"
_HTTP = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"PRI * HTTP")


class EndOfInput(Exception):
    """The client closed its side."""


class LineTooLong(Exception):
    """A command line has no end."""


class NotSmtp(Exception):
    """The first bytes belong to another protocol; the text says which."""


class Lines:
    """The client's bytes, command by command or as data.

    Attributes:
        end: how the client ends its lines; the first one decides.
        ended_lf: whether the last line ended with a bare LF.
    """

    def __init__(self, reader: asyncio.StreamReader, *, may_end_lf: bool = False) -> None:
        """Read from a connection.

        Args:
            reader: the connection.
            may_end_lf: whether the first line may make the client one that ends its lines with
                a bare LF for the whole session.
        """
        self._reader = reader
        self._buffer = bytearray()
        self._is_first = True
        self._may_end_lf = may_end_lf
        self.end = CRLF
        self.ended_lf = False

    @property
    def buffered(self) -> int:
        """How many bytes have come that were not asked for yet."""
        return len(self._buffer) + internals.waiting_in(self._reader)

    async def line(self) -> bytes:
        """The next command line without its end.

        Raises:
            EndOfInput, LineTooLong, NotSmtp: there is none.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise LineTooLong
            self._buffer += await self._read()
            self._look_at_first_bytes()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if len(line) > LONGEST_LINE:
            raise LineTooLong
        self.ended_lf = not line.endswith(b"\r")
        if self._is_first and self._may_end_lf and self.ended_lf:
            self.end = LF
        self._is_first = False
        return line.removesuffix(b"\r") if self.end == CRLF else line

    async def announced(self) -> str:
        """The address in the PROXY header that the connection must begin with.

        Raises:
            EndOfInput, proxy.BadProxyHeader: there is none.
        """
        while (found := proxy.announced(bytes(self._buffer))) is None:
            self._buffer += await self._read()
        address, length = found
        del self._buffer[:length]
        return address

    def take_all(self) -> bytes:
        """Everything that has come: the beginning of a TLS handshake."""
        data = bytes(self._buffer) + internals.take_waiting(self._reader)
        self._buffer.clear()
        return data

    async def chunk(self) -> bytes:
        """The next bytes of data, at most `READ_SIZE` or what is buffered.

        Raises:
            EndOfInput: there are none.
        """
        if not self._buffer:
            return await self._read()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def give_back(self, data: bytes) -> None:
        """What came behind the end of the data: commands."""
        self._buffer[:0] = data

    async def _read(self) -> bytes:
        try:
            data = await self._reader.read(READ_SIZE)
        except (ConnectionError, OSError):
            raise EndOfInput from None
        if not data:
            raise EndOfInput
        return data

    def _look_at_first_bytes(self) -> None:
        if not self._is_first:
            return
        if self._buffer.startswith(_TLS):
            raise NotSmtp("TLS")
        if self._buffer.startswith(_HTTP):
            raise NotSmtp("HTTP")
