"""Every number that a row of digits may mean to somebody who dials it (A3, A4).

A parser that helps is dangerous here: it strips a digit or a code to find some valid number.
So the readings are built digit by digit, each by one habit of dialling, and the rest of the
house decides among them. What libphonenumber knows about a region is used: its country code,
its trunk prefix, its way abroad.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

_NOT_DIGIT = re.compile(r"[^0-9]", re.ASCII)
_TRUNK_IN_BRACKETS = re.compile(r"\( *0 *\)", re.ASCII)
_OUTSIDE_DIGITS = ("0", "9")
_LONGEST_CODE = 3
_USUAL_WAY_ABROAD = "00"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to read the digits.

    Attributes:
        country_code: without ``+``.
        national: the national significant number, leading zeros of Italy and others included.
        how: the habit it follows, in words.
        is_doubt: it would need a digit left out or added that nobody may be sure of: it is never
            dialled, but it makes another reading doubtful.
    """

    country_code: int
    national: str
    how: str
    is_doubt: bool = False

    @property
    def e164(self) -> str:
        """``+``, country code, national number."""
        return f"+{self.country_code}{self.national}"

    def number(self) -> PhoneNumber:
        """It as libphonenumber's value, exactly these digits."""
        zeros = len(self.national) - len(self.national.lstrip("0"))
        found = PhoneNumber(self.country_code, int(self.national))
        if zeros:
            found.italian_leading_zero = True
            found.number_of_leading_zeros = zeros
        return found


def digits_of(text: str) -> str:
    """The ASCII digits of a text (A1)."""
    return _NOT_DIGIT.sub("", text)


def candidates(text: str, region: str, outside_line: str = "") -> tuple[Candidate, ...]:
    """Every reading, valid or not, each number once; one that is no doubt before one that is.

    Args:
        text: digits and punctuation, with ``+`` at most in front.
        region: ISO 3166 code of where it is dialled.
        outside_line: the digit that the listener's devices dial first; empty for none.
    """
    found: dict[str, Candidate] = {}
    for one in _all(text, region, outside_line):
        before = found.get(one.e164)
        if one.national and (before is None or (before.is_doubt and not one.is_doubt)):
            found[one.e164] = one
    return tuple(found.values())


def without_outside_line(digits: str, outside_line: str) -> str:
    """The digits behind the outside line, all of them when there is none."""
    return digits.removeprefix(outside_line)


def _all(text: str, region: str, outside_line: str) -> Iterator[Candidate]:
    for digits, note in _spellings(text):
        if text.startswith("+"):
            yield from _international(digits, f"with country code{note}")
        else:
            for one in _with_and_without_line(digits, region, outside_line):
                yield replace(one, how=one.how + note) if note else one


def _spellings(text: str) -> Iterator[tuple[str, str]]:
    """The digits, and those without the ``(0)`` some write between code and area (A4)."""
    yield digits_of(text), ""
    trunk = _TRUNK_IN_BRACKETS.search(text)
    if trunk and digits_of(text[: trunk.start()]):
        yield digits_of(text[: trunk.start()] + text[trunk.end() :]), ", (0) left out"


def _with_and_without_line(digits: str, region: str, outside_line: str) -> Iterator[Candidate]:
    """With a setting or not, a leading trunk or outside digit may be the other thing (A4)."""
    behind = without_outside_line(digits, outside_line)
    if behind != digits:
        for one in _dialled(behind, region):
            yield replace(one, how=f"{one.how} behind the outside line {outside_line}")
    yield from _dialled(digits, region)
    for first in _OUTSIDE_DIGITS:
        rest = digits.removeprefix(first)
        if rest not in (digits, behind):
            for one in _behind_a_supposed_line(rest, region):
                how = f"{one.how}, if the first {first} is an outside line"
                yield replace(one, how=how, is_doubt=True)


def _behind_a_supposed_line(rest: str, region: str) -> Iterator[Candidate]:
    """What would be meant if the digit before ``rest`` had been for an outside line.

    Only digits that go on with a prefix of their own are read so, or, where national numbers
    are dialled without a trunk prefix, with a national number.
    """
    trunk = _trunk(region)
    if rest.startswith("0") or (trunk and rest.startswith(trunk)) or _abroad(rest, region):
        yield from _dialled(rest, region)
    elif _is_trunk_optional(region):
        yield Candidate(_code(region), rest, "national number")


def _dialled(digits: str, region: str) -> Iterator[Candidate]:
    """As somebody in the region would dial it: abroad, national, or a code without a plus."""
    if abroad := _abroad(digits, region):
        yield from _international(digits[len(abroad) :], f"{abroad} is the way abroad")
    if digits.startswith(_USUAL_WAY_ABROAD) and abroad != _USUAL_WAY_ABROAD:
        # Known to everybody, although one dials otherwise here (in Brazil: with a carrier's code).
        for one in _international(digits[2:], "00 is the way abroad elsewhere"):
            yield replace(one, is_doubt=True)
    yield from _national(digits, region)
    if not digits.startswith("0"):
        yield from _international(digits, "country code without +")


def _national(digits: str, region: str) -> Iterator[Candidate]:
    code, trunk = _code(region), _trunk(region)
    if trunk and digits.startswith(trunk):
        yield Candidate(code, digits[len(trunk) :], "national number")
    if _is_trunk_optional(region):
        yield Candidate(code, digits, "national number")
    elif not digits.startswith("0"):
        how = f"national number without its {trunk}"
        yield Candidate(code, digits, how, is_doubt=True)


def _international(digits: str, how: str) -> Iterator[Candidate]:
    """Country code and national number; a trunk prefix between them is a doubt."""
    code = _leading_code(digits)
    if code is None:
        return
    national = digits[len(str(code)) :]
    yield Candidate(code, national, how)
    trunk = _trunk(phonenumbers.region_code_for_country_code(code))
    if trunk and national.startswith(trunk):
        left_out = f"{how}, {trunk} behind the country code left out"
        yield Candidate(code, national[len(trunk) :], left_out, is_doubt=True)


def _leading_code(digits: str) -> int | None:
    """The country code that digits begin with; no code is the beginning of another."""
    for length in range(1, _LONGEST_CODE + 1):
        code = int(digits[:length] or 0)
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE and not digits.startswith("0"):
            return code
    return None


def _abroad(digits: str, region: str) -> str:
    """The region's international prefix that digits begin with, or nothing."""
    found = _way_abroad(region).match(digits)
    return found[0] if found else ""


@cache
def _way_abroad(region: str) -> re.Pattern[str]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return re.compile((metadata and metadata.international_prefix) or _USUAL_WAY_ABROAD, re.ASCII)


@cache
def _code(region: str) -> int:
    return phonenumbers.country_code_for_region(region)


@cache
def _trunk(region: str) -> str:
    """The digits before a national number, such as 0 in Germany; none in Italy."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    prefix = metadata.national_prefix if metadata else None
    return prefix if prefix and prefix.isdigit() else ""


@cache
def _is_trunk_optional(region: str) -> bool:
    """Whether people of the region write national numbers without a trunk prefix too."""
    example = phonenumbers.example_number(region)
    if not _trunk(region) or example is None:
        return True
    usual = digits_of(phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL))
    return usual == phonenumbers.national_significant_number(example)
