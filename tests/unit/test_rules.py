"""F7: rules have numbers, and every one that is kept is named by a test."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
RULES = TESTS.parent / "docs" / "rules.md"
_NUMBER = re.compile(r"\b[AMKSRLWFCO][0-9]{1,2}a?\b")
_RANGE = re.compile(r"\b([AMKSRLWFCO])([0-9]{1,2})-[AMKSRLWFCO]?([0-9]{1,2})\b")


def named() -> set[str]:
    """Every rule number in the words of the tests, ranges written out."""
    found: set[str] = set()
    for file in TESTS.rglob("*.py"):
        text = file.read_text("utf-8")
        found |= set(_NUMBER.findall(text))
        for letter, first, last in _RANGE.findall(text):
            found |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
    return found


def kept() -> list[str]:
    """The number of each line of the rules, in order."""
    return re.findall(r"^- \*\*([A-Z][0-9a-z]+)\*\*", RULES.read_text("utf-8"), re.MULTILINE)


def test_a_rule_is_told_once() -> None:
    """F7: two lines of one number would soon tell two things."""
    assert [rule for rule in set(kept()) if kept().count(rule) > 1] == []


def test_addresses_options_and_reading_are_whole() -> None:
    """F7: nothing of them is left for later."""
    whole = {f"A{n}" for n in range(1, 10)} | {f"O{n}" for n in range(1, 7)}
    whole |= {f"M{n}" for n in range(14)}

    assert whole - set(kept()) == set()


def test_every_kept_rule_is_named_by_a_test() -> None:
    """F7: a rule without a test is only a promise."""
    assert len(kept()) > 60
    assert set(kept()) - named() == set()
