"""Never the wrong number (promise 3, A3, A4): random numbers in every form people write.

``python -m tests.campaigns.numbers lines``: outside line x trunk prefix x way abroad, in six
countries, with every setting of ``outside_line``.
``python -m tests.campaigns.numbers forms``: numbers of every region in random spellings, from
offices in random countries, as whole addresses.

Each reading is right (the number that was written), refused, or wrong: another number, or one
that was dialled although a part of what was written got lost. One wrong number is a failure.
Numbers are drawn from ``--seed``; results of runs with different seeds add up in ``--out``.
``--plant`` breaks the reading on purpose, to show that the campaign sees it.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from unittest import mock

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from mail2fax.reading import addresses, dialling, numbers
from mail2fax.reading.addresses import AddressRules, read_address
from mail2fax.reading.numbers import EVERYWHERE, NumberRules, read_number

LINE_REGIONS = ("CH", "DE", "AT", "FR", "IT", "US")
LINES = ("", "0", "9")
OFFICES = ("CH", "DE", "AT", "FR", "IT", "US", "GB", "ES", "NL", "PL", "HU", "AU", "JP", "BR", "ZA")
KINDS = (
    PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.TOLL_FREE, PhoneNumberType.VOIP, PhoneNumberType.UAN,
)  # fmt: skip
WAYS_ABROAD = {"US": "011", "AU": "0011", "JP": "010"}
NO_TRUNK = {"IT", "ES", "PL", "VA", "SM"}
E164_DIGITS = 15
TELL_EVERY = 100_000
PATTERNS = 1 << 16


@dataclass(frozen=True)
class Meant:
    """A valid number, apart from how it is written."""

    region: str
    code: str
    national: str

    @property
    def e164(self) -> str:
        """What should be dialled."""
        return f"+{self.code}{self.national}"


def number_of(region: str, draw: random.Random) -> Meant:
    """A random valid number of a region: all digits random, or the tail of an example."""
    while True:
        example = phonenumbers.example_number_for_type(region, draw.choice(KINDS))
        if example is None:
            continue
        national = phonenumbers.national_significant_number(example)
        kept = draw.choice((0, 1, 2, 3, len(national) // 2))
        length = len(national) + draw.choice((0, 0, 0, -1, 1, 2))
        tail = (draw.choice("0123456789") for _ in range(max(length - kept, 1)))
        national = national[:kept] + "".join(tail)
        if len(national) + len(str(example.country_code)) > E164_DIGITS:
            continue
        zeros = len(national) - len(national.lstrip("0"))
        number = PhoneNumber(example.country_code, int(national))
        if zeros:
            number.italian_leading_zero, number.number_of_leading_zeros = True, zeros
        if phonenumbers.is_valid_number(number):
            return Meant(region, str(example.country_code), national)


def trunk_of(region: str) -> str:
    """What people of a region dial before a national number, from their habits."""
    if region in NO_TRUNK:
        return ""
    return phonenumbers.ndd_prefix_for_region(region, True) or ""


# Outside lines


def line_cases(region: str, draw: random.Random) -> Iterator[tuple[str, str, str]]:
    """(form, what was dialled, what was meant) of one number at home and one abroad."""
    home = number_of(region, draw)
    other = number_of(draw.choice([one for one in LINE_REGIONS if one != region]), draw)
    abroad = WAYS_ABROAD.get(region, "00")
    spelled = [
        ("national", trunk_of(region) + home.national, home),
        ("home from abroad", f"{abroad}{home.code}{home.national}", home),
        ("abroad", f"{abroad}{other.code}{other.national}", other),
    ]
    if region == "US":
        spelled.append(("ten digits", home.national, home))
    for form, dialled, meant in spelled:
        for line in LINES:
            yield f"{form}, line {line or '-'}", line + dialled, meant.e164


def lines(count: int, seed: int, until: float) -> Counter[str]:
    """Every outside line with every setting, for so many numbers of each country."""
    seen: Counter[str] = Counter()
    for region in LINE_REGIONS:
        draw = random.Random(f"lines {seed} {region}")
        rules = {line: NumberRules(region, EVERYWHERE, line) for line in LINES}
        for _ in range(count):
            if time.monotonic() > until:
                break
            seen[f"{region} numbers"] += 1
            for form, written, meant in line_cases(region, draw):
                for setting, rule in rules.items():
                    destination = read_number(written, rule).destination
                    number = destination.number.e164 if destination.number else None
                    fate = fate_of(number, meant)
                    seen[f"{region} {fate}"] += 1
                    if fate == "wrong":
                        print(f"WRONG {region}: {written!r} ({form}, set {setting or '-'}) meant"
                              f" {meant}, would dial {number}")  # fmt: skip
    return seen


def fate_of(number: str | None, meant: str | None) -> str:
    """Right, refused or wrong."""
    if number is None:
        return "refused"
    return "right" if number == meant else "wrong"


# Forms


def spelled(meant: Meant, office: str, draw: random.Random) -> tuple[str, str, str]:
    """(form, the region it is written in, the digits with + and brackets) of a number."""
    code, national, trunk = meant.code, meant.national, trunk_of(meant.region)
    abroad = WAYS_ABROAD.get(office, "00")
    return draw.choice(
        [
            ("+code", office, f"+{code} {national}"),
            ("(+code)", office, f"(+{code}) {national}"),
            ("+code (0)", office, f"+{code} (0){national}"),
            ("+code trunk", office, f"+{code} {trunk}{national}"),
            ("way abroad", office, f"{abroad} {code} {national}"),
            ("way abroad (0)", office, f"{abroad} {code} (0){national}"),
            ("code", office, f"{code} {national}"),
            ("code (0)", office, f"{code}(0){national}"),
            ("national", meant.region, f"{trunk}{national}"),
            ("national in brackets", meant.region, bracketed(trunk, national, draw)),
            ("national without trunk", meant.region, national),
            ("slashed", meant.region, slashed(trunk, national, draw)),
            ("+code slashed", office, f"+{code} {slashed('', national, draw)}"),
        ]
    )


def bracketed(trunk: str, national: str, draw: random.Random) -> str:
    """Brackets around what may be the area code."""
    cut = draw.randint(1, max(len(national) - 2, 1))
    return f"({trunk}{national[:cut]}) {national[cut:]}"


def slashed(trunk: str, national: str, draw: random.Random) -> str:
    """A slash behind what may be the area code."""
    cut = draw.randint(1, max(len(national) - 1, 1))
    return f"{trunk}{national[:cut]}/{national[cut:]}"


def punctuated(text: str, draw: random.Random) -> str:
    """Marks strewn between the digits, as habits and typesetting do."""
    marks = draw.choice(("", "", " ", ".", "-", " .-", "\u00a0 ", "\u202f\u2011"))
    if not marks:
        return text
    how_often = draw.random()
    found = [text[0]]
    for before, letter in pairwise(text):
        if before.isdigit() and letter.isdigit() and draw.random() < how_often:
            found.append(draw.choice(marks))
        found.append(letter)
    return "".join(found)


def addressed(text: str, draw: random.Random) -> str:
    """It as a whole address."""
    local = draw.choice(("{}", "{}", "{}", "fax+{}", "FAX={}", "/FAX={}/", "{}/")).format(text)
    if draw.random() < 0.5:
        return f'"{local}"@fax.example.com'
    return f"{local}@Fax.Example.com"


def with_tail(text: str, draw: random.Random) -> str:
    """A sub-address, an extension or a tag behind it, which must never be dropped."""
    number = draw.randint(1, 999)
    tail = draw.choice(("#{}", "x{}", " ext {}", " ext. {}", ";ext={}", "/{}", "/T33S={}", "*{}",
                        "+lab{}", "p{}", " w{}", ",,{}"))  # fmt: skip
    return text + tail.format(number)


def forms(count: int, seed: int, until: float) -> Counter[str]:
    """So many numbers of random regions in random forms."""
    draw = random.Random(f"forms {seed}")
    regions = sorted(EVERYWHERE)
    rules = {
        region: AddressRules(("fax.example.com",), NumberRules(region, EVERYWHERE), "fax")
        for region in regions
    }
    seen: Counter[str] = Counter()
    for tried in range(count):
        if time.monotonic() > until:
            break
        region = draw.choice(OFFICES if draw.random() < 0.5 else regions)
        meant = number_of(region, draw)
        form, office, text = spelled(meant, draw.choice(OFFICES), draw)
        text, wanted = punctuated(text, draw), meant.e164
        has_tail = draw.random() < 0.05
        if has_tail:
            form, text = "with a tail", with_tail(text, draw)
        address = addressed(text, draw)
        line = draw.choice(("", "", "0", "9"))
        rule = rules[office]
        rule = replace(rule, numbers=replace(rule.numbers, outside_line=line)) if line else rule
        dialled = [one.number.e164 for one in read_address(address, rule).destinations
                   if one.number]  # fmt: skip
        fate = "refused" if not dialled else "wrong"
        if dialled == [wanted] and not has_tail:
            fate = "right"
        seen[f"{form} {fate}"] += 1
        if fate == "wrong":
            print(f"WRONG {office}: {address!r} (line {line or '-'}) meant {wanted},"
                  f" would dial {', '.join(dialled)}")  # fmt: skip
        if (tried + 1) % TELL_EVERY == 0:
            print(f"  {tried + 1} read", flush=True)
    return seen


# Bugs planted to show that they are seen


def _strip_zero(digits: str, region: str, outside_line: str) -> Iterator[dialling.Candidate]:
    """A leading zero taken for an outside line without asking."""
    return dialling._dialled(digits.removeprefix(outside_line or "0"), region)


def _first_valid(written: str, tried: tuple[numbers.Tried, ...], rules: NumberRules) -> object:
    """The first valid reading wins instead of being held against the others."""
    del rules
    found = [one for one in tried if one.region]
    if not found:
        raise numbers.Refused(f"{written}: nothing")
    return found[0]


def _no_doubts(candidate: dialling.Candidate, rules: NumberRules) -> numbers.Tried:
    """Doubtful readings are not looked at."""
    region = "" if candidate.is_doubt else _TRIED(candidate, rules).region
    return numbers.Tried(candidate, region)


_TRIED = numbers._tried
PLANTS: dict[str, Callable[[], "mock._patch[object]"]] = {
    "strip-zero": lambda: mock.patch.object(dialling, "_with_and_without_line", _strip_zero),
    "first-valid": lambda: mock.patch.object(numbers, "_the_one", _first_valid),
    "no-doubts": lambda: mock.patch.object(numbers, "_tried", _no_doubts),
    "drop-tail": lambda: mock.patch.object(
        addresses, "_pieces", lambda text: [text.partition("#")[0].partition("x")[0]]
    ),
}


# The command


def told(seen: Counter[str]) -> str:
    """The figures as a table."""
    rows = sorted({key.rpartition(" ")[0] for key in seen})
    table = [f"{'':24}{'right':>10}{'refused':>10}{'wrong':>8}"]
    for row in rows:
        fates = (seen[f"{row} {fate}"] for fate in ("right", "refused", "wrong"))
        table.append("{:24}{:>10}{:>10}{:>8}".format(row, *fates))
    sums = {fate: total(seen, fate) for fate in ("right", "refused", "wrong")}
    table.append("{:24}{:>10}{:>10}{:>8}".format("all", *sums.values()))
    return "\n".join(table)


def total(seen: Counter[str], fate: str) -> int:
    """How many of a fate."""
    return sum(count for key, count in seen.items() if key.endswith(f" {fate}"))


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign; 1 if a number was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.numbers")
    parser.add_argument("campaign", choices=("lines", "forms"))
    parser.add_argument("--count", type=int, help="numbers a country (20000), or in all (1000000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6, help="end after so long")
    parser.add_argument("--out", type=Path, help="append the figures to this file as JSON")
    parser.add_argument("--plant", choices=PLANTS, help="break the reading on purpose")
    asked = parser.parse_args(arguments)
    # libphonenumber compiles a pattern each time it needs one and trusts in re's cache, which is
    # too small for the plans of all the world.
    re._MAXCACHE = PATTERNS  # type: ignore[attr-defined]  # a private name
    began, until = time.monotonic(), time.monotonic() + asked.minutes * 60
    run, usual = (lines, 20_000) if asked.campaign == "lines" else (forms, 1_000_000)
    count = asked.count or usual
    if asked.plant:
        with PLANTS[asked.plant]():
            seen = run(count, asked.seed, until)
    else:
        seen = run(count, asked.seed, until)
    print(told(seen))
    print(f"seed {asked.seed}, {time.monotonic() - began:.0f} s")
    if asked.out:
        line = {"campaign": asked.campaign, "seed": asked.seed, "plant": asked.plant, **seen}
        with asked.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
    return 1 if total(seen, "wrong") else 0


if __name__ == "__main__":
    sys.exit(main())
