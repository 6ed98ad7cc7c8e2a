"""A1, A2, A3, A5: a raw address becomes numbers, or one refusal for all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.addresses import AddressRules, read_address, same_domain, split_path
from mail2fax.reading.numbers import NumberRules

OURS = AddressRules(
    ("fax.example.com", "xn--fax-bcher-u9a.example"),
    NumberRules("CH", frozenset({"CH", "DE", "US"})),
    prefix="fax",
)
D = "@fax.example.com"


def numbers(raw: str, rules: AddressRules = OURS) -> list[str]:
    """The numbers an address means."""
    reading = read_address(raw, rules)
    assert reading.refusal is None, reading.refusal
    return [str(to.number) for to in reading.destinations]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (f"+41225550123{D}", ["+41225550123"]),
        (f"+1(415)555-2671{D}", ["+14155552671"]),
        (f"(022)555-01-23{D}", ["+41225550123"]),
        (f'"+41 22 555 01 23"{D}', ["+41225550123"]),
        (f'"+41\\ 22 555 01 23"{D}', ["+41225550123"]),
        (f"fax+0225550123{D}", ["+41225550123"]),
        (f"FAX++41225550123{D}", ["+41225550123"]),
        (f"+41225550123+41435550123{D}", ["+41225550123", "+41435550123"]),
        (f"0225550123,0435550123{D}", ["+41225550123", "+41435550123"]),
        (f'"0225550123; 0435550123 & 0225550123"{D}', ["+41225550123", "+41435550123"]),
        ("+41225550123@FAX.Example.COM.", ["+41225550123"]),
        ("+41225550123@fax-bücher.example", ["+41225550123"]),
    ],
)
def test_an_address_is_read(raw: str, wanted: list[str]) -> None:
    """A1, A3, A5: parentheses are punctuation, lists are several faxes, copies count once."""
    assert numbers(raw) == wanted


@pytest.mark.parametrize(
    ("raw", "code", "status", "says"),
    [
        ("+41225550123@example.org", 550, "5.7.1", "not served here"),
        ("+41225550123@", 550, "5.7.1", "not served here"),
        ("+41225550123", 550, "5.1.3", "with @fax.example.com"),
        (f"{D}", 550, "5.1.3", "no fax number"),
        (f"info{D}", 550, "5.1.1", "not a fax number"),
        (f"1-800-FLOWERS{D}", 550, "5.1.1", "in digits"),
        (f"0225550123+lab{D}", 550, "5.1.3", "+lab is no number"),
        (f"+41225550123+lab{D}", 550, "5.1.3", "+lab is no number"),
        (f"0225550123/at=0800{D}", 550, "5.1.3", "options"),
        (f"FAX=+41225550123{D}", 550, "5.1.3", "sub-addresses"),
        (f"0225550123#12{D}", 550, "5.1.3", "sub-addresses"),
        (f"0225550123,117{D}", 550, "5.7.1", "117: an emergency"),
        (f"0225550123,+419{D}", 550, "5.1.3", "+419"),
        (f"٠٢٢٥٥٥٠١٢٣{D}", 550, "5.1.3", "0 to 9"),
        (f"022555\udcff0123{D}", 550, "5.1.3", "0 to 9"),
        (f"0225550123\t{D}", 550, "5.1.3", "0 to 9"),
    ],
)
def test_an_address_is_refused_whole(raw: str, code: int, status: str, says: str) -> None:
    """A2, A3, A5, A6: one bad piece refuses the address, naming the piece; nothing is dropped."""
    reading = read_address(raw, OURS)

    assert reading.destinations == ()
    assert reading.refusal is not None
    assert (reading.refusal.code, reading.refusal.status) == (code, status)
    assert says in reading.refusal.text
    assert reading.refusal.text.isascii()


def test_a_bare_number_is_taken_where_the_listener_says_so() -> None:
    """A2: a panel without an @ key."""
    rules = AddressRules(OURS.domains, OURS.numbers, allow_no_domain=True)

    assert numbers("0225550123", rules) == ["+41225550123"]


def test_too_many_numbers_are_refused_whole() -> None:
    """Defaults: a list over the limit is sent again in parts, never cut."""
    rules = AddressRules(OURS.domains, OURS.numbers, max_destinations=2)

    refusal = read_address(f"0225550123,0225550124,0225550125{D}", rules).refusal

    assert refusal is not None
    assert (refusal.code, refusal.status) == (452, "4.5.3")


@pytest.mark.parametrize(
    ("argument", "path", "rest"),
    [
        ("<+1(415)555-1234@f> NOTIFY=NEVER", "+1(415)555-1234@f", "NOTIFY=NEVER"),
        ("<>", "", ""),
        (" <> SIZE=5", "", "SIZE=5"),
        ("a@b SIZE=5", "a@b", "SIZE=5"),
        ('<"a > b"@c>', '"a > b"@c', ""),
        ('"a b"@c x', '"a b"@c', "x"),
        ('<"a\\"> b"@c>', '"a\\"> b"@c', ""),
        ("<@x,@y:a@b>", "a@b", ""),
        ("", "", ""),
    ],
)
def test_a_path_is_split_off_untouched(argument: str, path: str, rest: str) -> None:
    """A1: nothing inside the path is interpreted, brackets and route are left out."""
    assert split_path(argument) == (path, rest)


@pytest.mark.parametrize("argument", ["<a@b", "a@b>", '<"a@b>', '"a'])
def test_an_unbalanced_path_is_an_error(argument: str) -> None:
    """A bracket or quote without its partner is no path."""
    with pytest.raises(ValueError, match="missing"):
        split_path(argument)


def test_domains_are_compared_as_a_labels() -> None:
    """L10: case, a last dot and the script of a name do not matter."""
    assert same_domain("FAX.Example.com.") == "fax.example.com"
    assert same_domain("fax-Bücher.example") == "xn--fax-bcher-u9a.example"
    refusal = read_address("0225550123@" + "ü" * 80, OURS).refusal
    assert refusal is not None
    assert refusal.status == "5.7.1"


@given(st.text(max_size=40))
def test_reading_an_address_never_raises(text: str) -> None:
    """Whatever stands on the wire gives destinations or a refusal, and never both."""
    for raw in (text, f"{text}{D}"):
        reading = read_address(raw, OURS)
        assert bool(reading.destinations) != bool(reading.refusal)
        if reading.refusal:
            assert reading.refusal.text.isascii()
