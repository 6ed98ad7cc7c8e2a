"""The SMTP listener, and the only place that imports aiosmtpd.

Each of aiosmtpd's faults has a file in `dialogue`; what is said and done in a session is the
`conversation`'s.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from aiosmtpd.smtp import SMTP

from mail2fax import events
from mail2fax.accepting.admission import Rule, plain_address
from mail2fax.accepting.conversation import Conversation
from mail2fax.accepting.dialogue import internals
from mail2fax.accepting.dialogue.hangup import StaysOnHangup
from mail2fax.accepting.dialogue.lines import READ_SIZE
from mail2fax.accepting.settings import ListenerSettings
from mail2fax.clock import Clock
from mail2fax.errors import SpoolError
from mail2fax.spool.spool import Spool

_NEVER = 86400.0


class Listener:
    """Takes mail for a spool."""

    def __init__(self, settings: ListenerSettings, spool: Spool, clock: Clock) -> None:
        self.settings = settings
        self.spool = spool
        self.clock = clock
        self.stopping = False
        self.sessions: set[Conversation] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._networks: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        internals.silence_log()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Session(self), self.settings.address, self.settings.port, backlog=1024
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it really listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def stop(self, grace: float = 30.0) -> None:
        """Take no more mail: idle sessions get 421 now, others after the mail in hand (L10)."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for session in tuple(self.sessions):
            session.dismiss()
        until = self.clock.now() + grace
        while self.sessions and self.clock.now() < until:  # noqa: ASYNC110 - sessions end alone
            await asyncio.sleep(0.02)
        for session in tuple(self.sessions):
            session.abort()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def in_background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something that no client waits for; `stop` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def note(self, sign: Coroutine[Any, Any, None]) -> None:
        """Record a sign of L9; one that cannot be recorded only makes a twin wait."""
        self.in_background(self._noted(sign))

    async def _noted(self, sign: Coroutine[Any, Any, None]) -> None:
        try:
            await sign
        except SpoolError as error:
            events.spool_trouble("accepting", str(error))

    def enter(self, conversation: Conversation, peer: str, rule: Rule | None) -> bool:
        """Count a session in; whether there is room for it."""
        in_all, strangers, admitted = self.settings.connections
        network = _network_of(peer)
        most = strangers if rule is None else admitted
        self.sessions.add(conversation)
        self._networks[network] += 1
        return len(self.sessions) <= in_all and self._networks[network] <= most

    def leave(self, conversation: Conversation, peer: str) -> None:
        """Count it out."""
        self.sessions.discard(conversation)
        network = _network_of(peer)
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]


def _network_of(peer: str) -> str:
    """The network a client is counted with: /24, or /64."""
    address = plain_address(peer)
    if address is None:
        return peer
    width = 24 if address.version == 4 else 64  # noqa: PLR2004 - IPv4
    return str(int(address) >> (address.max_prefixlen - width)) + f"/{width}"


class Session(StaysOnHangup, SMTP):
    """aiosmtpd's side of one connection; it starts the conversation and keeps out of it."""

    def __init__(self, listener: Listener) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(None, hostname=listener.settings.hostname, timeout=_NEVER, loop=loop)
        self._listener = listener

    async def _handle_client(self) -> None:
        """Aiosmtpd calls this when a client has connected."""
        internals.stop_timer(self)
        writer = internals.writer_of(self)
        writer.transport.max_size = READ_SIZE  # type: ignore[attr-defined]  # the selector's transport
        _no_delay(writer.transport)
        await Conversation(self._listener, internals.reader_of(self), writer).run()


def _no_delay(transport: asyncio.WriteTransport) -> None:
    """Answers are short and waited for; they must not wait for more to say."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
