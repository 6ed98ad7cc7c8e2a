"""A1, A3, A4, A8: the right number, or a refusal that says what to do. Never a wrong one."""

from collections import Counter

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2fax.reading.countries import country_name
from mail2fax.reading.numbers import EVERYWHERE, NumberRules, read_number

EUROPE = frozenset({"CH", "LI", "DE", "AT", "FR", "IT", "GB", "NL", "BE", "ES", "LU", "PL"})
CH = NumberRules("CH", EUROPE | {"US"})


def rules(region: str, **more: object) -> NumberRules:
    """Rules of an office in a region that may fax to Europe and the United States."""
    return NumberRules(region, EUROPE | {"US"}, **more)  # type: ignore[arg-type]  # real fields


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("CH", "+41225550123", "+41225550123"),
        ("CH", "+41 22 555 01 23", "+41225550123"),
        ("CH", "+41-22.555(01)23", "+41225550123"),
        ("CH", "0225550123", "+41225550123"),
        ("CH", "(022)555-01-23", "+41225550123"),
        ("CH", "022/5550123", "+41225550123"),
        ("CH", "022 555 01 23", "+41225550123"),
        ("CH", "0041225550123", "+41225550123"),
        ("CH", "41225550123", "+41225550123"),
        ("CH", "+41 (0)22 555 01 23", "+41225550123"),
        ("CH", "0435550123", "+41435550123"),
        ("CH", "+49 30 1234567", "+49301234567"),
        ("CH", "+49 (0)30 1234567", "+49301234567"),
        ("CH", "0049301234567", "+49301234567"),
        ("CH", "+1(415)555-2671", "+14155552671"),
        ("DE", "030 1234567", "+49301234567"),
        ("DE", "030/1234567", "+49301234567"),
        ("DE", "0049301234567", "+49301234567"),
        ("DE", "+41225550123", "+41225550123"),
        ("AT", "01 58858", "+43158858"),
        ("AT", "+43 1 58858", "+43158858"),
        ("FR", "01 42 68 53 00", "+33142685300"),
        ("FR", "0033142685300", "+33142685300"),
        ("IT", "06 48901234", "+390648901234"),
        ("IT", "+39 06 48901234", "+390648901234"),
        ("GB", "020 7946 0018", "+442079460018"),
        ("US", "415-555-2671", "+14155552671"),
        ("US", "1.415.555.2671", "+14155552671"),
        ("US", "(415) 555-2671", "+14155552671"),
        ("US", "011 41 22 555 01 23", "+41225550123"),
        ("ES", "912345678", "+34912345678"),
    ],
)
def test_a_number_is_read(region: str, written: str, number: str) -> None:
    """A3, A4: international, national and dialled abroad, with any punctuation."""
    reading = read_number(written, rules(region))

    assert str(reading.destination.number) == number
    assert reading.refusal is None
    assert number in reading.steps[-1]


