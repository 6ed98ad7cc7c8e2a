"""A1-A8: hundreds of written forms of many countries, each its number or its refusal."""

import re
from pathlib import Path

import pytest

from mail2fax.reading.addresses import AddressRules, read_address
from mail2fax.reading.numbers import EVERYWHERE, NumberRules

_LINE = re.compile(r"([A-Z]{2})  (.*?) +=> ?(.*)")
_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|t|\\)")


def _unescaped(text: str) -> str:
    def letter(found: re.Match[str]) -> str:
        code = found[1]
        return {"t": "\t", "\\": "\\"}.get(code) or chr(int(code[1:], 16))

    return _ESCAPE.sub(letter, text)


def forms() -> list[tuple[str, str, str]]:
    """(country, local part, expectation) of each line of the table."""
    table = Path(__file__).with_name("number_forms.txt").read_text("ascii")
    found = [_LINE.fullmatch(line) for line in table.splitlines() if line and line[0] != "#"]
    assert None not in found
    return [(one[1], _unescaped(one[2]), one[3].strip()) for one in found if one]


@pytest.mark.parametrize(("region", "written", "expected"), forms())
def test_a_written_form_is_read_or_refused(region: str, written: str, expected: str) -> None:
    """A1-A8: the number that an office of that country means, or a sentence that says why not."""
    rules = AddressRules(("fax.example.com",), NumberRules(region, EVERYWHERE), prefix="fax")

    reading = read_address(f"{written}@fax.example.com", rules)

    dialled = [one.number.e164 for one in reading.destinations if one.number]
    if expected.startswith("!"):
        assert dialled == []
        assert reading.refusal is not None
        assert expected[1:].strip() in reading.refusal.text
    else:
        assert dialled == expected.split(","), reading.refusal


def test_the_table_is_large() -> None:
    """Every syntax of the field, from at least twenty countries."""
    table = forms()

    assert len(table) > 400
    assert len({region for region, _, _ in table}) >= 30
    assert len(set(table)) == len(table)
