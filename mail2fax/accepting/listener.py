"""The SMTP listener, and the only place that imports aiosmtpd.

Each of aiosmtpd's faults has a file in `dialogue`; what is said and done in a session is the
`conversation`'s.
"""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from aiosmtpd.smtp import SMTP

from mail2fax import events
from mail2fax.accepting import answer_address, sockets
from mail2fax.accepting.conversation import Conversation
from mail2fax.accepting.crowd import Crowd, CrowdLimits
from mail2fax.accepting.dialogue import internals
from mail2fax.accepting.dialogue.link import READ_SIZE, Link
from mail2fax.accepting.dialogue.members import FewMembers
from mail2fax.accepting.dialogue.tls import Certificates
from mail2fax.accepting.doctor.dialogue import Offer, Record
from mail2fax.accepting.doctor.shelf import Shelf
from mail2fax.accepting.doorbell import Doorbell
from mail2fax.accepting.postmaster import TOO_MANY
from mail2fax.accepting.probes import Probes
from mail2fax.accepting.settings import ListenerSettings
from mail2fax.accepting.wire import Wire
from mail2fax.clock import Clock
from mail2fax.errors import SpoolError
from mail2fax.spool.spool import Spool

_NEVER = 86400.0


class Listener:
    """Takes mail for a spool."""

    def __init__(
        self,
        settings: ListenerSettings,
        spool: Spool,
        clock: Clock,
        crowd: Crowd | None = None,
        shelf: Shelf | None = None,
        probes: Probes | None = None,
    ) -> None:
        """Make ready to listen.

        Args:
            settings: of this listener.
            spool: takes the mails.
            clock: for timers.
            crowd: counts the sessions of all listeners together.
            shelf: keeps the dialogues of all listeners together.
            probes: of ``mail2fax check``, whichever listener they come by.
        """
        self.settings = settings
        self.spool = spool
        self.clock = clock
        self.stopping = False
        self.doorbell = Doorbell(TOO_MANY)
        self.guesses = Doorbell(answer_address.TOO_MANY)
        self.probes = probes or Probes()
        self.certificates: Certificates | None = None
        self.sessions: set[Conversation] = set()
        self.offer = offer_of(settings)
        self.buffer = memoryview(bytearray(READ_SIZE))
        self._crowd = crowd or Crowd(CrowdLimits())
        self._shelf = shelf or Shelf()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
            CertificateError: the TLS files are no good.
        """
        internals.silence_log()
        loop = asyncio.get_running_loop()
        if self.settings.tls is not None:
            self.certificates = Certificates(self.settings.tls)
        for one in sockets.listening(self.settings.place):
            self._servers.append(await loop.create_server(lambda: Session(self), sock=one))

    def read_certificates(self) -> None:
        """Read the TLS files again, changed or not (SIGHUP)."""
        if self.certificates is not None and self.certificates.refresh(always=True):
            events.certificate_read(self.settings.name, self.certificates.problem)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it really listens; a UNIX socket's path has port 0."""
        names = (one.getsockname() for server in self._servers for one in server.sockets)
        return [(name, 0) if isinstance(name, str) else name[:2] for name in names]

    async def stop(self, grace: float = 30.0) -> None:
        """Take no more mail: idle sessions get 421 now, others after the mail in hand (L10)."""
        self.stopping = True
        for server in self._servers:
            server.close()
        if self._servers and self.settings.place.socket is not None:
            self.settings.place.socket.unlink(missing_ok=True)
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

    def enter(self, conversation: Conversation) -> bool:
        """Count a session in; whether there is room for it. Its dialogue is kept anyway."""
        conversation.record.peer = conversation.proof.peer
        self._shelf.keep(conversation.record, known=conversation.is_known)
        has_room = self._crowd.enter(conversation.proof.peer, known=conversation.is_known)
        if has_room:
            self.sessions.add(conversation)
        return has_room

    def logged_in(self, conversation: Conversation) -> None:
        """A session has proved a login."""
        self._crowd.logged_in(conversation.proof.peer, known=conversation.is_known)

    def recognised(self, conversation: Conversation) -> None:
        """A session has shown a certificate that a rule names."""
        self._crowd.recognise(conversation.proof.peer)

    def leave(self, conversation: Conversation) -> None:
        """Count it out."""
        self.sessions.discard(conversation)
        proof = conversation.proof
        self._crowd.leave(
            proof.peer, known=conversation.is_known, logged_in=proof.login is not None
        )


class Session(FewMembers, SMTP):
    """aiosmtpd's side of one connection: it starts the conversation and keeps out of it."""

    link: Link

    def __init__(self, listener: Listener) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(None, hostname=listener.settings.hostname, timeout=_NEVER, loop=loop)
        self._listener = listener

    def connection_made(self, transport: Any) -> None:
        """A client has connected: what it sends goes to the link, nothing to aiosmtpd."""
        super().connection_made(transport)
        internals.stop_timer(self)
        _no_delay(transport)
        self.link = Link(transport, self._listener.buffer)
        transport.set_protocol(self.link)

    async def _handle_client(self) -> None:
        """The session; aiosmtpd has made it a task."""
        settings = self._listener.settings
        unread_for = settings.patience.command
        record = Record(self._listener.offer, self._listener.clock.now)
        wire = Wire(self.link, may_end_lf=settings.legacy, unread_for=unread_for, record=record)
        await Conversation(self._listener, wire).run()


def offer_of(settings: ListenerSettings) -> Offer:
    """What a listener offers, for the doctor."""
    logins = frozenset(name for rule in settings.rules for name in rule.logins)
    return Offer(
        settings.name,
        legacy=settings.legacy,
        serves_tls=settings.tls is not None,
        logins=logins if settings.logins is not None else None,
        rehearses=settings.rehearses,
    )


def _no_delay(transport: asyncio.WriteTransport) -> None:
    """Answers are short and waited for; they must not wait for more to say."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
