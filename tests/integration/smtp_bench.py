"""What the tests of accepting stand on: a listener over a real spool, and raw SMTP sessions."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.crowd import Crowd, CrowdLimits
from mail2fax.accepting.listener import Listener
from mail2fax.accepting.settings import ListenerSettings, Place
from mail2fax.clock import Clock
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.numbers import NumberRules
from mail2fax.spool import stories
from mail2fax.spool.records import MailStory
from mail2fax.spool.spool import Spool
from tests.unit.mails import TEXT, attached, mail, real_pdf

TO = "+41225550123@fax.example.com"
OTHER = "+41225550124@fax.example.com"
GOOD = mail(TEXT, attached(real_pdf()))
RULE = Rule(
    name="senders[0]",
    networks=(ip_network("127.0.0.0/8"),),
    addresses=AddressRules(("fax.example.com",), NumberRules("CH", frozenset({"CH"}))),
)
SETTINGS = ListenerSettings("listen[0]", Place(), "fax.example.com", 1_000_000, (RULE,))


class Talk:
    """One raw SMTP session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.patience = 30.0

    async def answer(self) -> str:
        """The next whole answer; empty when the server has closed."""
        lines: list[str] = []
        async with asyncio.timeout(self.patience):
            while True:
                line = (await self.reader.readline()).decode("ascii")
                lines.append(line)
                if not line or line[3:4] != "-":
                    return "".join(lines).strip()

    async def say(self, *commands: str) -> str:
        """Send commands one after the other; the last answer."""
        answer = ""
        for command in commands:
            self.writer.write(command.encode("utf-8", "surrogateescape") + b"\r\n")
            answer = await self.answer()
        return answer

    async def begin(self, *recipients: str) -> str:
        """A transaction up to the answer to DATA."""
        to = [f"RCPT TO:<{one}>" for one in recipients or (TO,)]
        return await self.say("EHLO me", "MAIL FROM:<ann@example.org>", *to, "DATA")

    async def data(self, data: bytes = GOOD) -> str:
        """A mail's bytes, stuffed, with the dot; the answer."""
        self.writer.write(stuffed(data) + b".\r\n")
        return await self.answer()

    async def send(self, data: bytes = GOOD, *recipients: str) -> str:
        """A whole transaction; the answer to its dot, or to what came before."""
        before = await self.begin(*recipients)
        return await self.data(data) if before.startswith("354") else before

    async def is_closed(self) -> bool:
        """Whether the server has ended the session."""
        async with asyncio.timeout(self.patience):
            return await self.reader.read(1000) == b""

    def hang_up(self) -> None:
        """Go away without a word."""
        self.writer.transport.abort()


def stuffed(data: bytes) -> bytes:
    """Dot-stuffed, ending with a line end."""
    body = data if data.endswith(b"\r\n") or not data else data + b"\r\n"
    body = body.replace(b"\r\n.", b"\r\n..")
    return b"." + body if body.startswith(b".") else body


class Desk:
    """A listener over a spool in a directory."""

    def __init__(self, state_dir: Path, crowd: CrowdLimits | None = None, **settings: Any) -> None:
        self._state_dir = state_dir
        self.crowd = Crowd(crowd or CrowdLimits())
        self.settings = replace(SETTINGS, **settings)
        self.clock = Clock()
        self._talks: list[Talk] = []

    async def __aenter__(self) -> Self:
        self.spool = await Spool.open(self._state_dir, self.clock)
        self.listener = Listener(self.settings, self.spool, self.clock, self.crowd)
        await self.listener.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for talk in self._talks:
            talk.hang_up()
        await self.listener.stop(grace=2)
        await self.spool.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.listener.addresses[0][1]

    async def call(self, *, greet: bool = True) -> Talk:
        """A new session, the banner read."""
        talk = Talk(*await asyncio.open_connection("127.0.0.1", self.port))
        self._talks.append(talk)
        if greet:
            assert (await talk.answer()).startswith("220 ")
        return talk

    def keep(self, talk: Talk) -> None:
        """Hang a session up at the end."""
        self._talks.append(talk)

    async def mails(self) -> list[MailStory]:
        """Every mail in the ledger, oldest first."""
        lines = await self.spool.do(_all_mails)
        return [await self.spool.do(stories.of_mail, mail_id) for mail_id in lines]

    async def when(self, met: Callable[[list[MailStory]], bool]) -> list[MailStory]:
        """The mails as soon as a condition is met."""
        async with asyncio.timeout(10):
            while not met(mails := await self.mails()):  # noqa: ASYNC110 - no event for a test
                await asyncio.sleep(0.02)
        return mails

    def files(self) -> list[Path]:
        """The mail files on disk."""
        return sorted(self.spool.content.mails.iterdir())

    async def still_works(self) -> None:
        """The daemon goes on: the next client's mail is taken."""
        talk = await self.call()
        assert (await talk.send()).startswith("250 2.0.0 M2F-")
        await talk.say("QUIT")


def _all_mails(connection: Any) -> list[str]:
    rows = connection.exec_driver_sql("SELECT id FROM mail ORDER BY received_at")
    return [row[0] for row in rows]
