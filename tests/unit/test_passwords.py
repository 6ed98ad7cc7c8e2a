"""L6, L8: passwords, and how long wrong ones shut out."""

import re

import pytest

from mail2fax.accepting import passwords
from mail2fax.accepting.logins import network_of
from mail2fax.spool.logins import lock_for


def test_only_the_password_of_a_kept_hash_is_right() -> None:
    """L6: argon2id with the cost of the defaults; no hash and a broken one are nobody's."""
    kept = passwords.hashed("correct horse")

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.is_right("correct horse", kept)
    assert not passwords.is_right("correct horsf", kept)
    assert not passwords.is_right("", kept)
    assert not passwords.is_right("correct horse", "")
    assert not passwords.is_right("correct horse", "$argon2id$broken")
    assert not passwords.is_outdated(kept)
    assert passwords.is_outdated(kept.replace("m=19456", "m=9216"))


def test_nobody_knows_the_password_of_logins_that_do_not_exist() -> None:
    """L6: even the very password of the stand-in's hash admits nobody."""
    assert not passwords.is_right(passwords.made_up(), "")


def test_made_passwords_can_be_typed_at_a_panel() -> None:
    """L6: no letters that look alike, different each time."""
    made = {passwords.made_up() for _ in range(50)}

    assert len(made) == 50
    assert all(re.fullmatch(r"(?:[a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", one) for one in made)


@pytest.mark.parametrize(
    ("failures", "stranger", "own"),
    [(1, 0, 0), (4, 0, 0), (5, 60, 60), (6, 120, 120), (9, 960, 900), (16, 86400, 900),
     (10_000, 86400, 900)],
)  # fmt: skip
def test_lock_outs_grow_and_end(failures: int, stranger: float, own: float) -> None:
    """L8: four are free, then twice as long each; a rule's own network 15 minutes at most."""
    assert lock_for(failures, own_network=False) == stranger
    assert lock_for(failures, own_network=True) == own


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"), ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("", ""),
    ],
)  # fmt: skip
def test_failures_count_for_a_network(peer: str, network: str) -> None:
    """L8: a /24, or a /64."""
    assert network_of(peer) == network
