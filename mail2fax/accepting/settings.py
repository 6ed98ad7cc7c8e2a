"""What one listener is told by the configuration, and whom it asks who somebody is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mail2fax.accepting.admission import Network, Rule
from mail2fax.accepting.dialogue.patience import PatienceSettings
from mail2fax.accepting.dialogue.tls import TlsFiles
from mail2fax.accepting.proof import Login, Proof
from mail2fax.accepting.transaction import RecipientLimits
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.contacts import Contacts
from mail2fax.reading.gate import GateReading
from mail2fax.values import Destination, Response


class TryLater(Exception):
    """A login cannot be checked now, such as when too many wait: 454 4.7.0."""


class LoginVerifier(Protocol):
    """Knows the logins."""

    async def __call__(self, login: str, password: str, peer: str) -> Login | None:
        """Whose login and password these are; None when nobody's.

        Raises:
            TryLater: it cannot be told now.
        """


@dataclass(frozen=True, slots=True)
class RelayedMail:
    """A mail that a mail server handed over, after its dot and before the answer.

    Attributes:
        file: its bytes, all written and not yet made durable.
        mail_from: the reverse-path; it proves nothing.
        proof: of the server, which admits nobody.
        found: what the first gate read, the headline and digest among it.
        recipients: the forward-paths that were accepted, as written.
        destinations: the fax numbers read out of them.
    """

    file: Path
    mail_from: str
    proof: Proof
    found: GateReading
    recipients: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = ()


class Judge(Protocol):
    """Finds the rule of a relayed mail by the From that is proved (L6a)."""

    async def __call__(self, mail: RelayedMail, /) -> Rule | Response:
        """The rule that admits the mail, or the refusal (550 5.7.1, or 4xx when it is open)."""


async def nobody_is_proved(_mail: RelayedMail) -> Rule | Response:
    """The judge of a listener that was given none."""
    return Response(550, "5.7.1", "The sender is not proved. Ask the administrator")


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """A listener whose clients are mail servers (L6a).

    A server that meets the session's conditions of a rule that asks for an author opens the
    conversation, no more.

    Attributes:
        reach: how recipients are read before the mail's rule is known: every number that any
            rule allows.
        judge: finds the rule after the dot.
    """

    reach: AddressRules
    judge: Judge = nobody_is_proved


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener listens.

    Attributes:
        addresses: IP addresses.
        port: 0 takes a free one.
        socket: path of a UNIX socket instead; its mode lets clients in.
        mode: of that socket.
        systemd: name of a socket that systemd has opened, instead of both.
    """

    addresses: tuple[str, ...] = ("127.0.0.1",)
    port: int = 0
    socket: Path | None = None
    mode: int = 0o660
    systemd: str = ""


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One listener.

    Attributes:
        name: as the log and the ledger call it.
        place: where it listens.
        hostname: what it calls itself.
        size: the most bytes of a mail, announced (RFC 1870).
        rules: who may send by it, first match.
        limits: recipients and destinations of a mail.
        most_waiting: mails and faxes that may wait; then 451 at RCPT (L10).
        patience: timers.
        protocol: ``smtp``, ``smtps`` or ``lmtp``.
        tls: certificate and key; None serves no TLS.
        proxy_from: networks whose connections begin with a PROXY header.
        logins: checks logins; None offers no AUTH.
        auth_without_tls: networks whose clients may log in in the clear.
        legacy: for clients of old: TLS 1.0, AUTH after HELO, lines that end with a bare LF.
        relay: set when the clients are mail servers, whose address admits nobody.
        contacts: tells who can be written to by name at this moment (A7).
        admin_at: domains whose postmaster and abuse are the admin; none without an admin (A2).
        domains: our fax domains, at which answers come in (W6).
        bounces_to: where our mails come back when they cannot be delivered; empty for nowhere.
        rehearses: no mail is taken for good; only the dialogue counts (L13).
        reports: whether the sender can be sent the reports that DSN promises (W5).
    """

    name: str
    place: Place
    hostname: str
    size: int
    rules: tuple[Rule, ...]
    limits: RecipientLimits = field(default_factory=RecipientLimits)
    most_waiting: int = 10_000
    patience: PatienceSettings = field(default_factory=PatienceSettings)
    protocol: str = "smtp"
    tls: TlsFiles | None = None
    proxy_from: tuple[Network, ...] = ()
    logins: LoginVerifier | None = None
    auth_without_tls: tuple[Network, ...] = ()
    legacy: bool = False
    relay: RelaySettings | None = None
    contacts: Callable[[], Contacts] = Contacts
    admin_at: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    bounces_to: str = ""
    rehearses: bool = False
    reports: bool = False

    @property
    def is_lmtp(self) -> bool:
        """Whether each recipient is answered after the dot."""
        return self.protocol == "lmtp"

    @property
    def tls_first(self) -> bool:
        """Whether the handshake comes before the first word."""
        return self.protocol == "smtps"
