"""One number as a person wrote it becomes the number that is dialled, or a refusal.

Refusing beats guessing: whenever two readings are valid numbers, both are named and none is
dialled (A3, A4). Which numbers exist, and what calling them costs, is libphonenumber's
knowledge; what may be dialled is decided here (A8). Only ASCII digits are digits (A1).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from mail2fax.reading.countries import country_name
from mail2fax.reading.dialling import Candidate, candidates, digits_of, without_outside_line
from mail2fax.values import Destination, FaxNumber, Response

_ALLOWED = re.compile(r"[0-9+ .()/-]*", re.ASCII)
_PLUS_IN_BRACKETS = re.compile(r"\( *(\+ *[0-9]{1,3}) *\)", re.ASCII)
_AS_PUNCTUATION = str.maketrans(
    dict.fromkeys("\u00a0\u2007\u2009\u202f", " ") | dict.fromkeys("\u2010\u2011\u2012\u2013", "-")
)
_LONGEST_SHOWN = 40
_SHORT_TAIL = 3
_LONGEST_AREA = 5
_LONGEST_SHORT_NUMBER = 8
_E164_DIGITS = range(7, 16)

_BARRED_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.VOICEMAIL: "a voicemail access number",
}
_WRONG_LENGTH = {
    ValidationResult.TOO_SHORT: "too short",
    ValidationResult.TOO_LONG: "too long",
    ValidationResult.INVALID_LENGTH: "too long or too short",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "without its area code",
}
EVERYWHERE = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Every country there is."""


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
class Tried:
    """A reading held against the numbering plans.

    Attributes:
        candidate: the reading.
        region: whose number it is; empty when there is no such number.
    """

    candidate: Candidate
    region: str

    def said(self) -> str:
        """It and its fate in a sentence, for ``mail2fax number``."""
        one = self.candidate
        tried = f"{one.e164} ({one.how})"
        if not self.region:
            return f"tried {tried}: dropped, {why_no_number(one)}"
        doubt = ": never dialled, it only makes others doubtful" if one.is_doubt else ""
        return f"tried {tried}: a number of {country_name(self.region)}{doubt}"


