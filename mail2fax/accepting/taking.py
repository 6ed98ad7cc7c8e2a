"""One mail from 354 to its answer: to disk past the first gate, judged, committed (promise 1).

A mail is ours when its bytes, its name and its row are on disk; only then is 250 said. A client
that goes away before does not undo a commit that has begun (L2).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from mail2fax import events
from mail2fax.accepting.admission import Rule
from mail2fax.accepting.dialogue.data import DotScanner
from mail2fax.accepting.dialogue.patience import PatienceSettings, is_too_slow
from mail2fax.accepting.postmaster import LARGE, MOST_BYTES
from mail2fax.accepting.probes import Probes
from mail2fax.accepting.returned import heard
from mail2fax.accepting.settings import ListenerSettings, RelayedMail
from mail2fax.accepting.signs import Signs
from mail2fax.accepting.transaction import Client, Transaction
from mail2fax.accepting.wire import Farewell, Wire
from mail2fax.clock import Clock
from mail2fax.errors import NotAdmitted, SpoolError, SpoolFull
from mail2fax.reading.gate import Gate, GateReading
from mail2fax.spool import naming
from mail2fax.spool.content import MailFile
from mail2fax.spool.records import NewMail
from mail2fax.spool.spool import Spool
from mail2fax.values import Response

NO_ROOM = Response(452, "4.3.1", "No room to store mail now. Try again later")
_BROKEN = Response(451, "4.3.0", "The mail could not be stored. Try again later")
_LINE_ENDS = Response(
    554, "5.6.0", "The mail has bare CR, LF or NUL characters. Lines must end with CRLF"
)
_REFUSALS = 400  # RFC 5321 4.2.1
_MOST_OF_ANSWER = 5_000_000
_LONG_ANSWER = Response(
    552, "5.3.4", "An answer is one word and may have 5 MB. Nothing attached to it is faxed"
)
_NO_ANSWER = Response(550, "5.7.1", "An automatic mail is no answer. Nothing was changed")
_PROBED = Response(250, "2.0.0", "The probe has arrived. It is not kept")
_REHEARSED = Response(451, "4.3.0", "This was a rehearsal. Nothing is faxed")
_GO_AHEAD = b"354 Send the mail, end it with a dot alone on a line\r\n"


class Host(Protocol):
    """What taking a mail needs of the listener."""

    settings: ListenerSettings
    spool: Spool
    clock: Clock
    probes: Probes

    def in_background(self, work: Coroutine[Any, Any, str]) -> "asyncio.Task[str]":
        """Run something that goes on when the client has gone."""


class Arriving:
    """A mail's data on their way from the wire to the disk, past the gate.

    Attributes:
        scanner: finds their end, and keeps what came behind it.
        refusal: why they cannot be kept; the rest is read and dropped.
    """

    def __init__(
        self,
        scanner: DotScanner,
        gate: Gate,
        file: MailFile,
        bound: tuple[int, Response],
        patience: PatienceSettings,
        clock: Clock,
    ) -> None:
        """Make ready for the first bytes behind 354.

        Args:
            scanner: new.
            gate: new.
            file: where they go.
            bound: the most bytes, and what is said of more.
            patience: how slowly they may come.
            clock: for that.
        """
        self.scanner = scanner
        self.refusal: Response | None = None
        self._gate = gate
        self._file = file
        self._most, self._large = bound
        self._patience = patience
        self._clock = clock
        self._began = clock.now()
        self._received = self._size = 0

    def take(self, chunk: bytes) -> bool:
        """Take the next bytes; whether the end was among them.

        Raises:
            Farewell: they come too slowly, or never end.
        """
        self._received += len(chunk)
        data = self.scanner.feed(chunk)
        self._size += len(data)
        if self._size > 2 * self._most:
            raise Farewell(Response(421, "4.3.4", "The mail never ends. Good bye"))
        if self.refusal is None and self._size > self._most:
            self.refusal = self._large
        if self.refusal is None:
            self._gate.feed(data)
            self.refusal = _written(self._file, data)
        if is_too_slow(self._patience, self._clock.now() - self._began, self._received):
            raise Farewell(Response(421, "4.4.2", "The data come too slowly. Good bye"))
        return self.scanner.done


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is told about its mail.

    Attributes:
        response: of the whole mail.
        taken: it is ours.
        ends: the session is over.
    """

    response: Response
    taken: bool = False
    ends: bool = False


