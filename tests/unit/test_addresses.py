"""A1-A7: a raw address becomes numbers, or one refusal for all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.addresses import (
    AddressRules,
    read_address,
    same_address,
    same_domain,
    split_path,
)
from mail2fax.reading.contacts import Contact, Contacts
from mail2fax.reading.forms import taken_apart
from mail2fax.reading.numbers import NumberRules, Refused
from mail2fax.values import FaxNumber, Wish

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
        (f"(+41)225550123{D}", ["+41225550123"]),
        (f"+41225550123(+41)435550123{D}", ["+41225550123", "+41435550123"]),
        (f"FAX=+41225550123{D}", ["+41225550123"]),
        (f"fax=+41.22.555.01.23{D}", ["+41225550123"]),
        (f"/FAX=+41-22-555-01-23/{D}", ["+41225550123"]),
        (f'"/fax = 022 555 01 23/"{D}', ["+41225550123"]),
        (f"/FAX=+41225550123,+41435550123/{D}", ["+41225550123", "+41435550123"]),
        (f"fax+FAX=0225550123{D}", ["+41225550123"]),
        (f"0225550123/{D}", ["+41225550123"]),
        (f"022/5550123/{D}", ["+41225550123"]),
        (f"022\u00a0555\u201101\u202f23{D}", ["+41225550123"]),
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
        (f"0225550123+FLOWERS{D}", 550, "5.1.3", "+FLOWERS is no number"),
        (f"+1-800-FLOWERS{D}", 550, "5.1.1", "in digits"),
        (f"/FAX=+41225550123/T33S=12/{D}", 550, "5.1.3", "T33S=12: a sub-address"),
        (f"FAX=+41225550123/t33s=12{D}", 550, "5.1.3", "documents none"),
        (f"FAX=+41225550123/ISUB=1/POSTD=2{D}", 550, "5.1.3", "ISUB=1: a sub-address"),
        (f"0225550123#12{D}", 550, "5.1.3", "#12: a sub-address"),
        (f"0225550123*12{D}", 550, "5.1.3", "*12: a sub-address"),
        (f'"0225550123 ext 12"{D}', 550, "5.1.3", "ext 12: a sub-address"),
        (f'"0225550123 Ext. 12"{D}', 550, "5.1.3", "Ext. 12: a sub-address"),
        (f'"0225550123 x12"{D}', 550, "5.1.3", "x12: a sub-address"),
        (f"0225550123X12{D}", 550, "5.1.3", "X12: a sub-address"),
        (f"0225550123;ext=12{D}", 550, "5.1.3", "ext=12: a sub-address"),
        (f"0225550123p12{D}", 550, "5.1.3", "p12: a sub-address"),
        (f"0225550123/12{D}", 550, "5.1.3", "behind the /"),
        (f"022/555/0123{D}", 550, "5.1.3", "behind the /"),
        (f"0225550123//{D}", 550, "5.1.3", "behind the /"),
        (f"/0225550123{D}", 550, "5.1.3", "behind the /"),
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


@pytest.mark.parametrize(
    ("local", "left", "wishes"),
    [
        ("0225550123/at=0800", "0225550123", [("at", "0800")]),
        ("0225550123/Fine/TAG=Dr._Meier/", "0225550123", [("fine", ""), ("tag", "Dr. Meier")]),
        ("/FAX=022-5550123/retry=3/15/", "022-5550123", [("retry", "3/15")]),
        ("022/5550123/fine", "022/5550123", [("fine", "")]),
        ("0225550123,0435550123/from=+41225550100,+41225550200", "0225550123,0435550123",
         [("from", "+41225550100,+41225550200")]),
        ("0225550123/comment=a=b:c", "0225550123", [("comment", "a=b:c")]),
        ("0225550123/at:08:00", "0225550123", [("at", "08:00")]),
        ("0225550123/ to = Anna_", "0225550123", [("to", "Anna")]),
    ],
)  # fmt: skip
def test_options_are_split_off(local: str, left: str, wishes: list[tuple[str, str]]) -> None:
    """O2: a slash before a letter begins an option, an underscore in its value is a space."""
    part = taken_apart(local, "")

    assert part.numbers == left
    assert part.wishes == tuple(Wish(key, value, "address") for key, value in wishes)


@pytest.mark.parametrize(
    "local",
    [
        "0225550123/fine,0435550123",
        "0225550123/tag=a,+41435550123",
        "0225550123/tag=a;0435550123",
        "0225550123/tag=a+41435550123",
        "0225550123/tag=a/0435550123",
        "0225550123/to=+41435550123",
        "0225550123/fine+lab",
        "/fine/0225550123",
    ],
)
def test_no_number_is_lost_in_an_option(local: str) -> None:
    """A5: a number behind an option is refused, never taken for the option's value."""
    with pytest.raises(Refused):
        taken_apart(local, "")


