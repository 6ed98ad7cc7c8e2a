"""One SMTP or LMTP session as a conversation: what the client says and what it is told.

Everything a client is told is a response with an enhanced status code and one sentence in
ASCII. What it has proved so far is one `Proof`; a mail between MAIL and its dot is one
`Transaction`; taking it is `taking`'s.
"""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from mail2fax import events
from mail2fax.accepting.admission import admit, is_within
from mail2fax.accepting.dialogue import arguments, greeting, login
from mail2fax.accepting.dialogue.data import LF
from mail2fax.accepting.dialogue.lines import LineTooLong, NotSmtp
from mail2fax.accepting.dialogue.link import EndOfInput
from mail2fax.accepting.dialogue.proxy import BadProxyHeader
from mail2fax.accepting.dialogue.tls import Certificates
from mail2fax.accepting.people import office_of
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.reception import Host as ReceptionHost
from mail2fax.accepting.reception import Reception
from mail2fax.accepting.settings import TryLater
from mail2fax.accepting.signs import Signs
from mail2fax.accepting.sockets import are_descriptors_short
from mail2fax.accepting.taking import NO_ROOM, Answer, Taking, too_large
from mail2fax.accepting.taking import Host as TakingHost
from mail2fax.accepting.transaction import Client, Transaction
from mail2fax.accepting.wire import Farewell, Wire
from mail2fax.spool import naming
from mail2fax.spool.notices import Refusal
from mail2fax.values import Response

_MOST_ERRORS = 20
_LONGEST_SHOWN = 200
_MOST_JUNK = 100
_JUNK = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP", "HELO", "EHLO", "LHLO"})
_ONLY_SAID = {
    "NOOP": Response(250, "2.0.0", "OK"),
    "VRFY": Response(252, "2.1.5", "Send it to see"),
    "EXPN": Response(502, "5.5.1", "EXPN is not served"),
    "HELP": Response(214, "2.0.0", "Mail the documents to a fax number"),
}
_STOPPING = Response(421, "4.3.2", "The service is stopping. Try again later")
_CROWDED = Response(421, "4.3.2", "Too many connections. Try again later")
_HELLO_FIRST = Response(503, "5.5.1", "Say EHLO first")


class Host(TakingHost, ReceptionHost, Protocol):
    """What a conversation needs of its listener."""

    stopping: bool
    certificates: Certificates | None

    def enter(self, conversation: "Conversation") -> bool:
        """Count it in; whether there is room for it."""

    def logged_in(self, conversation: "Conversation") -> None:
        """It has proved a login."""

    def recognised(self, conversation: "Conversation") -> None:
        """It has shown a certificate that a rule names."""

    def leave(self, conversation: "Conversation") -> None:
        """Count it out."""

    def note(self, sign: Coroutine[Any, Any, None]) -> None:
        """Record something that no client waits for."""


