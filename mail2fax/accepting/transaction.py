"""One SMTP transaction on our side of the wire: sender, recipients, and what was said to them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.dialogue.arguments import RecipientArgument
from mail2fax.accepting.people import reply_addresses, with_person
from mail2fax.accepting.postmaster import ROLES, TAKEN, is_role
from mail2fax.accepting.proof import Proof
from mail2fax.reading.addresses import AddressReading, AddressRules, read_address, same_address
from mail2fax.reading.contacts import NOBODY, Contacts
from mail2fax.reading.gate import GateReading
from mail2fax.reading.options.decision import (
    refusal_of,
    refusal_of_twice,
    refusal_on_the_line,
)
from mail2fax.spool.records import NewMail
from mail2fax.values import (
    Destination,
    Envelope,
    FaxNumber,
    Identity,
    Recipient,
    RefusedRecipient,
    Response,
    SeriesPart,
)

_MOST_SHOWN = 4
ALONE = Response(452, "4.5.3", "An answer goes alone. Send the others in another mail")


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end: session id, what it proved and calls itself, by which listener."""

    session: str
    proof: Proof
    helo: str
    listener: str


@dataclass(frozen=True, slots=True)
class RecipientLimits:
    """How many recipients, and how many numbers in all, one mail may have."""

    recipients: int = 200
    destinations: int = 500


