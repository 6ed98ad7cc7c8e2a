"""Plain text with lines of a bearable length, which mail programs may join again (RFC 3676)."""

import re
import textwrap
from email.message import MIMEPart

_WIDTH = 74
_HANGING = "    "
_LONGEST = 78
_COLUMN = re.compile(r" +\S.{0,30}? {3,}(?=\S)")
"""A word and blanks before what it means."""


def set_text(part: MIMEPart, body: str) -> None:
    """Make a text the content of a part.

    Args:
        part: a message or a part of one, without content.
        body: lines of any length; those that begin with a blank are kept as they are set.
    """
    text = "\n".join(line for whole in body.split("\n") for line in _wrapped(whole))
    is_plain = text.isascii() and all(len(line) <= _LONGEST for line in text.split("\n"))
    part.set_content(
        text,
        charset="us-ascii" if text.isascii() else "utf-8",
        cte="7bit" if is_plain else "quoted-printable",
        params={"format": "flowed"},
    )


def _wrapped(line: str) -> list[str]:
    """One line as several: a paragraph's may be joined again, those of a list hang."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    column = _COLUMN.match(line)
    hanging = " " * column.end() if column else indent + _HANGING
    pieces = textwrap.wrap(
        line, _WIDTH, subsequent_indent=hanging if indent else "",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    if indent:
        return [f" {piece}" for piece in pieces]
    joined = [f"{piece} " for piece in pieces[:-1]] + pieces[-1:]
    return [f" {piece}" if piece.startswith((">", "From ")) else piece for piece in joined] or [""]