@dataclass(frozen=True, slots=True)
class NumberReading:
    """What became of one number.

    Attributes:
        destination: with the number, or without one and the reason in ``why``.
        refusal: the SMTP answer, None when it can be dialled.
        tried: the readings that were tried.
    """

    destination: Destination
    refusal: Response | None
    tried: tuple[Tried, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """How it was read, a sentence each, for ``mail2fax number``."""
        written, number, why = (
            self.destination.written, self.destination.number, self.destination.why,
        )  # fmt: skip
        end = f"refused: {why}" if number is None else f"dialled: {number} ({why})"
        return (f"written: {shown(written)}", *(one.said() for one in self.tried), end)


class Refused(Exception):
    """A reading that ends in a refusal."""

    def __init__(self, text: str, status: str = "5.1.3", code: int = 550) -> None:
        super().__init__(text)
        self.response = Response(code, status, text)


@lru_cache(maxsize=1024)
def read_number(written: str, rules: NumberRules) -> NumberReading:
    """Read one number; the ones an office writes again and again are read once.

    Args:
        written: as it stood in the address, or as a person typed it.
        rules: region, countries and restrictions.

    Returns:
        The reading; it never raises.
    """
    tried: tuple[Tried, ...] = ()
    try:
        text = _checked(written)
        _refuse_short(text, written, rules)
        tried = tuple(_tried(one, rules) for one in
                      candidates(text, rules.region, rules.outside_line))  # fmt: skip
        found = _the_one(written, tried, rules)
        _check_slash(text, found.candidate, written)
        _refuse_barred(found, written, rules)
    except Refused as refused:
        why = refused.response.text
        return NumberReading(Destination(written, None, why), refused.response, tried)
    why = f"{found.candidate.how}, {country_name(found.region)}"
    number = FaxNumber(found.candidate.e164)
    return NumberReading(Destination(written, number, why, found.region), None, tried)


def shown(written: str) -> str:
    """What was written, as it may stand in an SMTP answer: short, printable ASCII."""
    clean = "".join(letter if " " <= letter <= "~" else "?" for letter in written)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[:_LONGEST_SHOWN] + "..."


def plain_punctuation(written: str) -> str:
    """A text with the spaces and hyphens of typesetting as those of ASCII; all else stays."""
    return written if written.isascii() else written.translate(_AS_PUNCTUATION)


def why_no_number(candidate: Candidate) -> str:
    """What is wrong with a reading that no plan knows."""
    region = phonenumbers.region_code_for_country_code(candidate.country_code)
    length = phonenumbers.is_possible_number_with_reason(candidate.number())
    wrong = _WRONG_LENGTH.get(length, "not in use")
    return f"it is {wrong} in {country_name(region)}"


# The form of a number


def _checked(written: str) -> str:
    """The text, if it has the form of a number at all (A1, A3).

    Raises:
        Refused: naming what is wrong with it.
    """
    text = plain_punctuation(written).strip(" ")
    if not _ALLOWED.fullmatch(text):
        odd = shown(next(letter for letter in text if not _ALLOWED.fullmatch(letter)))
        raise Refused(f"{shown(written)}: only digits, + and the signs ( ) . - / belong in it,"
                      f" not {odd}")  # fmt: skip
    if bracketed := _PLUS_IN_BRACKETS.match(text):
        text = f"{bracketed[1]} {text[bracketed.end() :]}"
    if "+" in text[1:]:
        raise Refused(f"{shown(written)}: a + can only stand in front")
    if not digits_of(text):
        raise Refused(f"{shown(written)}: no fax number in it")
    _check_slashes(written, text)
    _check_brackets(written, text)
    return text


def _check_slashes(written: str, text: str) -> None:
    """A slash is punctuation once; a short tail is an extension (A3)."""
    head, slash, tail = text.partition("/")
    if slash and ("/" in tail or len(digits_of(tail)) <= _SHORT_TAIL or not digits_of(head)):
        raise _unclear_slash(written)


def _check_slash(text: str, found: Candidate, written: str) -> None:
    """A slash stands after the area code, or it is none of the number's punctuation (A3)."""
    _, slash, tail = text.partition("/")
    if not slash:
        return
    before = len(found.national) - len(digits_of(tail))
    area = phonenumbers.length_of_geographical_area_code(found.number())
    if before != area if area else not 0 < before <= _LONGEST_AREA:
        raise _unclear_slash(written)


def _unclear_slash(written: str) -> Refused:
    return Refused(
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
        raise Refused(f"{shown(written)}: a bracket is missing")


# Which of the readings


def _tried(candidate: Candidate, rules: NumberRules) -> Tried:
    """The reading with the region whose number it is."""
    if len(candidate.e164) - 1 not in _E164_DIGITS:
        return Tried(candidate, "")
    number = candidate.number()
    region = phonenumbers.region_code_for_number(number)
    if region and phonenumbers.is_valid_number_for_region(number, region):
        return Tried(candidate, region)
    possible = phonenumbers.is_possible_number_with_reason(number)
    if rules.allow_unassigned and possible == ValidationResult.IS_POSSIBLE:
        of_code = phonenumbers.region_code_for_country_code(candidate.country_code)
        return Tried(candidate, region or of_code)
    return Tried(candidate, "")


def _the_one(written: str, tried: tuple[Tried, ...], rules: NumberRules) -> Tried:
    """The only valid reading.

    Raises:
        Refused: there is none, or more than one, or it is only a doubt.
    """
    valid = [one for one in tried if one.region]
    if not valid:
        raise Refused(_why_none(written, tried, rules))
    if len(valid) > 1 or valid[0].candidate.is_doubt:
        home = rules.region if len(valid) > 1 else ""
        readings = " or ".join(sorted({_said(one, home) for one in valid}))
        raise Refused(f"{shown(written)}: {readings}? Write it with +")
    return valid[0]


def _said(one: Tried, home: str) -> str:
    """A reading as people at home write it, with its country; all but home's begin with +."""
    number = one.candidate.number()
    at_home = one.region == home
    form = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return f"{phonenumbers.format_number(number, form)} ({country_name(one.region)})"


def _why_none(written: str, tried: tuple[Tried, ...], rules: NumberRules) -> str:
    """The reading that came nearest tells what to look at."""
    certain = [one.candidate for one in tried if not one.candidate.is_doubt]
    if any(phonenumbers.is_possible_number(one.number()) for one in certain):
        return f"{shown(written)}: no such number is in use. Check the digits"
    if not certain:
        where = country_name(rules.region)
        return f"{shown(written)}: not a fax number in {where}. Write it with + and country code"
    advice = "Check the digits" if "+" in written else "Write it with + and country code"
    return f"{shown(written)}: not a fax number, {why_no_number(certain[0])}. {advice}"


# Policy


def _refuse_short(text: str, written: str, rules: NumberRules) -> None:
    """Emergency and other short numbers, with and without an outside line (A8).

    Raises:
        Refused: it is one.
    """
    if text.startswith("+"):
        return
    digits = digits_of(text)
    dialled = {digits, without_outside_line(digits, rules.outside_line)}
    if any(_is_short(one, rules.region) for one in dialled):
        raise Refused(f"{shown(written)}: an emergency or short number is never faxed", "5.7.1")


def _is_short(digits: str, region: str) -> bool:
    if not 0 < len(digits) <= _LONGEST_SHORT_NUMBER:
        return False
    if phonenumbers.is_emergency_number(digits, region):
        return True
    number = PhoneNumber(phonenumbers.country_code_for_region(region), int(digits))
    leading_zero = digits.startswith("0")
    return not leading_zero and phonenumbers.is_valid_short_number_for_region(number, region)


def _refuse_barred(found: Tried, written: str, rules: NumberRules) -> None:
    """What may not be dialled although it exists (A8).

    Raises:
        Refused: naming the policy.
    """
    kind = _BARRED_TYPES.get(phonenumbers.number_type(found.candidate.number()))
    if kind:
        raise Refused(f"{shown(written)}: {kind} is never faxed", "5.7.1")
    if found.candidate.e164.startswith(rules.deny_prefixes):
        raise Refused(f"{shown(written)}: the admin has barred this number", "5.7.1")
    if found.region not in rules.countries:
        raise Refused(
            f"{shown(written)}: faxes to {country_name(found.region)} are not allowed here."
            " The admin can add it to countries",
            "5.7.1",
        )