@pytest.mark.parametrize(
    ("written", "status", "says"),
    [
        ("00435550123", "5.1.3", "+43 5550 123 (Austria) or 043 555 01 23 (Switzerland)?"),
        ("0 0225550123", "5.1.3", "Write it with +"),
        ("90225550123", "5.1.3", "Write it with +"),
        ("225550123", "5.1.3", "Write it with +"),
        ("022/5550123/5", "5.1.3", "behind the /"),
        ("0225550123/12", "5.1.3", "behind the /"),
        ("/0225550123", "5.1.3", "behind the /"),
        ("117", "5.7.1", "emergency"),
        ("112", "5.7.1", "emergency"),
        ("0900123456", "5.7.1", "premium-rate"),
        ("+41900123456", "5.7.1", "premium-rate"),
        ("0842123456", "5.7.1", "shared-cost"),
        ("+18765551234", "5.7.1", "not allowed here"),
        ("+81312345678", "5.7.1", "countries"),
        ("+80012345678", "5.7.1", "not allowed here"),
        ("+41 22 555 01 2", "5.1.3", "too short in Switzerland. Check"),
        ("+41 22 555 01 23 4", "5.1.3", "too long or too short in Switz"),
        ("+41 11 111 11 11", "5.1.3", "in use"),
        ("0225", "5.1.3", "too short"),
        ("", "5.1.3", "no fax number"),
        ("+", "5.1.3", "no fax number"),
        ("++41225550123", "5.1.3", "in front"),
        ("+41225550123+", "5.1.3", "in front"),
        ("022 555 01 23 ext 5", "5.1.3", "not e"),
        ("٠٢٢٥٥٥٠١٢٣", "5.1.3", "not ?"),
        ("022555012\uff13", "5.1.3", "not ?"),
        ("(022 5550123", "5.1.3", "bracket"),
        ("022) 5550123", "5.1.3", "bracket"),
        ("0225550123\n", "5.1.3", "only digits"),
        ("\udcff0225550123", "5.1.3", "not ?"),
        ("1" * 400, "5.1.3", "..."),
    ],
)
def test_a_number_is_refused_with_a_sentence(written: str, status: str, says: str) -> None:
    """A3, A4, A8: each refusal has its code and says what to do, in ASCII and on one line."""
    reading = read_number(written, CH)

    assert reading.destination.number is None
    assert reading.refusal is not None
    assert (reading.refusal.code, reading.refusal.status) == (550, status)
    assert says in reading.refusal.text
    assert reading.refusal.text.isascii()
    assert reading.refusal.text.isprintable()
    assert len(str(reading.refusal)) < 300


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("CH", "(+41) 22 555 01 23", "+41225550123"),
        ("CH", "0041 (0)22 555 01 23", "+41225550123"),
        ("CH", "0041 ( 0 ) 22 555 01 23", "+41225550123"),
        ("CH", "41 (0)22 555 01 23", "+41225550123"),
        ("US", "011 41 (0)22 555 01 23", "+41225550123"),
        ("AU", "0011 41 22 555 01 23", "+41225550123"),
        ("JP", "010 41 22 555 01 23", "+41225550123"),
        ("HU", "06 1 234 5678", "+3612345678"),
        ("RU", "8 301 123-45-67", "+73011234567"),
        ("LI", "234 56 78", "+4232345678"),
        ("BR", "(11) 2345-6789", "+551123456789"),
        ("BR", "0041 1 415 555 2671", "+14155552671"),  # by the carrier 41
        ("SM", "+378 0549 886377", "+3780549886377"),
        ("CH", "022\u00a0555\u202f01\u201123", "+41225550123"),
        ("DE", "04122/5550123", "+4941225550123"),
        ("ES", "91/2345678", "+34912345678"),
    ],
)
def test_the_habits_of_a_region_are_known(region: str, written: str, number: str) -> None:
    """A3, A4: its way abroad, its trunk prefix, its area codes, its marks."""
    reading = read_number(written, NumberRules(region, EVERYWHERE))

    assert str(reading.destination.number) == number, reading.steps


@pytest.mark.parametrize(
    ("region", "written", "says"),
    [
        ("BR", "00 33 912704138", "+33 9 12 70 41 38 (France)? Write it with +"),
        ("US", "0041225550123", "+41 22 555 01 23 (Switzerland)? Write it with +"),
        ("CH", "+41 022 555 01 23", ": +41 22 555 01 23 (Switzerland)? Write it with +"),
        ("CH", "225550123", ": +41 22 555 01 23 (Switzerland)? Write it with +"),
        ("US", "9 415 555 2671", ": +1 415-555-2671 (United States)? Write it with +"),
        ("DE", "41225550123", "+41 22 555 01 23 (Switzerland) or 04122 5550123 (Germany)?"),
        ("DE", "0041225550123", "+41 22 555 01 23 (Switzerland) or 04122 5550123 (Germany)?"),
        ("DE", "030123456/1234", "behind the /"),
        ("DE", "03012/34567", "behind the /"),
        ("CH", "+999 22 555 01 23", "not a fax number in Switzerland"),
        ("CH", "0117", "too short"),
    ],
)
def test_what_is_doubtful_is_named_and_not_dialled(region: str, written: str, says: str) -> None:
    """A3, A4: the number that was probably meant, or all that it may be."""
    reading = read_number(written, NumberRules(region, EVERYWHERE))

    assert reading.destination.number is None
    assert says in reading.destination.why, reading.steps


def test_a_number_of_any_length_gives_a_reading() -> None:
    """A8: E.164 has 7 to 15 digits; a shorter number that may be possible is no internal error."""
    unassigned = NumberRules("DE", EVERYWHERE, allow_unassigned=True)

    for digits in range(1, 25):
        reading = read_number("+49" + "3" * digits, unassigned)
        assert (reading.destination.number is None) == (reading.refusal is not None)
    assert read_number("+49 3333", unassigned).refusal is not None


def test_every_reading_is_told() -> None:
    """D1: what was tried and why it was dropped, for `mail2fax number`."""
    steps = "\n".join(read_number("00435550123", CH).steps)

    assert "tried +435550123 (00 is the way abroad): a number of Austria" in steps
    assert "+41435550123 (national number, if the first 0 is an outside line)" in steps
    assert "never dialled" in steps
    assert "tried +410435550123 (national number): dropped, it is too long" in steps
    assert "refused: 00435550123: +43" in steps


