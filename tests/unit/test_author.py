"""L6: "The From header alone admits nobody", and one that can be read twice names nobody."""

import email.policy
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.author import only_mailbox
from mail2fax.reading.headers import Headers


def author(block: str) -> str:
    """The author of a mail with this header."""
    return only_mailbox(Headers(block.encode("utf-8") + b"\r\n\r\n"), "from")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("alice@example.org", "alice@example.org"),
        ("<alice@example.org>", "alice@example.org"),
        ("Alice A. Meier <Alice.M@EXAMPLE.org>", "Alice.M@example.org"),
        ('"Meier, Alice" <alice@example.org>', "alice@example.org"),
        ('"a \\"b\\" c" <alice@example.org>', "alice@example.org"),
        ("Dr. M\u00fcller <alice@example.org>", "alice@example.org"),
        ("=?utf-8?q?M=C3=BCller?= <alice@example.org>", "alice@example.org"),
        ('"alice@example.org" <alice@example.org>', "alice@example.org"),
        ("Alice\r\n <alice@example.org>", "alice@example.org"),
    ],
)
def test_one_plain_mailbox_is_the_author(value: str, address: str) -> None:
    """L6: as mail programs write it; folded, quoted, encoded names are fine."""
    assert author(f"From: {value}") == address


@pytest.mark.parametrize(
    "block",
    [
        "From: alice@example.org\r\nFrom: bob@evil.example",
        "From: alice@example.org\r\nFROM : bob@evil.example",
        "From: alice@example.org, bob@evil.example",
        "From: Alice <alice@example.org>, Bob <bob@evil.example>",
        "From: alice@example.org <bob@evil.example>",
        'From: "alice@example.org" <bob@evil.example>',
        "From: =?utf-8?q?alice=40example.org?= <bob@evil.example>",
        "From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= <bob@evil.example>",
        "From: =?utf-8?q?alice=40example=2Eorg?=",
        "From: <=?utf-8?q?alice?=@example.org> x",
        "From: alice@example.org)bob@evil.example",
        "From: alice@example.org (bob@evil.example)",
        "From: alice(bob)@example.org",
        "From: (alice@example.org) bob@evil.example",
        "From: friends: alice@example.org;",
        "From: :alice@example.org;",
        "From: <@evil.example:alice@example.org>",
        'From: "alice"@example.org',
        'From: "alice@example.org"@evil.example',
        "From: alice@[192.0.2.1]",
        "From: alice@example.org\0.evil.example",
        "From: alice@example.org;bob@evil.example",
        "From: <alice@example.org> <bob@evil.example>",
        "From: <<alice@example.org>>",
        "From: Alice <alice@example.org",
        "From: alice@example.org>",
        "From: alice@localhost",
        "From: alice",
        "From: al\u00efce@example.org",
        "From: alice@ex\u00e4mple.org",
        "From: " + "a" * 2000 + "@example.org",
        "From:",
        "Subject: none",
        "Sender: alice@example.org",
    ],
)
def test_whatever_can_be_read_in_two_ways_has_no_author(block: str) -> None:
    """L6: several fields or mailboxes, groups, comments, routes, hidden addresses: nobody."""
    assert author(block) == ""


@given(st.lists(st.sampled_from([
    "alice@example.org", "bob@evil.example", "<", ">", '"', "(", ")", ",", ";", ":", " ", "\\",
    "@", "=?utf-8?q?", "?=", "alice", "\r\n ", "x", "=40",
]), max_size=8))  # fmt: skip
def test_other_parsers_never_see_another_author(pieces: list[str]) -> None:
    """L6: where an author is found, Python's two parsers find the same one and no other."""
    value = "".join(pieces)
    found = author(f"From: {value}")
    if not found:
        return
    message = email.message_from_bytes(
        f"From: {value}\r\n\r\n".encode(), policy=email.policy.default
    )
    assert [one.addr_spec for one in message["From"].addresses] == [found]
    flat = value.replace("\r\n", "")
    assert [address for _, address in email.utils.getaddresses([flat])] == [found]
