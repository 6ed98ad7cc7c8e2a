"""L6, L6a: who is admitted, by what they proved."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from mail2fax.accepting.admission import AuthorRule, Rule, Way, admit, candidates
from mail2fax.accepting.proof import Login, Proof
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.numbers import NumberRules
from mail2fax.values import Identity

ADDRESSES = AddressRules(("fax.example.com",), NumberRules("CH", frozenset({"CH"})))
LAN = Rule("lan", (ip_network("192.168.0.0/16"), ip_network("fd00::/8")), ADDRESSES)
HOST = Rule("host", (ip_network("192.168.1.9/32"),), ADDRESSES, device=True)
STAFF = Rule("staff", (), ADDRESSES, logins=("ann", "bob"))
BRANCH = Rule("branch", (), ADDRESSES, certificates=("mx.branch.example",))
ANN = Login("ann")


def named(rule: Rule | None) -> str | None:
    """A rule's name."""
    return rule.name if rule else None


@pytest.mark.parametrize(
    ("peer", "rule"),
    [
        ("192.168.1.9", "lan"), ("::ffff:192.168.7.7", "lan"), ("fd00::1%eth0", "lan"),
        ("192.0.2.1", None), ("", None), ("2001:db8::1", None),
    ],
)  # fmt: skip
def test_the_first_rule_that_names_the_address_admits(peer: str, rule: str | None) -> None:
    """L6: the client's own address, IPv4 also over IPv6; a stranger has no rule."""
    assert named(admit((LAN, HOST), Proof(peer))) == rule


@pytest.mark.parametrize(
    ("proof", "rule"),
    [
        (Proof("192.0.2.1", login=ANN), "staff"),
        (Proof("192.0.2.1", login=Login("eve")), None),
        (Proof("192.0.2.1", login=Login("ann", rule="staff")), "staff"),
        (Proof("192.0.2.1", login=Login("ann", rule="other")), None),
        (Proof("192.0.2.1", ("MX.branch.example",)), "branch"),
        (Proof("192.0.2.1", ("mx.branch.example.evil.example",)), None),
        (Proof("192.0.2.1"), None),
    ],
)
def test_logins_and_certificates_admit(proof: Proof, rule: str | None) -> None:
    """L6: the names a rule lists and no others; a login tied to a rule only by that rule."""
    assert named(admit((STAFF, BRANCH), proof)) == rule


def test_every_condition_of_a_rule_must_hold() -> None:
    """L6: a login from its office is admitted, the same login from elsewhere is not."""
    both = replace(LAN, logins=("*",))

    assert admit((both,), Proof("192.168.1.1", login=ANN)) is both
    assert admit((both,), Proof("192.168.1.1")) is None
    assert admit((both,), Proof("192.0.2.1", login=ANN)) is None


def test_a_rule_that_asks_for_an_author_admits_no_session() -> None:
    """L6a: the server's address opens the conversation and admits nobody."""
    relayed = replace(LAN, author=AuthorRule(Way.RELAY, domains=frozenset({"example.org"})))
    server = Proof("192.168.1.1")

    assert admit((relayed,), server) is None
    assert candidates((relayed, HOST), server) == (relayed,)
    assert candidates((relayed,), Proof("192.0.2.1")) == ()


@pytest.mark.parametrize(
    ("author", "is_named"),
    [
        ("ann@example.org", True), ("ANN@example.org", True), ("bob@partner.example", True),
        ("bob@example.org", False), ("ann@sub.partner.example", False), ("", False),
        ("partner.example", True),
    ],
)  # fmt: skip
def test_authors_are_named_by_address_or_domain(author: str, is_named: bool) -> None:
    """L6: an address in any case, a domain without those below it."""
    rule = AuthorRule(Way.DKIM, frozenset({"ann@example.org"}), frozenset({"partner.example"}))

    assert rule.names(author) is is_named


def test_an_identity_tells_rule_and_what_was_proved() -> None:
    """L6, L7: what the ledger keeps, and twins are compared by."""
    proof = Proof("192.168.1.9", ("x", "mx.branch.example"), ANN)
    signed = replace(LAN, author=AuthorRule(Way.DKIM))

    assert HOST.identity_of(proof) == Identity("host", "network", "192.168.1.9", True)
    assert STAFF.identity_of(proof) == Identity(
        "staff", "login", "ann", person="ann", person_proved=True
    )
    assert BRANCH.identity_of(proof) == Identity("branch", "certificate", "mx.branch.example")
    assert signed.identity_of(proof, "Ann@example.org") == Identity(
        "lan", "dkim", "ann@example.org", person="Ann@example.org", person_proved=True
    )
