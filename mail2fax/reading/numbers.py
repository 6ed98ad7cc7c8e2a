"""One number as a person wrote it becomes the number that is dialled, or a refusal.

Refusing beats guessing: whenever two readings are valid numbers, both are named and none is
dialled (A3, A4). Which numbers exist, and what calling them costs, is libphonenumber's
knowledge; what may be dialled is decided here (A8). Only ASCII digits are digits (A1).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from mail2fax.values import Destination, FaxNumber, Response

_ALLOWED = re.compile(r"[0-9+ .()/-]*", re.ASCII)
_NOT_DIGIT = re.compile(r"[^0-9]", re.ASCII)
_TRUNK_IN_BRACKETS = re.compile(r"\(0\)", re.ASCII)
_OUTSIDE_DIGITS = ("0", "9")
_OPTIONAL_TRUNKS = ("", "1")  # the North American plan is dialled with and without its 1
_LONGEST_SHOWN = 40
_SHORT_TAIL = 3

_BARRED_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.VOICEMAIL: "a voicemail access number",
}
_COUNTRIES = {
    "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BG": "Bulgaria", "CA": "Canada",
    "CH": "Switzerland", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "ES": "Spain",
    "FI": "Finland", "FR": "France", "GB": "United Kingdom", "GR": "Greece", "HR": "Croatia",
    "HU": "Hungary", "IE": "Ireland", "IT": "Italy", "LI": "Liechtenstein", "LU": "Luxembourg",
    "NL": "Netherlands", "NO": "Norway", "PL": "Poland", "PT": "Portugal", "RO": "Romania",
    "SE": "Sweden", "SI": "Slovenia", "SK": "Slovakia", "US": "United States",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumberRules:
    """What may be dialled, and how national numbers are read.

    Attributes:
        region: ISO 3166 code of the office's country.
        countries: the countries that may be faxed to.
        outside_line: a digit the listener's devices dial first; empty for none (A4).
        allow_unassigned: take numbers of possible length that no plan lists (A8).
        deny_prefixes: E.164 prefixes that are never dialled.
    """

    region: str
    countries: frozenset[str]
    outside_line: str = ""
    allow_unassigned: bool = False
    deny_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberReading:
    """What became of one number.

    Attributes:
        destination: with the number, or without one and the reason in ``why``.
        refusal: the SMTP answer, None when it can be dialled.
        steps: how it was read, a sentence each, for ``mail2fax number``.
    """

    destination: Destination
    refusal: Response | None
    steps: tuple[str, ...]


class _Refused(Exception):
    """A reading that ends in a refusal."""

    def __init__(self, text: str, status: str = "5.1.3") -> None:
        super().__init__(text)
        self.response = Response(550, status, text)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One way to read the digits."""

    number: PhoneNumber
    how: str
    only_a_doubt: bool = False
    """It would need a digit left out that nobody said is an outside line: never dialled, but
    it makes another reading doubtful."""


def read_number(written: str, rules: NumberRules) -> NumberReading:
    """Read one number.

    Args:
        written: as it stood in the address, or as a person typed it.
        rules: region, countries and restrictions.

    Returns:
        The reading; it never raises.
    """
    steps = [f"written: {shown(written)}"]
    try:
        candidate = _the_one(written, rules, steps)
        country = _may_be_dialled(candidate.number, written, rules)
    except _Refused as refused:
        why = refused.response.text
        steps.append(f"refused: {why}")
        return NumberReading(Destination(written, None, why), refused.response, tuple(steps))
    e164 = phonenumbers.format_number(candidate.number, PhoneNumberFormat.E164)
    why = f"{candidate.how}, {country_name(country)}"
    steps.append(f"dialled: {e164} ({why})")
    return NumberReading(Destination(written, FaxNumber(e164), why, country), None, tuple(steps))


def shown(written: str) -> str:
    """What was written, as it may stand in an SMTP answer: short, printable ASCII."""
    clean = "".join(letter if " " <= letter <= "~" else "?" for letter in written)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[:_LONGEST_SHOWN] + "..."


def country_name(region: str) -> str:
    """A country's English name, or its code where a name is not known."""
    return _COUNTRIES.get(region, region)


