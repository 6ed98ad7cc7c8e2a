"""L7, W1a, R9: the person behind a mail, and whom its replies may go to."""

from dataclasses import replace

import pytest

from mail2fax.accepting.admission import AuthorRule, Rule, Way
from mail2fax.accepting.people import reply_addresses, with_person
from mail2fax.accepting.proof import Login, Proof
from mail2fax.values import Destination, FaxNumber, Headline, Identity, Wish
from tests.unit.test_admission import HOST, LAN

COPIER = replace(HOST, reply_to="office@example.org", reply_domains=frozenset({"example.org"}))
NETWORK = Proof("192.168.1.9")
HEADLINE = Headline()


def told(rule: Rule, mail_from: str, proof: Proof = NETWORK, **headline: object) -> tuple[str, ...]:
    """Whom the replies to a mail may go to."""
    found = replace(HEADLINE, **headline)  # type: ignore[arg-type]
    identity = with_person(rule.identity_of(proof, found.author), rule, found, ())
    return reply_addresses(rule, identity, proof, mail_from, found)


@pytest.mark.parametrize(
    ("mail_from", "answered"),
    [
        ("ann@example.org", ("ann@example.org",)),
        ("SRS0=x=y=example.org=ann@relay.example", ("SRS0=x=y=example.org=ann@relay.example",)),
        ("", ()),
        ("123@fax.example.com", ()),
        ("123@FAX.example.com.", ()),
        ("scanner@[192.0.2.1]", ()),
        ("scanner@copier", ()),
        ("root@host.local", ()),
        ("a@b.localhost", ()),
        ("nobody", ()),
        ("@example.org", ()),
        ("a@" + "x" * 64 + "ü.example", ()),
    ],
)
def test_the_envelope_is_answered_only_where_somebody_reads(
    mail_from: str, answered: tuple[str, ...]
) -> None:
    """W1a: not null, not our own domain, not a literal, a real domain."""
    assert told(LAN, mail_from) == answered


def test_the_order_of_addresses() -> None:
    """W1a: the rule's, the login's, the envelope's, each once; a login's never by another rule."""
    rule = replace(LAN, reply_to="office@example.org", logins=("ann",))
    proof = Proof("192.168.1.1", login=Login("ann", "ann.private@example.net"))

    assert told(rule, "ann@example.org", proof) == (
        "office@example.org", "ann.private@example.net", "ann@example.org",
    )  # fmt: skip
    assert told(rule, "office@example.org") == ("office@example.org",)


def test_a_proven_author_is_answered_and_never_the_envelope() -> None:
    """W1a: on a relay listener MAIL FROM may be anybody's."""
    signed = replace(LAN, author=AuthorRule(Way.DKIM))

    assert told(signed, "eve@evil.example", author="ann@example.org") == ("ann@example.org",)


def test_automatic_mail_is_answered_to_a_fixed_address_only() -> None:
    """R9: a laboratory system's mail is faxed; nobody it names by itself is told."""
    office = replace(LAN, reply_to="office@example.org")

    assert told(LAN, "lab@example.org", is_automatic=True) == ()
    assert told(office, "lab@example.org", is_automatic=True) == ("office@example.org",)
    assert told(office, "") == ("office@example.org",)


@pytest.mark.parametrize(
    ("claims", "person", "answered"),
    [
        ({"author": "ann@example.org"}, "ann@example.org", True),
        ({"author": "eve@evil.example"}, "", False),
        ({"author": "eve@evil.example", "answer_to": "ann@example.org"}, "ann@example.org", True),
        ({"author": "ann@sub.example.org"}, "", False),
        ({}, "", False),
    ],
)
def test_a_device_may_name_its_person_inside_the_reply_domains(
    claims: dict[str, str], person: str, answered: bool
) -> None:
    """L7: From, then Reply-To; never outside, never as proved; the office comes next."""
    headline = replace(HEADLINE, **claims)  # type: ignore[arg-type]
    identity = with_person(COPIER.identity_of(NETWORK), COPIER, headline, ())

    assert (identity.person, identity.person_proved, identity.name) == (
        person, False, "192.168.1.9",
    )  # fmt: skip
    expected = (person, "office@example.org") if answered else ("office@example.org",)
    assert reply_addresses(COPIER, identity, NETWORK, "copier@local", headline) == expected


def test_user_in_an_address_names_the_person_and_tells_only_inside_the_domains() -> None:
    """L7: ``/user=`` is what somebody typed at the panel."""
    to = Destination("x", FaxNumber("+41225550123"), "", wishes=(Wish("user", "ann", "address"),))
    identity = with_person(COPIER.identity_of(NETWORK), COPIER, HEADLINE, (to,))

    assert (identity.person, identity.person_proved) == ("ann", False)
    assert reply_addresses(COPIER, identity, NETWORK, "a@b.ch", HEADLINE)[0] == "office@example.org"


def test_a_login_at_a_device_is_the_proved_person() -> None:
    """L7: what From says changes nothing about who logged in; a person's own mail neither."""
    rule = replace(COPIER, logins=("ann",))
    proof = Proof("192.168.1.9", login=Login("ann"))
    headline = replace(HEADLINE, author="bob@example.org")

    identity = with_person(rule.identity_of(proof), rule, headline, ())
    assert (identity.person, identity.person_proved) == ("ann", True)
    assert with_person(LAN.identity_of(proof), LAN, headline, ()).person == ""


def test_an_identity_is_frozen_by_any_of_its_names() -> None:
    """L8: rule, device and person."""
    identity = Identity("copiers", "network", "192.168.1.9", True, "ann@example.org")

    assert identity.names == {"copiers", "192.168.1.9", "ann@example.org"}
