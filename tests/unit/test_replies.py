"""M11: how real programs write history, signatures, notices; a table of cases beside this file.

A wrong cut, which loses the sender's own words, is worse than a line too many: ``kept.txt``
says what must stay.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mail2fax.reading.body_text import flowed_lines, plain_lines
from mail2fax.reading.comment import own_words_of
from mail2fax.reading.html_text import html_lines

TABLE = Path(__file__).parent / "replies"
_CASE = re.compile(r"^=== (?P<title>[^\n]+)\n(?P<body>.*?)^=== own words\n(?P<own>.*?)(?=^=== |\Z)",
                   re.MULTILINE | re.DOTALL)  # fmt: skip
_READERS = {
    "html": html_lines,
    "flowed": lambda text: flowed_lines(text, delete_space=False),
    "delsp": lambda text: flowed_lines(text, delete_space=True),
    "plain": plain_lines,
}


def cases() -> Sequence[object]:
    """Every case of the table: how its body is read, the body, the sender's own words."""
    found = []
    for file in sorted(TABLE.glob("*.txt")):
        for case in _CASE.finditer(file.read_text("utf-8")):
            form = re.search(r"\((html|flowed|delsp)\)$", case["title"])
            name = f"{file.stem}: {case['title']}"
            values = (form[1] if form else "plain", case["body"], case["own"].strip())
            found.append(pytest.param(*values, id=name))
    return found


@pytest.mark.parametrize(("form", "body", "own"), cases())
def test_the_senders_own_words_remain(form: str, body: str, own: str) -> None:
    """M11: all of them, and nothing of history, marked signature, notice or device."""
    assert own_words_of(_READERS[form](body)) == own


@pytest.mark.parametrize(("form", "body", "own"), cases())
def test_line_ends_make_no_difference(form: str, body: str, own: str) -> None:
    """M11: a mail's lines end with CRLF."""
    assert own_words_of(_READERS[form](body.replace("\n", "\r\n"))) == own


def test_the_table_is_read() -> None:
    """M11: every file has cases, and every heading is one."""
    for file in TABLE.glob("*.txt"):
        text = file.read_text("utf-8")
        headings = len(re.findall(r"^=== ", text, re.MULTILINE))
        assert headings == 2 * len(_CASE.findall(text)) > 0, file.name
