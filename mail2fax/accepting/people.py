"""The person behind a mail, and whom its replies may go to: pure (L7, W1a, R9)."""

from collections.abc import Iterable
from dataclasses import replace

from mail2fax.accepting.admission import ENVELOPE, Rule
from mail2fax.accepting.proof import Proof
from mail2fax.reading.addresses import same_domain
from mail2fax.values import Destination, Headline, Identity

_NOWHERE = ("local", "lan", "internal", "invalid", "localhost")


def with_person(
    identity: Identity, rule: Rule, headline: Headline, destinations: Iterable[Destination]
) -> Identity:
    """The identity with the person who stands at a device, as far as the mail tells (L7).

    A person who logged in, or whose authorship was proved, stays who they are. Otherwise the
    one mailbox of From, or of Reply-To, is believed inside ``reply_domains``, and then what
    ``/user=`` in an address says; none of these is proved.
    """
    if not rule.device or identity.person:
        return identity
    for claimed in (headline.author, headline.answer_to):
        if claimed and claimed.rpartition("@")[2] in rule.reply_domains:
            return replace(identity, person=claimed)
    wishes = (wish for one in destinations for wish in one.wishes)
    user = next((wish.value for wish in wishes if wish.key == "user"), "")
    return replace(identity, person=user)


def reply_addresses(
    rule: Rule,
    identity: Identity,
    proof: Proof,
    mail_from: str,
    headline: Headline,
) -> tuple[str, ...]:
    """Whom the replies to a mail may go to, best first; the admin comes after all (W1a).

    Args:
        rule: the rule that admitted the mail.
        identity: who was admitted, with the person.
        proof: of the session.
        mail_from: the reverse-path, empty for the null sender.
        headline: of the mail.
    """
    fixed = "" if rule.reply_to == ENVELOPE else rule.reply_to
    if headline.is_automatic or not mail_from:
        return (fixed,) if fixed else ()
    registered = proof.login.reply_to if proof.login else ""
    author = identity.person if rule.author is not None else ""
    envelope = mail_from if _can_be_answered(mail_from, rule) else ""
    ordered = (_person_of_device(rule, identity), fixed, registered, author, envelope)
    return tuple(dict.fromkeys(address for address in ordered if address))


def office_of(rule: Rule) -> tuple[str, ...]:
    """Who is told by mail what a device was refused on the line; nobody for other clients."""
    return (rule.reply_to,) if rule.device and rule.reply_to != ENVELOPE else ()


def _person_of_device(rule: Rule, identity: Identity) -> str:
    """The person at a device, where the admin lets its replies go to their domain."""
    _, at, domain = identity.person.rpartition("@")
    is_told = rule.device and at and domain.lower() in rule.reply_domains
    return identity.person if is_told else ""


def _can_be_answered(mail_from: str, rule: Rule) -> bool:
    """Whether MAIL FROM is an address of somebody who reads, on a people's listener."""
    local, at, domain = mail_from.rpartition("@")
    if rule.author is not None or not at or not local or domain.startswith("["):
        return False
    try:
        plain = same_domain(domain)
    except UnicodeError:
        return False
    if plain in rule.addresses.domains or "." not in plain:
        return False
    return plain.rpartition(".")[2] not in _NOWHERE
