"""L8: rules without a name are known by their place, and followed when they move."""

import pytest

from mail2fax.spool.rule_names import moved


def places(*admits: str) -> dict[str, str]:
    """Rules without a name, in this order."""
    return {f"senders[{n}]": one for n, one in enumerate(admits)}


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        ("ab", "ab", {}),
        ("ab", "abc", {}),
        ("ab", "cab", {"senders[0]": "senders[1]", "senders[1]": "senders[2]"}),
        ("ab", "ba", {"senders[0]": "senders[1]", "senders[1]": "senders[0]"}),
        ("ab", "b", {"senders[0]": "senders[0] (removed)", "senders[1]": "senders[0]"}),
        ("ab", "a", {"senders[1]": "senders[1] (removed)"}),
        ("ab", "cb", {}),  # changed where it stands
        ("", "ab", {}),
    ],
    ids=["same", "below", "on top", "swapped", "first removed", "last removed", "changed", "first"],
)
def test_what_moved(before: str, now: str, names: dict[str, str]) -> None:
    """By whom a rule admits, not by where it stands."""
    assert moved(places(*before), places(*now)) == names


def test_a_rule_that_got_a_name_keeps_what_is_its() -> None:
    """As docs ask the admin to do."""
    assert moved(places("a", "b"), {"office": "a", "senders[1]": "b"}) == {"senders[0]": "office"}


def test_a_rule_with_a_name_stays_itself() -> None:
    """Names were given by a person: only places are followed."""
    assert moved({}, {"office": "b", "lab": "a"}) == {}