@dataclass(slots=True)
class Transaction:
    """Between MAIL and the end of DATA.

    Attributes:
        mail_from: the reverse-path.
        declared: SIZE, 0 when the client did not say.
        rule: by which the mail is admitted; on a relay listener known only after the dot.
        paths: the recipients that were accepted, with their destinations.
        refused: those that were not, for good.
        answered: the path of every RCPT that got a 250, in order; LMTP answers each again.
        contacts: who can be written to by name, the same from MAIL to the dot (A7).
        about: id of the mail that an answer is about; then there is no other recipient (W6).
        probe: token of a probe of ``mail2fax check``; nor is there with that.
        is_bounce: whether a mail of ours comes back; nor is there with that (W1).
        barred: those of them that the rule, once it was known, does not allow.
        for_admin: whether postmaster or abuse is among the recipients (A2).
        asked: every recipient that was named, with what is to be told of it (RFC 3461).
        envelope_id: ENVID.
        returned: RET.
    """

    mail_from: str
    declared: int = 0
    rule: Rule | None = None
    paths: dict[str, tuple[Destination, ...]] = field(default_factory=dict)
    refused: list[RefusedRecipient] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    contacts: Contacts = NOBODY
    barred: dict[str, Response] = field(default_factory=dict)
    for_admin: bool = False
    about: str | None = None
    probe: str = ""
    is_bounce: bool = False
    asked: dict[str, RecipientArgument] = field(default_factory=dict)
    envelope_id: str = ""
    returned: str = ""

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Every number once, in the order of the recipients (A5)."""
        found: dict[FaxNumber, Destination] = {}
        for destinations in self.paths.values():
            for one in destinations:
                if one.number is not None:
                    found.setdefault(one.number, one)
        return tuple(found.values())

    def add(
        self, path: str, addresses: AddressRules, limits: RecipientLimits, now: float
    ) -> Response:
        """Take one recipient, or say why not; a refused one is remembered for the reply (W2)."""
        response = self._read(path, addresses, limits, now)
        is_final = response.code >= 500  # noqa: PLR2004 - RFC 5321 4.2.1
        return self.refuse(path, response) if is_final else response

    @property
    def is_empty(self) -> bool:
        """Whether no recipient was accepted."""
        return not self.paths and not self.for_admin

    def add_admin(self, path: str) -> Response:
        """Take the admin as a recipient, by whatever role."""
        self.for_admin = True
        self.answered.append(path)
        return TAKEN

    def add_answer(self, path: str, mail_id: str | None) -> Response:
        """Take the one recipient of an answer, or say why not (W6).

        Args:
            path: as written.
            mail_id: the mail the address is bound to, None when it is unknown.
        """
        if mail_id is None:
            text = "This answer address is not known here, or no longer. Nothing was changed"
            return self.refuse(path, Response(550, "5.1.1", text))
        if not self.is_empty:
            return ALONE
        self.about = mail_id
        self.paths[path] = ()
        self.answered.append(path)
        return Response(250, "2.1.5", "The first line of the mail is read as an answer")

    def add_probe(self, path: str, token: str) -> Response:
        """Take the one recipient of a probe of ``mail2fax check``."""
        if not self.is_empty:
            return ALONE
        self.probe = token
        self.paths[path] = ()
        self.answered.append(path)
        return Response(250, "2.1.5", "A probe; it is not kept")

    def add_bounce(self, path: str) -> Response:
        """Take the address to which our mails come back, or say why not."""
        if not self.is_empty:
            return ALONE
        self.is_bounce = True
        self.paths[path] = ()
        self.answered.append(path)
        return Response(250, "2.1.5", "A returned mail leads to the next address")

    @property
    def is_answer(self) -> bool:
        """Whether it is for an address of ours that has no other beside it."""
        return self.about is not None or bool(self.probe) or self.is_bounce

    def refuse(self, path: str, response: Response) -> Response:
        """Remember a recipient that was refused for good; the response."""
        self.refused.append(RefusedRecipient(path, str(response)))
        return response

    def submit_to(self, rule: Rule) -> Response | None:
        """Read the recipients again as the rule wants, now that it is known (L6a).

        A relay listener takes at RCPT what any rule allows; what this one does not becomes a
        refused recipient.

        Returns:
            None, or the last refusal when no recipient is left.
        """
        self.rule, refusal = rule, None
        for path in tuple(self.paths):
            reading = read_address(path, rule.addresses, self.contacts)
            if reading.refusal is None:
                self.paths[path] = reading.destinations
            else:
                del self.paths[path]
                refusal = self.barred[path] = self.refuse(path, reading.refusal)
        return None if self.paths else refusal

    def weigh(self, found: GateReading, now: float) -> Response | None:
        """Why the mail cannot be faxed as it wishes, once its rule is known; None when it can."""
        assert self.rule is not None, "a recipient was accepted"
        return refusal_on_the_line(found, self.destinations, self.rule.option_rules, now)

    def _refused_wishes(self, reading: AddressReading, now: float) -> Response | None:
        """Why the options of an address cannot be met; on a relay listener only the dot tells."""
        for one in reading.destinations:
            if self.rule is None:
                break
            refusal = refusal_of(one.wishes, self.rule.option_rules, now, 550)
            if refusal is not None:
                return refusal
        return refusal_of_twice(self.destinations, reading.destinations)

    def _read(
        self, path: str, addresses: AddressRules, limits: RecipientLimits, now: float
    ) -> Response:
        if len(self.paths) >= limits.recipients:
            text = f"Only {limits.recipients} recipients a mail. Send the others in another"
            return Response(452, "4.5.3", text)
        if is_role(path, addresses.domains):
            return Response(550, "5.1.1", "Only fax numbers are served here. Ask the administrator")
        reading = read_address(path, addresses, self.contacts)
        if reading.refusal is not None:
            return reading.refusal
        if len(self.destinations) + len(reading.destinations) > limits.destinations:
            text = f"Only {limits.destinations} fax numbers a mail. Send the others in another"
            return Response(452, "4.5.3", text)
        if refusal := self._refused_wishes(reading, now):
            return refusal
        self.paths[path] = reading.destinations
        self.answered.append(path)
        return Response(250, "2.1.5", _dialled(reading))

    def answers(self, response: Response) -> list[Response]:
        """One response for each recipient that got a 250 (RFC 2033 4.2).

        Args:
            response: of the whole mail; recipients that its rule bars have their own.
        """
        return [self.barred.get(path, response) for path in self.answered]

    def new_mail(
        self, mail_id: str, reference: str, now: float, client: Client, found: GateReading
    ) -> NewMail:
        """The mail as it is recorded before its 250."""
        peer = client.proof.peer
        mail = NewMail(
            id=mail_id,
            reference=reference,
            received_at=now,
            size=found.size,
            header_sha256=found.header_sha256,
            body_sha256=found.body_sha256,
            digest=found.digest,
            envelope=Envelope(
                self.mail_from, tuple(self.paths), tuple(self.refused),
                peer, client.helo, client.listener,
                tuple(self._recipients()), self.envelope_id, self.returned,
            ),
            identity=Identity(ROLES[0], "network", peer),
            session=client.session,
            headline=found.headline,
            destinations=(),
            for_admin=self.for_admin,
        )  # fmt: skip
        return self._with_faxes(mail, client.proof, found) if self.paths else mail

    def _recipients(self) -> Iterator[Recipient]:
        """The accepted recipients, with what is to be told of each."""
        for path, destinations in self.paths.items():
            asked = self.asked.get(path, RecipientArgument(path))
            numbers = tuple(str(one.number) for one in destinations if one.number is not None)
            yield Recipient(path, numbers, asked.notify, asked.original)

    def _with_faxes(self, mail: NewMail, proof: Proof, found: GateReading) -> NewMail:
        """What its rule says of a mail that is faxed."""
        rule, headline = self.rule, found.headline
        assert rule is not None, "a recipient was accepted"
        identity = rule.identity_of(proof, headline.author)
        identity = with_person(identity, rule, headline, self.destinations)
        return replace(
            mail,
            identity=identity,
            destinations=self._named(headline.names),
            reply_to=reply_addresses(rule, identity, proof, self.mail_from, headline),
            replies=rule.replies,
            options=rule.options,
            quotas=rule.quotas,
            series=found.series or _split_scan(rule, found),
        )

    def new_answer(
        self, mail_id: str, reference: str, now: float, client: Client, found: GateReading
    ) -> NewMail:
        """An answer as it is recorded before its 250; whose it is shows what it may change."""
        proof = client.proof
        identity = Identity("-", "stranger", proof.peer)
        if self.rule is not None:
            known = self.rule.identity_of(proof, found.headline.author)
            identity = with_person(known, self.rule, found.headline, ())
        return NewMail(
            id=mail_id,
            reference=reference,
            received_at=now,
            size=found.size,
            header_sha256=found.header_sha256,
            body_sha256=found.body_sha256,
            digest=found.digest,
            envelope=Envelope(
                self.mail_from, tuple(self.paths), (), proof.peer, client.helo, client.listener
            ),
            identity=identity,
            session=client.session,
            headline=found.headline,
            destinations=(),
            answers=self.about,
        )

    def _named(self, names: Iterable[tuple[str, str]]) -> tuple[Destination, ...]:
        """The destinations with the names that stand beside their addresses (A9).

        The name beside a group's address is the group's; its members keep their own.
        """
        by_address = {same_address(address): name for address, name in names}
        named: dict[FaxNumber, str] = {}
        for path, destinations in self.paths.items():
            for one in destinations:
                name = by_address.get(same_address(path))
                is_of_a_group = len(destinations) > 1 and one.name
                if name and one.number is not None and not is_of_a_group:
                    named.setdefault(one.number, name)
        return tuple(
            replace(one, name=named.get(one.number, one.name)) if one.number else one
            for one in self.destinations
        )


def _split_scan(rule: Rule, found: GateReading) -> SeriesPart | None:
    """Which mail of a split scan it is, by its rule's pattern (M5)."""
    if rule.split_scans is None:
        return None
    return rule.split_scans.part_of((found.headline.subject, *found.filenames))


def _dialled(reading: AddressReading) -> str:
    """What an accepted recipient is told: the numbers, or how many a group has (A7)."""
    count = len(reading.destinations)
    if reading.groups:
        sizes = ", ".join(f"{name} ({size} numbers)" for name, size in reading.groups)
        return f"Will fax to {sizes}, {count} fax numbers in all"
    shown = [f"{one.number} ({one.country})" for one in reading.destinations[:_MOST_SHOWN]]
    more = [f"{count - _MOST_SHOWN} more"] if count > _MOST_SHOWN else []
    return f"Will fax to {', '.join([*shown, *more])}"
