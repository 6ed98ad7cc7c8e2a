"""A relay that keeps what it is given: where the demo and the tests read the replies."""

import asyncio
import logging
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP

logging.getLogger("mail.log").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Kept:
    """One message as it came: envelope and bytes."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    content: bytes


class Mailbox:
    """A catch-all SMTP server: ``async with Mailbox() as mailbox: mailbox.port``.

    Attributes:
        kept: every message, in the order of arrival.
        answer: what the next messages get instead of 250, by recipient or for ``""`` all.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.kept: list[Kept] = []
        self.answer: dict[str, str] = {}
        self._host = host
        self._wanted_port = port
        self._arrived = asyncio.Condition()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="mailbox", loop=loop, enable_SMTPUTF8=True),
            self._host,
            self._wanted_port,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()

    async def wait_for(self, count: int, seconds: float = 30.0) -> list[Kept]:
        """The messages once there are ``count`` of them.

        Raises:
            TimeoutError: they did not come in time.
        """
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.kept) >= count)
        return self.kept

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take every recipient, but for those told otherwise."""
        refusal = self.answer.get(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message."""
        if refusal := self.answer.get(""):
            return refusal
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from
        self.kept.append(Kept(sender, tuple(envelope.rcpt_tos), bytes(envelope.content)))
        async with self._arrived:
            self._arrived.notify_all()
        return "250 OK"