def _the_one(written: str, rules: NumberRules, steps: list[str]) -> _Candidate:
    """The only valid reading.

    Raises:
        _Refused: there is none, or more than one.
    """
    text = _checked(written)
    if not text.startswith("+") and _is_short(_NOT_DIGIT.sub("", text), rules.region):
        raise _Refused(f"{shown(written)}: an emergency or short number is never faxed", "5.7.1")
    candidates = list(_readings(text, rules))
    possible = [found for found in candidates if _acceptable(found.number, rules)]
    distinct = {_e164(found.number): found for found in reversed(possible)}
    for e164, found in distinct.items():
        steps.append(f"valid reading: {e164} ({found.how})")
    if len(distinct) > 1:
        raise _Refused(_both(written, list(distinct.values())))
    if not distinct:
        raise _Refused(_why_none(written, candidates, rules))
    found = next(iter(distinct.values()))
    if found.only_a_doubt:
        raise _Refused(_both(written, [found]))
    return found


def _checked(written: str) -> str:
    """The text, if it has the form of a number at all (A1, A3).

    Raises:
        _Refused: naming what is wrong with it.
    """
    text = written.strip(" ")
    if not _ALLOWED.fullmatch(text):
        odd = shown(next(letter for letter in text if not _ALLOWED.fullmatch(letter)))
        raise _Refused(f"{shown(written)}: only digits, + and the signs ( ) . - / belong in it,"
                       f" not {odd}")  # fmt: skip
    if "+" in text[1:]:
        raise _Refused(f"{shown(written)}: a + can only stand in front")
    if not _NOT_DIGIT.sub("", text):
        raise _Refused(f"{shown(written)}: no fax number in it")
    _check_slashes(written, text)
    _check_brackets(written, text)
    return text


def _check_slashes(written: str, text: str) -> None:
    """A slash is punctuation once, after the area code; a short tail is an extension (A3)."""
    head, slash, tail = text.partition("/")
    if not slash:
        return
    digits = len(_NOT_DIGIT.sub("", tail))
    if "/" in tail or digits <= _SHORT_TAIL or not _NOT_DIGIT.sub("", head):
        raise _Refused(
            f"{shown(written)}: what stands behind the / is not clear."
            " Write the number with + and without /"
        )


def _check_brackets(written: str, text: str) -> None:
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth not in (0, 1):
            break
    if depth:
        raise _Refused(f"{shown(written)}: a bracket is missing")


def _readings(text: str, rules: NumberRules) -> Iterator[_Candidate]:
    """Every way to read it, valid or not."""
    digits = _NOT_DIGIT.sub("", text)
    if text.startswith("+"):
        yield from _international_readings(text, digits)
        return
    stripped = bool(rules.outside_line) and digits.startswith(rules.outside_line)
    outside = digits[len(rules.outside_line) :] if stripped else digits
    yield from _dialled_readings(outside, rules.region)
    # With a setting or not, a leading trunk or outside digit may be the other thing (A4).
    if stripped:
        yield from _dialled_readings(digits, rules.region)
    for first in _OUTSIDE_DIGITS:
        rest = digits.removeprefix(first)
        if rest not in (digits, outside):
            for found in _doubtful_readings(rest, rules.region):
                yield replace(found, only_a_doubt=True)


def _international_readings(text: str, digits: str) -> Iterator[_Candidate]:
    """After a plus, with the ``(0)`` that some write between code and area (A4)."""
    yield from _parsed(f"+{digits}", None, "with country code")
    if _TRUNK_IN_BRACKETS.search(text):
        without = _NOT_DIGIT.sub("", _TRUNK_IN_BRACKETS.sub("", text, count=1))
        yield from _parsed(f"+{without}", None, "with country code, (0) left out")


def _dialled_readings(digits: str, region: str) -> Iterator[_Candidate]:
    """As somebody in the region would dial it: abroad, national, or a code without a plus."""
    abroad = _international_prefix(region)
    if digits.startswith(abroad):
        yield from _parsed(f"+{digits[len(abroad) :]}", None, f"{abroad} is the way abroad")
    yield from _parsed(digits, region, "national number")
    if not digits.startswith("0"):
        yield from _parsed(f"+{digits}", None, "country code without +")


