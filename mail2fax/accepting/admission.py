"""Who may send, and who is told: pure decisions over the rules of the configuration (L6, W1a)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from mail2fax.accepting.proof import Proof
from mail2fax.reading.addresses import AddressRules, same_domain
from mail2fax.values import Identity, Options

Network = IPv4Network | IPv6Network
ENVELOPE: Final = "envelope"
_NOWHERE = ("local", "lan", "internal", "invalid", "localhost")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of ``senders``.

    Attributes:
        name: as the configuration calls it, such as ``senders[0]``.
        networks: client addresses it admits.
        addresses: how recipients are read for it.
        reply_to: a fixed address, or ``envelope`` for the sender's own.
        replies: ``both`` or ``outcome``.
        options: how its faxes are sent.
        device: whether its clients are copiers.
    """

    name: str
    networks: tuple[Network, ...]
    addresses: AddressRules
    reply_to: str = ENVELOPE
    replies: str = "both"
    options: Options = field(default_factory=Options)
    device: bool = False

    def identity_of(self, proof: Proof) -> Identity:
        """Who a client that has proved this is."""
        return Identity(self.name, "network", proof.peer, self.device)


def admit(rules: Iterable[Rule], proof: Proof) -> Rule | None:
    """The first rule whose conditions the client's proof meets; None for a stranger."""
    return next((rule for rule in rules if is_within(proof.peer, rule.networks)), None)


def is_within(peer: str, networks: Iterable[Network]) -> bool:
    """Whether a client's address belongs to one of the networks."""
    address = plain_address(peer)
    return address is not None and any(address in one for one in networks)


def plain_address(peer: str) -> IPv4Address | IPv6Address | None:
    """An address as rules know it: IPv4 also when it came over an IPv6 socket."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def reply_addresses(rule: Rule, mail_from: str, domains: Iterable[str]) -> tuple[str, ...]:
    """Whom the replies to a mail may go to, best first; the admin comes after all of them (W1a).

    Args:
        rule: the rule that admitted the mail.
        mail_from: the reverse-path, empty for the null sender.
        domains: our fax domains; a reply to one of them would come back as a fax.
    """
    fixed = () if rule.reply_to == ENVELOPE else (rule.reply_to,)
    own = (mail_from,) if _can_be_answered(mail_from, domains) else ()
    return (*fixed, *(address for address in own if address not in fixed))


def _can_be_answered(mail_from: str, domains: Iterable[str]) -> bool:
    local, at, domain = mail_from.rpartition("@")
    if not at or not local or domain.startswith("["):
        return False
    try:
        plain = same_domain(domain)
    except UnicodeError:
        return False
    if plain in set(domains) or "." not in plain:
        return False
    return plain.rpartition(".")[2] not in _NOWHERE