def person(number: str, name: str) -> Contact:
    """A contact."""
    return Contact(FaxNumber(number), name)


MEIER, LAB, VIENNA = (
    person("+41225550123", "Dr. Meier"),
    person("+41435550123", "Labor"),
    person("+43158858", "Wien"),
)
BOOK = Contacts(
    {"dr-meier": MEIER, "lab": LAB, "wien": VIENNA},
    {"all-labs": (LAB, MEIER), "abroad": (LAB, VIENNA)},
)
AT_MOST_THREE = AddressRules(OURS.domains, OURS.numbers, "fax", False, 3)


@pytest.mark.parametrize(
    ("raw", "wanted", "groups"),
    [
        (f"dr-meier{D}", [("+41225550123", "Dr. Meier")], ()),
        (f'"DR-Meier"{D}', [("+41225550123", "Dr. Meier")], ()),
        (f"fax+lab{D}", [("+41435550123", "Labor")], ()),
        (f"All-Labs{D}", [("+41435550123", "Labor"), ("+41225550123", "Dr. Meier")],
         (("All-Labs", 2),)),
        (f"lab,0225550199{D}", [("+41435550123", "Labor"), ("+41225550199", None)], ()),
        (f"all-labs,lab{D}", [("+41435550123", "Labor"), ("+41225550123", "Dr. Meier")],
         (("all-labs", 2),)),
        (f"/FAX=lab/{D}", [("+41435550123", "Labor")], ()),
    ],
)  # fmt: skip
def test_names_stand_for_numbers(
    raw: str, wanted: list[tuple[str, str | None]], groups: tuple[tuple[str, int], ...]
) -> None:
    """A7, A9: contacts and groups, in any case, alone or in a list; each number once."""
    reading = read_address(raw, AT_MOST_THREE, BOOK)

    assert reading.refusal is None
    assert [(str(to.number), to.name) for to in reading.destinations] == wanted
    assert reading.groups == groups


@pytest.mark.parametrize(
    ("raw", "code", "status", "says"),
    [
        (f"dr-meyer{D}", 550, "5.1.1", "Did you mean dr-meier?"),
        (f"zzz{D}", 550, "5.1.1", "zzz: not a fax number. Write it in digits"),
        (f"lab+x{D}", 550, "5.1.3", "+x is no number"),
        (f"lab#12{D}", 550, "5.1.3", "#12: a sub-address"),
        (f"all-labs,0225550199,0225550198{D}", 452, "4.5.3", "4 fax numbers"),
        (f"abroad{D}", 550, "5.7.1", "abroad: +43158858: faxes to Austria are not"),
    ],
)
def test_a_name_is_refused_with_a_sentence(raw: str, code: int, status: str, says: str) -> None:
    """A7: unknown names with the nearest, groups over the limit whole, members by policy."""
    reading = read_address(raw, AT_MOST_THREE, BOOK)

    assert reading.destinations == ()
    assert reading.refusal is not None
    assert (reading.refusal.code, reading.refusal.status) == (code, status)
    assert says in reading.refusal.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+41225550123@fax.example.com", '"+41225550123"@FAX.example.com.'),
        ("Dr-Meier@fax.example.com", "dr-meier@fax.example.com"),
        ('"a\\ b"@x.example', '"a b"@x.example'),
        ("0225550123", '"0225550123"'),
    ],
)
def test_the_same_address_is_seen_behind_case_and_quotes(one: str, other: str) -> None:
    """A9: a To is the recipient's although its client wrote it otherwise."""
    assert same_address(one) == same_address(other)
    assert same_address(one) != same_address("b" + other)


def test_what_cannot_be_a_domain_is_compared_as_it_stands() -> None:
    """A9: an odd To matches nothing but itself."""
    odd = "A@" + "ü" * 80
    assert same_address(odd) == same_address(odd.lower())


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