class Conversation:
    """One client's session over a wire, for one listener.

    Attributes:
        id: of the session, as log and ledger call it.
        proof: what the client has proved so far.
        is_known: whether a rule names its address or certificate.
        record: what was said.
    """

    def __init__(self, host: Host, wire: Wire) -> None:
        self._host = host
        self._settings = host.settings
        self._spool = host.spool
        self._wire = wire
        self.id = naming.new_id(host.clock.now())
        self.proof = Proof(wire.peer)
        self.is_known = False
        self.record = wire.record
        self._helo = ""
        self._is_extended = False
        self._transaction: Transaction | None = None
        self._asked_for = ""  # the last recipient, as written, for the office of a device
        self._errors = 0
        self._junk = 0
        self._at_rest = False
        self._signs = Signs(lambda mail_id: host.note(self._spool.answer_read(mail_id)))
        self._taking = Taking(host, wire, self._signs)
        self._reception = Reception(host)
        self._commands: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
            "MAIL": self._mail, "RCPT": self._recipient, "DATA": self._data,
            "RSET": self._reset, "QUIT": self._quit, "BDAT": self._binary_data,
            "STARTTLS": self._start_tls, "AUTH": self._auth,
            **{name: partial(self._say_only, name) for name in _ONLY_SAID},
        }  # fmt: skip
        if self._settings.is_lmtp:
            self._commands["LHLO"] = self._extended_hello
        else:
            self._commands |= {"HELO": self._hello, "EHLO": self._extended_hello}

    # The session

    async def run(self) -> None:
        """Converse until either side ends it."""
        has_entered = False
        try:
            await self._learn_peer()
            has_entered = self._host.enter(self)
            events.connected(self.id, self.proof.peer, self._settings.name)
            await self._converse(has_room=has_entered)
        except (EndOfInput, ConnectionError):
            events.client_left(self.id, self.proof.peer, "session")
        except BadProxyHeader as error:
            events.bad_proxy_header(self.id, self.proof.peer, str(error))
        except Exception as error:  # noqa: BLE001 - one odd session must not go unseen
            events.bug("session", error)
        finally:
            await self._end(has_entered=has_entered)

    async def _learn_peer(self) -> None:
        """Behind a balancer that is believed, the client is who its header says (L5)."""
        settings = self._settings
        if is_within(self.proof.peer, settings.proxy_from):
            try:
                announced = await self._wire.lines.announced(settings.patience.hello)
            except TimeoutError:
                raise BadProxyHeader("it did not come in time") from None
            self.proof = Proof(announced)
        self.is_known = self._reception.may_admit(self.proof)

    async def _end(self, *, has_entered: bool) -> None:
        if self._signs.missing:
            self._host.note(self._spool.session_ended(self.id))
        if has_entered:
            await self._wire.finish()
            self._host.leave(self)
        else:
            self._wire.close()

    async def _converse(self, *, has_room: bool) -> None:
        settings = self._settings
        if not has_room:
            events.crowded(self.id, self.proof.peer, settings.name)
            if not settings.tls_first:
                await self._wire.last_words(_CROWDED)
            return
        try:
            if settings.tls_first:
                assert self._host.certificates is not None, "the configuration asks for them"
                await self._handshake(self._host.certificates)
            protocol = "LMTP" if settings.is_lmtp else "ESMTP"
            await self._wire.write(greeting.banner(settings.hostname, protocol))
            while not self._wire.over:
                await self._obey(await self._next_line())
                if self._host.stopping and not self._wire.over:
                    await self._say(_STOPPING)
        except Farewell as end:
            await self._wire.last_words(end.response)

    async def _next_line(self) -> bytes:
        """The next line.

        Raises:
            EndOfInput: the client has gone.
            Farewell: there is none, and the session is over.
        """
        lines = self._wire.lines
        buffered, self._at_rest = lines.buffered, True
        try:
            line = await self._wire.line(self._settings.patience.command)
        except TimeoutError:
            text = "No command came in time. Good bye"
            raise Farewell(Response(421, "4.4.2", text)) from None
        except LineTooLong:
            text = "The line is too long. Good bye"
            raise Farewell(Response(500, "5.5.2", text)) from None
        except NotSmtp as stranger:
            events.not_smtp(self.id, self.proof.peer, str(stranger))
            text = f"This is SMTP, not {stranger}"
            raise Farewell(Response(500, "5.5.2", text)) from None
        finally:
            self._at_rest = False
        self._signs.command(buffered, len(line) + 1)
        return line

    async def _obey(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        name = verb.decode("ascii", "replace").upper()
        command = self._commands.get(name)
        if command is None or b"\r" in line:
            await self._say(Response(500, "5.5.1", "The command is not known"))
            return
        self._count_junk(name)
        try:
            argument = rest.decode("utf-8").strip()
        except UnicodeDecodeError:
            await self._say(Response(501, "5.5.2", "Only ASCII and UTF-8 are understood"))
            return
        try:
            await command(argument)
        except (EndOfInput, ConnectionError, Farewell):
            raise
        except Exception as error:  # noqa: BLE001 - a client is never told our insides (L3)
            events.accept_failed("-", self.id, error)
            await self._say(Response(451, "4.3.0", "An internal error. Try again later"))

    def _count_junk(self, name: str) -> None:
        """Commands that lead nowhere renew the timer; not for ever (L10)."""
        self._junk = self._junk + 1 if name in _JUNK else self._junk
        if self._junk > _MOST_JUNK:
            raise Farewell(Response(421, "4.7.0", "Too many commands without a mail. Good bye"))

    def dismiss(self) -> None:
        """The service stops: a session that waits for a command is told so and ended."""
        if self._at_rest and not self._wire.over:
            self._wire.dismiss(_STOPPING)

    def abort(self) -> None:
        """End it, whatever it does."""
        self._wire.abort()

    async def _say(self, response: Response, at: str = "", *, forgiven: bool = False) -> None:
        """Answer; too many errors end the session, but for those that are forgiven (L10)."""
        refused = response.code >= 400  # noqa: PLR2004 - RFC 5321 4.2.1
        if refused and at:
            events.refused_on_the_line(self.id, self.proof.peer, at, str(response))
            self._tell_office(response)
        await self._wire.say(response)
        self._errors += refused and not forgiven
        if self._errors > _MOST_ERRORS and not self._wire.over:
            raise Farewell(Response(421, "4.7.0", "Too many errors. Good bye"))

    def _tell_office(self, response: Response) -> None:
        """A panel shows only a code: the office of a known device is told by mail (L7)."""
        rule = admit(self._settings.rules, self.proof)
        told = office_of(rule) if rule is not None else ()
        if rule is None or not told or response.code < 500:  # noqa: PLR2004 - RFC 5321 4.2.1
            return
        device, asked_for = rule.identity_of(self.proof), self._asked_for[:_LONGEST_SHOWN]
        refusal = Refusal(device.who, self.proof.peer, asked_for, str(response), told)
        self._host.note(self._spool.note_refusal(refusal))

    # Who is there

    async def _hello(self, argument: str) -> None:
        if await self._greeted(argument):
            events.old_client(self.id, self.proof.peer)
            self._is_extended = False
            await self._say(Response(250, "", self._settings.hostname))

    async def _extended_hello(self, argument: str) -> None:
        if await self._greeted(argument):
            self._is_extended = True
            await self._wire.write(greeting.ehlo(self._settings.hostname, self._capabilities()))

    def _capabilities(self) -> Iterator[str]:
        """What holds for this client now (L5)."""
        if self._wire.lines.end != LF:
            yield "PIPELINING"
        yield f"SIZE {self._settings.size}"
        yield from ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
        if self._settings.reports:
            yield "DSN"
        if self._no_tls() is None:
            yield "STARTTLS"
        if self._no_login() is None:
            yield f"AUTH {' '.join(login.MECHANISMS)}"

    async def _greeted(self, argument: str) -> bool:
        if not argument:
            await self._say(Response(501, "5.5.4", "Say who you are: EHLO name"))
            return False
        self._helo = argument[:255]
        self._transaction = None
        return True

    async def _start_tls(self, argument: str) -> None:
        refusal = self._no_tls()
        if argument:
            refusal = Response(501, "5.5.4", "STARTTLS stands alone")
        if refusal is not None:
            await self._say(refusal, "STARTTLS")
            return
        if self._wire.lines.buffered:
            events.tls_failed(self.id, self.proof.peer, "commands before the handshake")
            text = "Nothing may be sent between STARTTLS and the handshake. Good bye"
            raise Farewell(Response(501, "5.5.1", text))
        assert self._host.certificates is not None, "see _no_tls"
        await self._handshake(self._host.certificates, b"220 2.0.0 Begin the handshake\r\n")

    def _no_tls(self) -> Response | None:
        """Why STARTTLS cannot be; None if it can."""
        if self._wire.is_tls:
            return Response(503, "5.5.1", "TLS is on already")
        if self._host.certificates is None or self._wire.lines.end == LF:
            return Response(502, "5.5.1", "STARTTLS is not served here")
        return None

    async def _handshake(self, certificates: Certificates, go_ahead: bytes = b"") -> None:
        """TLS from here on; what was said in the clear counts no more (RFC 3207 4.2)."""
        if certificates.refresh():
            events.certificate_read(self._settings.name, certificates.problem)
        try:
            names = await self._wire.start_tls(certificates.context, go_ahead)
        except OSError as error:
            events.tls_failed(self.id, self.proof.peer, str(error))
            raise EndOfInput from None
        self._helo, self._is_extended, self._transaction = "", False, None
        self.proof = Proof(self.proof.peer, names)
        if not self.is_known and self._reception.may_admit(self.proof):
            self._host.recognised(self)
            self.is_known = True

    async def _auth(self, argument: str) -> None:
        refusal = self._no_login() or self._no_login_now()
        logins = self._settings.logins
        if refusal is not None or logins is None:
            await self._say(refusal or Response(502, "5.5.1", "No logins"), "AUTH")
            return
        try:
            claim = await login.claimed(argument, self._asked)
            found = await logins(claim.login, claim.password, self.proof.peer)
        except login.AuthRefused as refused:
            await self._say(refused.response, "AUTH")
            return
        except TryLater:
            text = "Logins cannot be checked now. Try again later"
            await self._say(Response(454, "4.7.0", text), "AUTH")
            return
        if found is None:
            await self._say(Response(535, "5.7.8", "The login or the password is wrong"), "AUTH")
            return
        self.proof = replace(self.proof, login=found)
        events.logged_in(self.id, self.proof.peer)
        self._host.logged_in(self)
        await self._say(Response(235, "2.7.0", "Welcome"))

    async def _asked(self, challenge: bytes) -> bytes:
        """What the client answers to a challenge."""
        await self._wire.write(challenge)
        return await self._next_line()

    def _no_login(self) -> Response | None:
        """Why this client cannot log in at all here; None if it can."""
        settings = self._settings
        if settings.logins is None:
            return Response(502, "5.5.1", "AUTH is not served here")
        if not self._wire.is_tls and not is_within(self.proof.peer, settings.auth_without_tls):
            return Response(538, "5.7.11", "Logins need TLS. Say STARTTLS first")
        return None

    def _no_login_now(self) -> Response | None:
        if self.proof.login is not None:
            return Response(503, "5.5.1", "You are logged in already")
        if self._transaction is not None:
            return Response(503, "5.5.1", "A mail has begun already. Say RSET")
        if not self._helo or not (self._is_extended or self._settings.legacy):
            return _HELLO_FIRST
        return None

    # A mail

    async def _mail(self, argument: str) -> None:
        self._asked_for = ""
        found = arguments.mail_argument(argument)
        if isinstance(found, Response):
            await self._say(found, "MAIL")
        elif not self._helo:
            await self._say(_HELLO_FIRST, "MAIL")
        elif self._transaction is not None:
            await self._say(Response(503, "5.5.1", "A mail has begun already. Say RSET"), "MAIL")
        elif found.size > self._settings.size:
            await self._say(too_large(self._settings.size), "MAIL")
        elif not self._spool.content.has_room(found.size) or are_descriptors_short():
            await self._say(NO_ROOM, "MAIL")
        else:
            contacts = self._settings.contacts()
            self._transaction = Transaction(
                found.path, found.size, contacts=contacts,
                envelope_id=found.envelope_id, returned=found.returned,
            )  # fmt: skip
            await self._say(Response(250, "2.1.0", "OK"))

    async def _recipient(self, argument: str) -> None:
        found = arguments.rcpt_argument(argument)
        self._asked_for = argument.partition(":")[2].strip()
        transaction = self._transaction
        if transaction is None:
            await self._say(Response(503, "5.5.1", "Say MAIL first"), "RCPT")
            return
        if isinstance(found, Response):
            await self._say(found, "RCPT")
            return
        may_log_in = self._no_login() is None
        said = await self._reception.received(found, transaction, self.proof, may_log_in=may_log_in)
        forgiven = self._reception.may_err(transaction, self.proof)
        await self._say(said, "RCPT", forgiven=forgiven)

    async def _data(self, _argument: str) -> None:
        transaction = self._transaction
        if transaction is None or transaction.is_empty:
            refused = transaction is not None and transaction.refused
            text = "No valid recipients" if refused else "Say MAIL and RCPT first"
            code = Response(554, "5.5.1", text) if refused else Response(503, "5.5.1", text)
            await self._say(code, "DATA")
            return
        self._transaction = None
        client = Client(self.id, self.proof, self._helo, self._settings.name)
        answer = await self._taking.take(transaction, client)
        self._junk = 0 if answer.taken else self._junk
        await self._answer(transaction, answer)

    async def _answer(self, transaction: Transaction, answer: Answer) -> None:
        """Tell what became of a mail: once, or in LMTP for each recipient (RFC 2033 4.2)."""
        self._wire.over = answer.ends
        if not self._settings.is_lmtp:
            await self._say(answer.response, "DATA")
            return
        if not answer.taken:
            events.refused_on_the_line(self.id, self.proof.peer, "DATA", str(answer.response))
        each = transaction.answers(answer.response)
        await self._wire.say(*each)

    # The others

    async def _say_only(self, name: str, _argument: str) -> None:
        await self._say(_ONLY_SAID[name])

    async def _reset(self, _argument: str) -> None:
        self._transaction = None
        await self._say(Response(250, "2.0.0", "OK"))

    async def _quit(self, _argument: str) -> None:
        await self._wire.last_words(Response(221, "2.0.0", "Bye"))

    async def _binary_data(self, _argument: str) -> None:
        # What follows BDAT is data; reading it as commands would be dangerous (L5).
        raise Farewell(Response(502, "5.5.1", "BDAT is not served. Use DATA"))