def test_every_region_has_a_name() -> None:
    """A4: libphonenumber's regions are all named, in ASCII."""
    names = {region: country_name(region) for region in (*EVERYWHERE, "001")}

    assert [region for region, name in names.items() if name == region or not name.isascii()] == []
    assert len(set(names.values())) == len(names)
    assert country_name("ZZ") == "ZZ"


def test_an_outside_line_is_only_left_out_where_it_is_set() -> None:
    """A4: the same digits are a number on a listener with `outside_line`, a doubt without."""
    with_line = rules("CH", outside_line="0")

    assert str(read_number("00225550123", with_line).destination.number) == "+41225550123"
    assert str(read_number("0225550123", with_line).destination.number) == "+41225550123"
    assert read_number("00435550123", with_line).refusal is not None
    assert read_number("00225550123", CH).refusal is not None


def test_policy_can_bar_prefixes_and_admit_unassigned_numbers() -> None:
    """A8: configured prefixes are refused; unassigned numbers only when the office says so."""
    barred = rules("CH", deny_prefixes=("+4122",))

    refusal = read_number("+41225550123", barred).refusal
    assert refusal is not None
    assert "barred" in refusal.text
    assert read_number("+41 11 111 11 11", CH).refusal is not None
    unassigned = read_number("+41 11 111 11 11", rules("CH", allow_unassigned=True))
    assert str(unassigned.destination.number) == "+41111111111"


REGIONS = ["CH", "DE", "AT", "FR", "IT", "GB", "NL", "BE", "ES", "US", "LU", "PL"]
KINDS = [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE]


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str, str]:
    """(region of the office, what somebody wrote, the number meant)."""
    region = draw(st.sampled_from(REGIONS))
    kind = draw(st.sampled_from(KINDS))
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    national = phonenumbers.national_significant_number(example)
    tail = draw(st.integers(0, 9999))
    varied = f"+{example.country_code}{national[:-4]}{tail:04d}"
    meant = phonenumbers.parse(varied, None)
    home = draw(st.sampled_from([region, "CH", "US", "DE"]))
    form = draw(st.sampled_from(["plus", "abroad", "bare", "national"]))
    trunk = phonenumbers.ndd_prefix_for_region(region, True) or ""
    digits = phonenumbers.national_significant_number(meant)
    abroad = "011" if home == "US" else "00"
    text = {
        "plus": varied,
        "abroad": abroad + varied[1:],
        "bare": varied[1:],
        "national": trunk + digits,
    }[form]
    marks = draw(st.lists(st.sampled_from(["", "", "", " ", ".", "-"]), min_size=30, max_size=30))
    spaced = text[0] + "".join(m + c for m, c in zip(marks, text[1:], strict=False))
    return (region if form == "national" else home), spaced, varied


@settings(max_examples=2000)
@given(written_numbers())
def test_a_written_number_is_that_number_or_refused(case: tuple[str, str, str]) -> None:
    """Promise 3: whatever the form, the number read is the one meant, or none."""
    region, text, meant = case

    number = read_number(text, rules(region)).destination.number

    assert number is None or number.e164 == meant


@given(st.text(alphabet="0123456789+()-./ ", max_size=20))
def test_what_is_accepted_is_valid_and_allowed(text: str) -> None:
    """A8: whatever was typed, only valid, allowed, not premium numbers come out."""
    destination = read_number(text, CH).destination

    if destination.number is not None:
        number = phonenumbers.parse(destination.number.e164, None)
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.region_code_for_number(number) in CH.countries
        assert phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.PREMIUM_RATE


@pytest.mark.parametrize("region", ["CH", "DE", "AT", "FR", "IT", "US"])
def test_no_outside_digit_ever_dials_another_number(region: str) -> None:
    """A4: outside line 0 or 9 before every form: the number meant, or a refusal. Never else."""
    seen: Counter[str] = Counter()
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        assert example is not None
        base = phonenumbers.national_significant_number(example)
        trunk = phonenumbers.ndd_prefix_for_region(region, True) or ""
        for tail in range(0, 10000, 97):
            national = f"{base[:-4]}{tail:04d}"
            meant = f"+{example.country_code}{national}"
            abroad = "011" if region == "US" else "00"
            for written in (trunk + national, abroad + meant[1:]):
                for line, setting in (("0", "0"), ("9", "9"), ("0", ""), ("9", "")):
                    found = read_number(line + written, rules(region, outside_line=setting))
                    number = found.destination.number
                    assert number is None or number.e164 == meant, (line + written, setting)
                    seen["refused" if number is None else "read"] += 1

    assert seen["read"] > 0