def _doubtful_readings(rest: str, region: str) -> Iterator[_Candidate]:
    """What would be meant if the digit before ``rest`` had been for an outside line (A4).

    Only digits that go on with a prefix of their own are read so, or, in a country that has no
    trunk prefix, with a national number.
    """
    if rest.startswith(("0", _international_prefix(region))):
        yield from _dialled_readings(rest, region)
    elif _trunk(region) in _OPTIONAL_TRUNKS:
        yield from _parsed(rest, region, "national number")


def _international_prefix(region: str) -> str:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    prefix = metadata.international_prefix if metadata else None
    return prefix if prefix and prefix.isascii() and prefix.isdigit() else "00"


def _trunk(region: str) -> str:
    return phonenumbers.ndd_prefix_for_region(region, True) or ""


def _parsed(digits: str, region: str | None, how: str) -> Iterator[_Candidate]:
    """The candidate libphonenumber makes of the digits, if it kept every one of them."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return
    if _kept_every_digit(digits, region, number):
        yield _Candidate(number, how)


def _kept_every_digit(digits: str, region: str | None, number: PhoneNumber) -> bool:
    """Whether a parse used the digits as they stand.

    libphonenumber helps: it may take a country code out of national digits, or drop carrier
    codes. Here each reading is tried by itself, so a helpful one is a second opinion on another
    candidate and is left to that.
    """
    if region is None:
        code = str(number.country_code)
        rest = digits.removeprefix("+").removeprefix(code)
        national = phonenumbers.national_significant_number(number)
        return digits.startswith(f"+{code}") and rest == national
    if number.country_code != phonenumbers.country_code_for_region(region):
        return False
    national = phonenumbers.national_significant_number(number)
    trunk = _trunk(region)
    if trunk in _OPTIONAL_TRUNKS and digits == national:
        return True
    return digits == trunk + national


def _acceptable(number: PhoneNumber, rules: NumberRules) -> bool:
    if phonenumbers.is_valid_number(number):
        return True
    possible = phonenumbers.is_possible_number_with_reason(number)
    return rules.allow_unassigned and possible == ValidationResult.IS_POSSIBLE


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _both(written: str, candidates: list[_Candidate]) -> str:
    readings = " or ".join(sorted((_said(found.number) for found in candidates), reverse=True))
    return f"{shown(written)}: {readings}? Write it with +"


def _said(number: PhoneNumber) -> str:
    region = phonenumbers.region_code_for_number(number) or "?"
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    return f"{international} ({country_name(region)})"


def _why_none(written: str, candidates: list[_Candidate], rules: NumberRules) -> str:
    digits = _NOT_DIGIT.sub("", written)
    if any(phonenumbers.is_possible_number(found.number) for found in candidates):
        return f"{shown(written)}: no such number is in use. Check the digits"
    known = "" if written.strip().startswith("+") else f" in {country_name(rules.region)}"
    length = "short" if len(digits) < 9 else "long or wrong"  # noqa: PLR2004 - a word's choice
    return f"{shown(written)}: not a fax number{known}, it is too {length}. Write it with +"


def _may_be_dialled(number: PhoneNumber, written: str, rules: NumberRules) -> str:
    """The number's country, if policy allows it (A8).

    Raises:
        _Refused: naming the policy.
    """
    e164 = _e164(number)
    region = phonenumbers.region_code_for_number(number) or ""
    kind = _BARRED_TYPES.get(phonenumbers.number_type(number))
    if kind:
        raise _Refused(f"{shown(written)}: {kind} is never faxed", "5.7.1")
    if e164.startswith(rules.deny_prefixes):
        raise _Refused(f"{shown(written)}: the admin has barred this number", "5.7.1")
    if region not in rules.countries:
        where = country_name(region) or "no country"
        raise _Refused(
            f"{shown(written)}: faxes to {where} are not allowed here."
            " The admin can add it to countries",
            "5.7.1",
        )
    return region


def _is_short(digits: str, region: str) -> bool:
    """Whether the digits as dialled are an emergency or another short number of the region."""
    if phonenumbers.is_emergency_number(digits, region):
        return True
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_short_number_for_region(number, region)
