"""One SMTP session as a conversation: what the client says, what it is told, what is kept.

A mail is ours when its bytes, its name and its row are on disk; only then is 250 written
(promise 1). A client that goes away before does not undo a commit that has begun. Everything a
client is told is an SMTP response with an enhanced status code and one sentence in ASCII.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from mail2fax import events
from mail2fax.accepting.admission import Rule, admit, is_within
from mail2fax.accepting.dialogue import arguments, greeting
from mail2fax.accepting.dialogue.data import DotScanner
from mail2fax.accepting.dialogue.lines import EndOfInput, Lines, LineTooLong, NotSmtp
from mail2fax.accepting.dialogue.patience import is_too_slow
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.settings import ListenerSettings, RelayedMail, RelaySettings
from mail2fax.accepting.transaction import Client, Transaction
from mail2fax.clock import Clock
from mail2fax.errors import SpoolError, SpoolFull
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.gate import Gate, GateReading
from mail2fax.spool import naming
from mail2fax.spool.content import MailFile
from mail2fax.spool.records import NewMail
from mail2fax.spool.spool import Spool
from mail2fax.values import Response

_MOST_ERRORS = 20
_FULL = Response(452, "4.3.1", "No room to store mail now. Try again later")
_BROKEN = Response(451, "4.3.0", "The mail could not be stored. Try again later")
_LINE_ENDS = Response(
    554, "5.6.0", "The mail has bare CR, LF or NUL characters. Lines must end with CRLF"
)
_STOPPING = Response(421, "4.3.2", "The service is stopping. Try again later")


class Host(Protocol):
    """What a conversation needs of its listener."""

    settings: ListenerSettings
    spool: Spool
    clock: Clock
    stopping: bool

    def enter(self, conversation: "Conversation", peer: str, rule: Rule | None) -> bool:
        """Count it in; whether there is room for it."""

    def leave(self, conversation: "Conversation", peer: str) -> None:
        """Count it out."""

    def in_background(self, work: Coroutine[Any, Any, str]) -> "asyncio.Task[str]":
        """Run something that goes on when the client has gone."""

    def note(self, sign: Coroutine[Any, Any, None]) -> None:
        """Record something that no client waits for."""


class Conversation:
    """One client's session over a stream, for one listener."""

    def __init__(
        self, host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._host = host
        self._settings = host.settings
        self._spool = host.spool
        self._clock = host.clock
        self._lines = Lines(reader)
        self._writer = writer
        self._id = naming.new_id(self._clock.now())
        self._peer = str((writer.get_extra_info("peername") or [""])[0])
        self._proof = Proof(self._peer)
        self._helo = ""
        self._transaction: Transaction | None = None
        self._errors = 0
        self._at_rest = False
        self._over = False
        self._unread: list[str] = []  # mails whose 250 was written and not yet seen to be read
        self._sent_before = 0  # bytes that had come before that 250 was written
        self._commands = {
            "HELO": self._hello, "EHLO": self._extended_hello, "MAIL": self._mail,
            "RCPT": self._recipient, "DATA": self._data, "RSET": self._reset,
            "NOOP": self._noop, "QUIT": self._quit, "VRFY": self._verify,
            "EXPN": self._expand, "HELP": self._help, "BDAT": self._binary_data,
        }  # fmt: skip

    # The session

    async def run(self) -> None:
        """Converse until either side ends it."""
        has_room = self._host.enter(self, self._peer, admit(self._settings.rules, self._proof))
        events.connected(self._id, self._peer, self._settings.name)
        try:
            await self._converse(has_room=has_room)
        except (EndOfInput, ConnectionError):
            events.client_left(self._id, self._peer, "session")
        except Exception as error:  # noqa: BLE001 - one odd session must not go unseen
            events.bug("session", error)
        finally:
            self._end()

    def _end(self) -> None:
        self._host.leave(self, self._peer)
        self._writer.close()
        if self._unread:
            self._host.note(self._spool.session_ended(self._id))

    async def _converse(self, *, has_room: bool) -> None:
        if not has_room:
            await self._say(Response(421, "4.3.2", "Too many connections. Try again later"))
            return
        await self._write(greeting.banner(self._settings.hostname))
        while self._goes_on():
            line = await self._next_line()
            if line is not None:
                await self._obey(line)
            if self._host.stopping and self._goes_on():
                await self._say(_STOPPING)

    def _goes_on(self) -> bool:
        return not self._over

    async def _next_line(self) -> bytes | None:
        """The next command line; None when there is none, and why has been said."""
        buffered, self._at_rest = self._lines.buffered, True
        try:
            async with asyncio.timeout(self._settings.patience.command):
                line = await self._lines.line()
        except TimeoutError:
            await self._last_words(Response(421, "4.4.2", "No command came in time. Good bye"))
        except LineTooLong:
            await self._last_words(Response(500, "5.5.2", "The line is too long. Good bye"))
        except NotSmtp as stranger:
            events.not_smtp(self._id, self._peer, str(stranger))
            await self._last_words(Response(500, "5.5.2", f"This is SMTP, not {stranger}"))
        else:
            self._note_sign(buffered, len(line) + 1)
            return line
        finally:
            self._at_rest = False
        return None

    def _note_sign(self, buffered: int, length: int) -> None:
        """A command that was sent after our 250 shows that it was read (L9)."""
        if self._sent_before > 0 and buffered:
            self._sent_before -= length
            return
        self._sent_before = 0
        for mail_id in self._unread:
            self._host.note(self._spool.answer_read(mail_id))
        self._unread.clear()

    async def _obey(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        command = self._commands.get(verb.decode("ascii", "replace").upper())
        if command is None:
            await self._say(Response(500, "5.5.1", "The command is not known"))
            return
        try:
            argument = rest.decode("utf-8").strip()
        except UnicodeDecodeError:
            await self._say(Response(501, "5.5.2", "Only ASCII and UTF-8 are understood"))
            return
        try:
            await command(argument)
        except (EndOfInput, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - a client is never told our insides (L3)
            events.accept_failed("-", self._id, error)
            await self._say(Response(451, "4.3.0", "An internal error. Try again later"))

    def dismiss(self) -> None:
        """The service stops: a session that waits for a command is told so and ended."""
        if self._at_rest and not self._over:
            self._over = True
            self._writer.write(f"{_STOPPING}\r\n".encode("ascii"))
            self._writer.close()

    def abort(self) -> None:
        """End it, whatever it does."""
        self._writer.transport.abort()

    # Words

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _say(self, response: Response, at: str = "") -> None:
        """Answer; too many errors end the session (L10)."""
        refused = response.code >= 400  # noqa: PLR2004 - RFC 5321 4.2.1
        if refused and at:
            events.refused_on_the_line(self._id, self._peer, at, str(response))
        await self._write(f"{response}\r\n".encode("ascii", "replace"))
        self._errors += refused
        if response.code == 421:  # noqa: PLR2004 - RFC 5321 3.8: closing
            self._over = True
        elif self._errors > _MOST_ERRORS:
            await self._last_words(Response(421, "4.7.0", "Too many errors. Good bye"))

    async def _last_words(self, response: Response) -> None:
        """Answer and end the session."""
        self._over = True
        await self._write(f"{response}\r\n".encode("ascii", "replace"))

    # Commands

    async def _hello(self, argument: str) -> None:
        if await self._greeted(argument):
            await self._say(Response(250, "", self._settings.hostname))

    async def _extended_hello(self, argument: str) -> None:
        if await self._greeted(argument):
            await self._write(greeting.ehlo(self._settings.hostname, self._settings.size))

    async def _greeted(self, argument: str) -> bool:
        if not argument:
            await self._say(Response(501, "5.5.4", "Say who you are: EHLO name"))
            return False
        self._helo = argument[:255]
        self._transaction = None
        return True

    async def _mail(self, argument: str) -> None:
        found = arguments.mail_argument(argument)
        if isinstance(found, Response):
            await self._say(found, "MAIL")
        elif not self._helo:
            await self._say(Response(503, "5.5.1", "Say EHLO first"), "MAIL")
        elif self._transaction is not None:
            await self._say(Response(503, "5.5.1", "A mail has begun already. Say RSET"), "MAIL")
        elif found.size > self._settings.size:
            await self._say(self._too_large(), "MAIL")
        elif not self._spool.content.has_room(found.size):
            await self._say(_FULL, "MAIL")
        else:
            self._transaction = Transaction(found.path, found.size)
            await self._say(Response(250, "2.1.0", "OK"))

    def _too_large(self) -> Response:
        most = self._settings.size // 1_000_000
        return Response(552, "5.3.4", f"The mail is larger than {most} MB. Send it in parts")

    async def _recipient(self, argument: str) -> None:
        path = arguments.rcpt_argument(argument)
        transaction = self._transaction
        if transaction is None:
            await self._say(Response(503, "5.5.1", "Say MAIL first"), "RCPT")
            return
        if isinstance(path, Response):
            await self._say(path, "RCPT")
            return
        reach = self._reach(transaction)
        if isinstance(reach, Response):
            await self._say(transaction.refuse(path, reach), "RCPT")
        else:
            await self._say(transaction.add(path, reach, self._settings.limits), "RCPT")

    def _reach(self, transaction: Transaction) -> AddressRules | Response:
        """How this client's recipients are read, or why it may have none."""
        relay = self._settings.relay
        if relay is not None:
            return self._reach_of_server(relay, transaction)
        transaction.rule = admit(self._settings.rules, self._proof)
        if transaction.rule is None:
            text = f"{self._peer} may not send faxes here. An administrator can add it to senders"
            return Response(550, "5.7.1", text)
        return transaction.rule.addresses

    def _reach_of_server(
        self, relay: RelaySettings, transaction: Transaction
    ) -> AddressRules | Response:
        """A mail server only opens the conversation; whose mail it is shows after the dot."""
        if self._peer and not is_within(self._peer, relay.servers):
            text = f"{self._peer} is no mail server of ours. An administrator can name it"
            return Response(550, "5.7.1", text)
        if not transaction.mail_from:
            return Response(550, "5.7.1", "A mail without a sender is not faxed")
        return relay.reach

    async def _reset(self, _argument: str) -> None:
        self._transaction = None
        await self._say(Response(250, "2.0.0", "OK"))

    async def _noop(self, _argument: str) -> None:
        await self._say(Response(250, "2.0.0", "OK"))

    async def _quit(self, _argument: str) -> None:
        await self._last_words(Response(221, "2.0.0", "Bye"))

    async def _verify(self, _argument: str) -> None:
        await self._say(Response(252, "2.1.5", "Send it to see"))

    async def _expand(self, _argument: str) -> None:
        await self._say(Response(502, "5.5.1", "EXPN is not served"))

    async def _help(self, _argument: str) -> None:
        await self._say(Response(214, "2.0.0", "Mail the documents to a fax number"))

    async def _binary_data(self, _argument: str) -> None:
        # What follows BDAT is data; reading it as commands would be dangerous (L5).
        await self._last_words(Response(502, "5.5.1", "BDAT is not served. Use DATA"))

    # Data

    async def _data(self, _argument: str) -> None:
        transaction = self._transaction
        if transaction is None or not transaction.paths:
            refused = transaction is not None and transaction.refused
            text = "No valid recipients" if refused else "Say MAIL and RCPT first"
            code = Response(554, "5.5.1", text) if refused else Response(503, "5.5.1", text)
            await self._say(code, "DATA")
            return
        self._transaction = None
        mail_id = naming.new_id(self._clock.now())
        try:
            file = self._spool.content.new_mail(mail_id)
        except SpoolFull:
            await self._say(_FULL, "DATA")
            return
        with file:
            await self._receive(transaction, mail_id, file)

    async def _receive(self, transaction: Transaction, mail_id: str, file: MailFile) -> None:
        await self._write(b"354 Send the mail, end it with a dot alone on a line\r\n")
        gate = Gate()
        refusal = await self._stream(gate, file)
        if refusal is None:
            found = gate.finish()
            refusal = found.verdict.refusal or await self._judged(transaction, found, file)
            if refusal is None:
                reference = naming.new_reference()
                client = Client(self._id, self._proof, self._helo, self._settings.name)
                now = self._clock.now()
                mail = transaction.new_mail(mail_id, reference, now, client, found)
                await self._commit(mail, file)
                return
        await self._say(refusal, "DATA")
        if refusal is _LINE_ENDS:
            self._over = True

    async def _judged(
        self, transaction: Transaction, found: GateReading, file: MailFile
    ) -> Response | None:
        """Whose mail a server handed over, by the proven From (L6a); the refusal, or None."""
        relay = self._settings.relay
        if relay is None:
            return None
        mail = RelayedMail(file.path, transaction.mail_from, self._proof, found)
        rule = await relay.judge(mail)
        return rule if isinstance(rule, Response) else transaction.submit_to(rule)

    async def _stream(self, gate: Gate, file: MailFile) -> Response | None:
        """Take the data to disk, past the gate; why they cannot be kept, or None."""
        scanner, size, refusal = DotScanner(), 0, None
        began = self._clock.now()
        while not scanner.done:
            data = scanner.feed(await self._next_chunk(began, size))
            size += len(data)
            if size > 2 * self._settings.size:
                return Response(421, "4.3.4", "The mail never ends. Good bye")
            if refusal is None and size > self._settings.size:
                refusal = self._too_large()
            if refusal is None:
                gate.feed(data)
                refusal = _written(file, data)
        self._lines.give_back(scanner.rest)
        return _LINE_ENDS if scanner.improper else refusal

    async def _next_chunk(self, began: float, received: int) -> bytes:
        """The next bytes of data.

        Raises:
            EndOfInput: none came in time, or the client has gone.
        """
        try:
            async with asyncio.timeout(self._settings.patience.silence):
                data = await self._lines.chunk()
        except TimeoutError:
            await self._last_words(Response(421, "4.4.2", "No data came in time. Good bye"))
            raise EndOfInput from None
        if is_too_slow(self._settings.patience, self._clock.now() - began, received + len(data)):
            await self._last_words(Response(421, "4.4.2", "The data come too slowly. Good bye"))
            raise EndOfInput
        return data

    async def _commit(self, mail: NewMail, file: MailFile) -> None:
        """Make the mail ours, then say 250; the client's leaving undoes nothing (L2)."""
        self._unread.append(mail.id)
        task = self._host.in_background(self._spool.accept(mail, file))
        try:
            reference = await asyncio.shield(task)
        except SpoolError as error:
            self._unread.remove(mail.id)
            events.accept_failed(mail.reference, self._id, error)
            await self._say(_FULL if isinstance(error, SpoolFull) else _BROKEN, "DATA")
            return
        count = len(mail.destinations)
        events.accepted(reference, self._id, self._peer, mail.size, count, mail.who)
        faxes = "1 fax" if count == 1 else f"{count} faxes"
        self._sent_before = self._lines.buffered  # proves nothing: it came before the 250
        await self._say(Response(250, "2.0.0", f"{reference} accepted, {faxes}"))


def _written(file: MailFile, data: bytes) -> Response | None:
    """Write to the mail's file; the response when the disk does not take it."""
    try:
        file.write(data)
    except SpoolFull:
        return _FULL
    except SpoolError:
        return _BROKEN
    return None
