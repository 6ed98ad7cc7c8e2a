"""Who may send: pure decisions over the rules of the configuration (L6, L6a).

A rule admits when every condition it names holds. Conditions of the session (network, login,
certificate) are known at RCPT. A rule that asks for a proven author can only be decided after
the final dot, on a listener whose clients are relays: there the session's conditions merely
open the conversation.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from mail2fax.accepting.proof import Proof
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.options.rules import OptionRules
from mail2fax.reading.series import SplitPattern
from mail2fax.values import Identity, Options, Quota, Response

Network = IPv4Network | IPv6Network
ENVELOPE: Final = "envelope"
ANY_LOGIN: Final = "*"
STOPPED: Final = Response(550, "5.7.1", "This sender is stopped. Ask the administrator")
MICROSOFT: Final = "mail.protection.outlook.com"
"""The name in the client certificate of Microsoft 365's outbound servers."""


class Way(StrEnum):
    """What proves a mail's author."""

    DKIM = "dkim"
    """A signature of the author's domain that we verify."""
    M365 = "m365"
    """Microsoft's certificate, our tenant's header and a signature that we verify."""
    RESULTS = "results"
    """A mail server of ours that verified it, by the top-most Authentication-Results."""
    RELAY = "relay"
    """A mail server of ours that takes mail for us from authenticated users only."""


@dataclass(frozen=True, slots=True)
class AuthorRule:
    """Which authors a rule admits, and what proves them.

    Attributes:
        way: what proves them.
        addresses: mail addresses, in lower case.
        domains: domains all of whose addresses are meant, as lower-case A-labels.
        source: the authserv-id (or ``none``) of RESULTS, the tenant's id of M365.
    """

    way: Way
    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    source: str = ""

    def names(self, author: str) -> bool:
        """Whether this author is one of them; an empty one never is."""
        address = author.lower()
        domain = address.rpartition("@")[2]
        return bool(author) and (address in self.addresses or domain in self.domains)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of ``senders``.

    Attributes:
        name: as the configuration calls it, such as ``senders[0]``.
        networks: client addresses; empty when they do not matter.
        addresses: how recipients are read for it.
        reply_to: a fixed address, or ``envelope`` for the sender's own.
        replies: ``both`` or ``outcome``.
        options: how its faxes are sent.
        device: whether its clients are copiers.
        split_scans: how its clients name the mails of one scan, None when each is one of its own.
        logins: names, or `ANY_LOGIN`; empty when nobody needs to log in.
        certificates: names, one of which the client's certificate must bear; empty for none.
        author: the author it asks for; None when the session alone decides.
        reply_domains: where a device's person may be told (L7).
        quotas: how much it may send (L8).
        frozen: whether it admits nobody for now, by the configuration.
        option_rules: what its mails may ask for.
    """

    name: str
    networks: tuple[Network, ...]
    addresses: AddressRules
    reply_to: str = ENVELOPE
    replies: str = "both"
    options: Options = field(default_factory=Options)
    device: bool = False
    split_scans: SplitPattern | None = None
    logins: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    author: AuthorRule | None = None
    reply_domains: frozenset[str] = frozenset()
    quotas: tuple[Quota, ...] = ()
    frozen: bool = False
    option_rules: OptionRules = field(default_factory=OptionRules)

    def is_frozen(self, proof: Proof, names: AbstractSet[str], author: str = "") -> bool:
        """Whether it admits nobody now, or not this one: by the configuration or by name (L8)."""
        return self.frozen or bool(self.identity_of(proof, author).names & names)

    def identity_of(self, proof: Proof, author: str = "") -> Identity:
        """Who a client is, by the strongest of what it proved.

        Args:
            proof: of the session, which meets the rule.
            author: the mail's proven author, for a rule that asks for one.
        """
        if self.author is not None:
            return Identity(self.name, self.author.way, author.lower(), self.device, author,
                            person_proved=True)  # fmt: skip
        if self.logins and proof.login is not None:
            login = proof.login.name
            return Identity(self.name, "login", login, self.device, login, person_proved=True)
        if self.certificates:
            return Identity(self.name, "certificate", _borne(self, proof) or "", self.device)
        return Identity(self.name, "network", proof.peer, self.device)


def admit(rules: Iterable[Rule], proof: Proof) -> Rule | None:
    """The first rule the session alone meets, for people's listeners; None for a stranger."""
    asking = (rule for rule in rules if rule.author is None and _asks_for_something(rule))
    return next((rule for rule in asking if _is_met(rule, proof)), None)


def _asks_for_something(rule: Rule) -> bool:
    """A rule without a condition is a mistake that must not admit everybody."""
    return bool(rule.networks or rule.logins or rule.certificates)


def candidates(rules: Iterable[Rule], proof: Proof) -> tuple[Rule, ...]:
    """The rules that may admit a mail of this relay, once its author is proved (L6a)."""
    return tuple(rule for rule in rules if rule.author is not None and _is_met(rule, proof))


def _is_met(rule: Rule, proof: Proof) -> bool:
    """Whether every condition of the session holds."""
    return (
        (not rule.networks or is_within(proof.peer, rule.networks))
        and (not rule.logins or _has_login(rule, proof))
        and (not rule.certificates or _borne(rule, proof) is not None)
    )


def is_within(peer: str, networks: Iterable[Network]) -> bool:
    """Whether a client's address belongs to one of the networks."""
    address = plain_address(peer)
    return address is not None and any(address in network for network in networks)


def _has_login(rule: Rule, proof: Proof) -> bool:
    login = proof.login
    if login is None or login.rule not in ("", rule.name):
        return False
    return login.name in rule.logins or ANY_LOGIN in rule.logins


def _borne(rule: Rule, proof: Proof) -> str | None:
    """The first of the rule's names that the client's certificate bears."""
    borne = {name.lower() for name in proof.certificate}
    return next((name for name in rule.certificates if name.lower() in borne), None)


@lru_cache(maxsize=1024)
def plain_address(peer: str) -> IPv4Address | IPv6Address | None:
    """An address as rules know it: IPv4 also when it came over an IPv6 socket."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
