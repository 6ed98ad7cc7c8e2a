"""A2: who is meant by postmaster and abuse, and how often a network of strangers may ring."""

import pytest

from mail2fax.accepting.doorbell import Doorbell
from mail2fax.accepting.postmaster import TOO_MANY, is_role

OURS = ("fax.example.com",)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("postmaster@fax.example.com", True),
        ("PostMaster@FAX.example.com.", True),
        ('"postmaster"@fax.example.com', True),
        ("abuse@fax.example.com", True),
        ("postmaster", True),
        ("POSTMASTER", True),
        ("abuse", False),
        ("postmaster@example.org", False),
        ("postmaster@" + "ü" * 80, False),
        ("hostmaster@fax.example.com", False),
        ("postmaster+x@fax.example.com", False),
        ("0225550123@fax.example.com", False),
        ("", False),
    ],
)
def test_a_role_is_known_in_every_spelling(path: str, is_one: bool) -> None:
    """A2, RFC 5321 4.5.1: any case, quoted or not; postmaster also without a domain."""
    assert is_role(path, OURS) is is_one


def test_a_network_rings_twenty_times_an_hour() -> None:
    """A2: its neighbours count with it, others do not."""
    bell = Doorbell(TOO_MANY)

    assert [bell.ring(f"192.0.2.{n}", 0.0) for n in range(20)] == [None] * 20
    refusal = bell.ring("192.0.2.99", 3599.0)
    assert refusal is not None
    assert str(refusal).startswith("450 4.7.1")
    assert bell.ring("198.51.100.1", 3599.0) is None
    assert bell.ring("192.0.2.99", 3600.0) is None


def test_many_networks_do_not_fill_the_memory() -> None:
    """Promise 5: whoever rings from everywhere is forgotten, the quiet ones first."""
    bell = Doorbell(TOO_MANY)
    for n in range(10_001):
        bell.ring(f"2001:db8:{n >> 8:x}:{n & 255:x}::1", float(n > 0) * 3600)

    assert len(bell._rings) == 10_000
