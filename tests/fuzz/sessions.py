"""Any bytes at all as one session, in memory, over a real spool.

The first byte chooses the listener (plain, legacy, LMTP, behind a balancer, with logins), the
rest is what the client sends. Whatever it is: the session ends, nothing counts as a bug of
ours, every answer is a well-formed line of ASCII, and as many mails are ours as were answered
250 at their dot.
"""

import asyncio
import contextlib
import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mail2fax.accepting.conversation import Conversation
from mail2fax.accepting.dialogue.link import Link
from mail2fax.accepting.listener import Listener
from mail2fax.accepting.settings import ListenerSettings, RelaySettings
from mail2fax.accepting.wire import Wire
from mail2fax.clock import Clock
from mail2fax.spool.spool import Spool
from tests.integration.smtp_bench import GOOD, RULE, SETTINGS, TO, stuffed
from tests.integration.test_relays import REACH, SERVER, Bench
from tests.integration.tls_bench import WITH_LOGIN, logins

_ANSWER = re.compile(rb"([2-5][0-9][0-9][ -][ -~]*\r\n)*")
_TAKEN = re.compile(rb"250 2\.0\.0 M2F-[0-9A-Z]+ accepted")
BASE = replace(SETTINGS, size=20_000, most_waiting=sys.maxsize)  # nothing is prepared
KINDS: tuple[ListenerSettings, ...] = (
    BASE,
    replace(BASE, legacy=True),
    replace(BASE, protocol="lmtp", relay=RelaySettings(REACH, Bench()), rules=(SERVER,)),
    replace(BASE, proxy_from=RULE.networks),
    replace(BASE, logins=logins, rules=(WITH_LOGIN,), auth_without_tls=RULE.networks),
)
_ENVELOPE = b"MAIL FROM:<a@b.ch>\r\nRCPT TO:<%s>\r\nDATA\r\n" % TO.encode()
_WHOLE = _ENVELOPE + stuffed(GOOD) + b".\r\n"
SEEDS = (
    b"\0EHLO me\r\n" + _WHOLE * 2 + b"QUIT\r\n",
    b"\1HELO me\n" + _WHOLE.replace(b"\r\n", b"\n") + b"QUIT\n",
    b"\2LHLO me\r\n" + _WHOLE + b"RSET\r\n",
    b"\3PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\nEHLO me\r\n" + _WHOLE,
    b"\3\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\1\x7f\0\0\1\0\1\0\2EHLO me\r\n" + _WHOLE,
    b"\4EHLO me\r\nAUTH PLAIN AGFubgBjb3JyZWN0IGhvcnNl\r\n" + _WHOLE,
    b"\4EHLO me\r\nAUTH LOGIN\r\nYW5u\r\nY29ycmVjdCBob3JzZQ==\r\n" + _WHOLE,
    b"\0EHLO me\r\n" + _ENVELOPE + b"a\nb\r\n.\r\nBDAT 5 LAST\r\nSTARTTLS\r\nVRFY x\r\nEXPN\r\n",
)


class Paper(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4711)})
        self.said = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.said += bytes(data)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def abort(self) -> None:
        """Note it."""
        self.closed = True

    def can_write_eof(self) -> bool:
        """As under TLS: no lingering."""
        return False


def linked(paper: Paper, data: bytes) -> Link:
    """A connection over which all of it has come, and the end."""
    link = Link(paper, memoryview(bytearray()))
    link.waiting += data
    link.eof_received()
    return link


class Alarm(logging.Handler):
    """Keeps every report of a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.heard.append(self.format(record))


class Fuzzed:
    """A spool and the listeners whose sessions are fuzzed."""

    def __init__(self, directory: Path) -> None:
        self.runner = asyncio.Runner()
        self.spool = self.runner.run(Spool.open(directory, Clock()))
        self.listeners = [Listener(kind, self.spool, Clock()) for kind in KINDS]
        self.taken = 0

    def session(self, data: bytes) -> None:
        """One session of these bytes.

        Raises:
            AssertionError: it was not as it must be.
        """
        alarm = Alarm()
        logger = logging.getLogger("mail2fax")
        logger.addHandler(alarm)
        try:
            said = self.runner.run(self._converse(data))
        finally:
            logger.removeHandler(alarm)
        assert not alarm.heard, alarm.heard
        assert _ANSWER.fullmatch(said), said
        listener = self.listeners[data[0] % len(KINDS)]
        if not listener.settings.is_lmtp:
            self.taken += len(_TAKEN.findall(said))
            assert self.runner.run(self._count()) == self.taken

    async def _converse(self, data: bytes) -> bytes:
        listener = self.listeners[data[0] % len(KINDS)]
        paper = Paper()
        wire = Wire(linked(paper, data[1:]), may_end_lf=listener.settings.legacy)
        async with asyncio.timeout(20):
            await Conversation(listener, wire).run()
        assert paper.closed
        return paper.said

    async def _count(self) -> int:
        found: int = await self.spool.do(_not_by_lmtp)
        return found

    def close(self) -> None:
        """Close the spool."""
        self.runner.run(self.spool.close())
        self.runner.close()


def _not_by_lmtp(connection: Any) -> int:
    counted = connection.exec_driver_sql(
        "SELECT count(*) FROM mail WHERE identity NOT LIKE '%swiss%'"
    )
    return int(counted.scalar())


@contextlib.contextmanager
def fuzzed() -> Iterator[Fuzzed]:
    """Everything a fuzzer needs, in memory where the machine has a directory there."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        bench = Fuzzed(Path(directory))
        try:
            yield bench
        finally:
            bench.close()
