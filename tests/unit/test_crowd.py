"""L10: strangers never take the place of networks that rules name."""

import pytest

from mail2fax.accepting.crowd import Crowd, CrowdLimits, network_of

LIMITS = CrowdLimits(in_all=10, strangers=3, silent=2, known=4)


def entered(crowd: Crowd, peers: list[str], *, known: bool) -> int:
    """How many of them get in."""
    return sum(crowd.enter(peer, known=known) for peer in peers)


def test_strangers_have_half_of_the_places() -> None:
    """From a hundred networks; then a known network still gets in."""
    crowd = Crowd(LIMITS)

    assert entered(crowd, [f"10.0.{n}.1" for n in range(100)], known=False) == 5
    assert entered(crowd, ["192.168.1.7"] * 5, known=True) == 4
    assert entered(crowd, ["192.168.2.7"] * 5, known=True) == 1


def test_silent_strangers_of_one_network_are_few() -> None:
    """A login makes room for the next, up to the network's own limit."""
    crowd = Crowd(LIMITS)
    assert entered(crowd, ["10.0.0.1", "10.0.0.2", "10.0.0.3"], known=False) == 2
    crowd.logged_in("10.0.0.1", known=False)
    assert crowd.enter("10.0.0.4", known=False)
    crowd.logged_in("10.0.0.2", known=False)
    assert not crowd.enter("10.0.0.4", known=False)
    crowd.leave("10.0.0.1", known=False, logged_in=True)
    assert crowd.enter("10.0.0.4", known=False)


def test_a_certificate_makes_a_stranger_known() -> None:
    """A mail service's servers come many at once, from networks that no rule names."""
    crowd = Crowd(LIMITS)
    for _ in range(4):
        assert crowd.enter("10.0.0.1", known=False)
        crowd.recognise("10.0.0.1")
    for _ in range(4):
        crowd.leave("10.0.0.1", known=True, logged_in=False)

    assert not crowd._known
    assert not crowd._strangers
    assert not crowd._silent


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("logged_in", [True, False])
def test_who_leaves_makes_room(known: bool, logged_in: bool) -> None:
    """After everybody left nothing is counted."""
    crowd = Crowd(LIMITS)
    for _ in range(50):
        assert crowd.enter("10.0.0.1", known=known)
        if logged_in:
            crowd.logged_in("10.0.0.1", known=known)
        crowd.leave("10.0.0.1", known=known, logged_in=logged_in)

    assert not crowd._known
    assert not crowd._strangers
    assert not crowd._silent


def test_who_did_not_get_in_is_not_counted() -> None:
    """A network that knocks all day is let in as soon as one of its sessions ends."""
    crowd = Crowd(CrowdLimits(in_all=10, strangers=1, silent=5))
    assert entered(crowd, ["10.0.0.1"] * 100, known=False) == 1
    crowd.leave("10.0.0.1", known=False, logged_in=False)
    assert crowd.enter("10.0.0.1", known=False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True), ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True), ("", "unknown", False),
    ],
)  # fmt: skip
def test_networks(one: str, other: str, same: bool) -> None:
    """/24, or /64."""
    assert (network_of(one) == network_of(other)) == same
