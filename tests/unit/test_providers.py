"""L6: the command that holds our list of shared networks against what providers publish."""

import pytest

from mail2fax.shared_networks import _PUBLISHED
from tests.security.providers import PUBLISHED, Unknown, missing

ZONE = {
    "_spf.google.com.": b"v=spf1 include:_a.google.com include:_b.google.com ~all",
    "_a.google.com.": b"v=spf1 ip4:74.125.0.0/16 ip6:2001:4860:4000::/36 ~all",
    "_b.google.com.": b"v=spf1 ip4:203.0.113.7 ?ip4:198.51.100.0/24 redirect=_a.google.com",
    "loop.example.": b"v=spf1 include:loop.example ip4:74.125.1.1 -all",
    "other.example.": b"google-site-verification=x",
}


def zone(name: str) -> list[bytes]:
    """A record among others, as large domains have them."""
    return [b"site-verification=1", *([ZONE[name]] if name in ZONE else [])]


def test_a_range_that_is_missing_is_named() -> None:
    """Includes and redirects are followed; what is known is not named."""
    assert missing(("_spf.google.com",), zone) == ["198.51.100.0/24", "203.0.113.7/32"]
    assert missing(("loop.example",), zone) == []


@pytest.mark.parametrize("name", ["other.example", "nowhere.example"])
def test_a_record_that_is_none_is_told(name: str) -> None:
    """No answer is not a clean one."""
    with pytest.raises(Unknown, match=name):
        missing((name,), zone)


def test_records_without_end_are_told() -> None:
    """Each includes the next."""

    def chain(name: str) -> list[bytes]:
        number = int(name.partition(".")[0])
        return [b"v=spf1 include:%d.example -all" % (number + 1)]

    with pytest.raises(Unknown, match="more than"):
        missing(("1.example",), chain)


def test_every_provider_of_the_list_is_asked() -> None:
    """A provider that is added to one is added to the other."""
    assert set(PUBLISHED) == set(_PUBLISHED)
