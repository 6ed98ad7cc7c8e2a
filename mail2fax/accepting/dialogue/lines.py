"""What the client sends: command lines of bounded length.

aiosmtpd's reader hands a line out only when its end has come, and keeps what was pipelined
behind a mail's dot to itself. Here both are ours, so that an endless line costs nothing, a
stranger's first bytes are seen at once (L11), and it is known whether a command had been sent
before our answer was written (L9).
"""

import asyncio

from mail2fax.accepting.dialogue import proxy
from mail2fax.accepting.dialogue.data import CRLF, LF
from mail2fax.accepting.dialogue.link import Link

LONGEST_LINE = 4096
"""Far above the 512 of RFC 5321 4.5.3.1.4: long quoted lists of numbers are addresses too."""
_TLS = b"\x16\x03"
_HTTP = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"PRI * HTTP")


class LineTooLong(Exception):
    """A command line has no end."""


class NotSmtp(Exception):
    """The first bytes belong to another protocol; the text says which."""


class Lines:
    """The client's commands.

    Attributes:
        end: how the client ends its lines; the first one decides.
        ended_lf: whether the last line ended with a bare LF.
    """

    def __init__(self, link: Link, *, may_end_lf: bool = False) -> None:
        """Read from a connection.

        Args:
            link: the connection.
            may_end_lf: whether the first line may make the client one that ends its lines with
                a bare LF for the whole session.
        """
        self._link = link
        self._is_first = True
        self._may_end_lf = may_end_lf
        self.end = CRLF
        self.ended_lf = False

    @property
    def buffered(self) -> int:
        """How many bytes have come that were not asked for yet."""
        return len(self._link.waiting)

    async def line(self, within: float) -> bytes:
        """The next command line without its end.

        Args:
            within: seconds for all of it.

        Raises:
            EndOfInput, LineTooLong, NotSmtp, TimeoutError: there is none.
        """
        waiting, until = self._link.waiting, _now() + within
        while (end := waiting.find(b"\n")) < 0:
            if len(waiting) > LONGEST_LINE:
                raise LineTooLong
            await self._link.more(until)
            self._look_at_first_bytes()
        line = bytes(waiting[:end])
        del waiting[: end + 1]
        if len(line) > LONGEST_LINE:
            raise LineTooLong
        self.ended_lf = not line.endswith(b"\r")
        if self._is_first and self._may_end_lf and self.ended_lf:
            self.end = LF
        self._is_first = False
        return line.removesuffix(b"\r") if self.end == CRLF else line

    async def announced(self, within: float) -> str:
        """The address in the PROXY header that the connection must begin with.

        Args:
            within: seconds for all of it.

        Raises:
            EndOfInput, TimeoutError, proxy.BadProxyHeader: there is none.
        """
        waiting, until = self._link.waiting, _now() + within
        while (found := proxy.announced(bytes(waiting))) is None:
            await self._link.more(until)
        address, length = found
        del waiting[:length]
        return address

    def give_back(self, data: bytes) -> None:
        """What came behind the end of the data: commands."""
        self._link.waiting[:0] = data

    def _look_at_first_bytes(self) -> None:
        if not self._is_first:
            return
        if self._link.waiting.startswith(_TLS):
            raise NotSmtp("TLS")
        if self._link.waiting.startswith(_HTTP):
            raise NotSmtp("HTTP")


def _now() -> float:
    """On the clock that `Link.more` keeps."""
    return asyncio.get_running_loop().time()