class Taking:
    """Takes the mails of one session."""

    def __init__(self, host: Host, wire: Wire, signs: Signs) -> None:
        self._host = host
        self._settings = host.settings
        self._wire = wire
        self._signs = signs

    async def take(self, transaction: Transaction, client: Client) -> Answer:
        """Say 354 and take a mail, up to what is to be said about it.

        Raises:
            EndOfInput: the client went away in the middle.
            Farewell: it was too slow, or never ended.
        """
        mail_id = naming.new_id(self._host.clock.now())
        try:
            file = self._host.spool.content.new_mail(mail_id)
        except SpoolFull:
            return Answer(NO_ROOM)
        with file:
            await self._wire.write(_GO_AHEAD)
            gate = Gate(nested=_may_be_nested(transaction))
            refusal = await self._stream(self._arriving(transaction, gate, file))
            if refusal is not None:
                return Answer(refusal, ends=refusal is _LINE_ENDS)
            found = gate.finish()
            if self._settings.rehearses:
                return Answer(found.verdict.refusal or _REHEARSED)
            if transaction.is_answer:
                return await self._take_answer(transaction, mail_id, client, found, file)
            return await self._take_mail(transaction, mail_id, client, found, file)

    async def _take_mail(
        self,
        transaction: Transaction,
        mail_id: str,
        client: Client,
        found: GateReading,
        file: MailFile,
    ) -> Answer:
        """A mail to be faxed, or for the admin."""
        now = self._host.clock.now()
        refusal = await self._weighed(transaction, client, found, file, now)
        if refusal is not None:
            return Answer(refusal)
        mail = transaction.new_mail(mail_id, naming.new_reference(), now, client, found)
        return await self._commit(mail, client, file)

    async def _take_answer(
        self,
        transaction: Transaction,
        mail_id: str,
        client: Client,
        found: GateReading,
        file: MailFile,
    ) -> Answer:
        """An answer is taken from anybody; whose it is decides what it may change (W6).

        Of a probe it is only noted that it has arrived.
        """
        if transaction.probe:
            by = f"{client.proof.peer} at {client.listener}"
            self._host.probes.arrive(transaction.probe, by)
            return Answer(_PROBED, taken=True)
        if transaction.is_bounce:
            host = self._host
            response = found.loop or await heard(file.path, host.spool, host.clock.now())
            return Answer(response, taken=response.code < _REFUSALS)
        refusal = found.verdict.refusal or (_NO_ANSWER if found.is_automatic else None)
        if refusal is not None:
            return Answer(refusal)
        if self._settings.relay is not None:
            transaction.rule = None
            judged = await self._rule_of(transaction, client, found, file)
            transaction.rule = None if isinstance(judged, Response) else judged
        now = self._host.clock.now()
        mail = transaction.new_answer(mail_id, naming.new_reference(), now, client, found)
        return await self._commit(mail, client, file)

    def _arriving(self, transaction: Transaction, gate: Gate, file: MailFile) -> "Arriving":
        """What takes the data; few of an answer (W6), or when they go to the admin alone (A2)."""
        size = self._settings.size
        bound = (size, too_large(size)) if transaction.paths else (MOST_BYTES, LARGE)
        if transaction.is_answer:
            bound = (_MOST_OF_ANSWER, _LONG_ANSWER)
        scanner = DotScanner(self._wire.lines.end)
        return Arriving(scanner, gate, file, bound, self._settings.patience, self._host.clock)

    async def _stream(self, arriving: "Arriving") -> Response | None:
        """Take the data to disk, past the gate; why they cannot be kept, or None.

        Raises:
            EndOfInput: the client has gone.
            Farewell: they came too slowly, or never ended.
        """
        try:
            await self._wire.pour(arriving.take, self._settings.patience.silence)
        except TimeoutError:
            text = "No data came in time. Good bye"
            raise Farewell(Response(421, "4.4.2", text)) from None
        self._wire.lines.give_back(arriving.scanner.rest)
        return _LINE_ENDS if arriving.scanner.improper else arriving.refusal

    async def _weighed(
        self,
        transaction: Transaction,
        client: Client,
        found: GateReading,
        file: MailFile,
        now: float,
    ) -> Response | None:
        """Why a mail cannot be ours; to the admin alone everything may go but our own mails."""
        if not transaction.paths:
            return found.loop
        refusal = found.verdict.refusal or await self._judged(transaction, client, found, file)
        return refusal or transaction.weigh(found, now)

    async def _judged(
        self, transaction: Transaction, client: Client, found: GateReading, file: MailFile
    ) -> Response | None:
        """Whose mail a server handed over, by the proven From (L6a); the refusal, or None."""
        if self._settings.relay is None:
            return None
        rule = await self._rule_of(transaction, client, found, file)
        return rule if isinstance(rule, Response) else transaction.submit_to(rule)

    async def _rule_of(
        self, transaction: Transaction, client: Client, found: GateReading, file: MailFile
    ) -> Rule | Response:
        """The rule of a relayed mail, or why there is none."""
        assert self._settings.relay is not None, "only a relay listener's mails are judged"
        mail = RelayedMail(
            file.path, transaction.mail_from, client.proof, found,
            tuple(transaction.paths), transaction.destinations,
        )  # fmt: skip
        return await self._settings.relay.judge(mail)

    async def _commit(self, mail: NewMail, client: Client, file: MailFile) -> Answer:
        """Make the mail ours; the client's leaving undoes nothing (L2)."""
        self._signs.commits(mail.id)
        task = self._host.in_background(self._host.spool.accept(mail, file))
        try:
            reference = await asyncio.shield(task)
        except NotAdmitted as refused:
            self._signs.failed(mail.id)
            return Answer(Response(550, "5.7.1", str(refused)))
        except SpoolError as error:
            self._signs.failed(mail.id)
            events.accept_failed(mail.reference, client.session, error)
            return Answer(NO_ROOM if isinstance(error, SpoolFull) else _BROKEN)
        count = len(mail.destinations)
        peer = client.proof.peer
        events.accepted(reference, client.session, peer, mail.size, count, mail.who)
        self._signs.answers(self._wire.lines.buffered)
        if mail.answers is not None:
            return Answer(Response(250, "2.0.0", f"{reference} accepted, an answer"), taken=True)
        text = f"{reference} accepted{_whereto(count, for_admin=mail.for_admin)}"
        return Answer(Response(250, "2.0.0", text), taken=True)


def _whereto(count: int, *, for_admin: bool) -> str:
    """Where a mail that was accepted goes, for its 250."""
    faxes = ", 1 fax" if count == 1 else f", {count} faxes" if count else ""
    admin = " for the administrator" if for_admin else ""
    return f"{faxes}{' and' if faxes and admin else ''}{admin}"


def _may_be_nested(transaction: Transaction) -> bool:
    """Whether documents of mails inside the mail may count; a relayed mail's rule comes later."""
    return transaction.rule is None or transaction.rule.option_rules.nested


def too_large(most: int) -> Response:
    """A mail of more bytes than may be."""
    text = f"The mail is larger than {most // 1_000_000} MB. Send it in parts"
    return Response(552, "5.3.4", text)


def _written(file: MailFile, data: bytes) -> Response | None:
    """Write to the mail's file; the response when the disk does not take it."""
    try:
        file.write(data)
    except SpoolFull:
        return NO_ROOM
    except SpoolError:
        return _BROKEN
    return None
