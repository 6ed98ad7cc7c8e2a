"""L6, W1a: who is admitted, and whom replies go to."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from mail2fax.accepting.admission import Rule, admit, reply_addresses
from mail2fax.accepting.proof import Proof
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.numbers import NumberRules
from mail2fax.values import Identity

ADDRESSES = AddressRules(("fax.example.com",), NumberRules("CH", frozenset({"CH"})))
LAN = Rule("lan", (ip_network("192.168.0.0/16"), ip_network("fd00::/8")), ADDRESSES)
HOST = Rule("host", (ip_network("192.168.1.9/32"),), ADDRESSES, device=True)


@pytest.mark.parametrize(
    ("peer", "rule"),
    [
        ("192.168.1.9", "lan"), ("::ffff:192.168.7.7", "lan"), ("fd00::1%eth0", "lan"),
        ("192.0.2.1", None), ("", None), ("2001:db8::1", None),
    ],
)  # fmt: skip
def test_the_first_rule_that_names_the_address_admits(peer: str, rule: str | None) -> None:
    """L6: the client's own address, IPv4 also over IPv6; a stranger has no rule."""
    found = admit((LAN, HOST), Proof(peer))

    assert (found.name if found else None) == rule


def test_an_identity_tells_rule_and_address() -> None:
    """L6: what the ledger keeps, and twins are compared by."""
    identity = HOST.identity_of(Proof("192.168.1.9"))

    assert identity == Identity("host", "network", "192.168.1.9", True)


@pytest.mark.parametrize(
    ("mail_from", "told"),
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
    mail_from: str, told: tuple[str, ...]
) -> None:
    """W1a: not null, not our own domain, not a literal, a real domain."""
    assert reply_addresses(LAN, mail_from, ("fax.example.com",)) == told


def test_a_fixed_address_comes_first_and_once() -> None:
    """W1a: the rule's address, then the sender's own."""
    rule = replace(LAN, reply_to="office@example.org")

    assert reply_addresses(rule, "ann@example.org", ()) == ("office@example.org", "ann@example.org")
    assert reply_addresses(rule, "office@example.org", ()) == ("office@example.org",)
