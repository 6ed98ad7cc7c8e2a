"""Mails that are one of several: which series they belong to, and whether all are there (M5). Pure.

A mail is one of several when it says so by itself (``message/partial``, RFC 2046 5.2.2), or when
its rule names a pattern for split scans. Nothing is guessed: a wrong guess puts two patients
into one fax.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mail2fax.reading.structure import Part
from mail2fax.values import Gathering, SeriesPart

PARTIAL = "message/partial"
MOST = 100
"""So many mails may belong together."""

_COUNT = re.compile(r"[0-9]{1,3}", re.ASCII)
_PLACE = re.compile(r"\{(name|part|total)\}")
_GROUPS = {
    "name": r"(?P<name>.{0,200}?)",
    "part": r"(?P<part>[0-9]{1,3})",
    "total": r"(?P<total>[0-9]{1,3})",
}


# One mail


def partial_of(part: Part) -> SeriesPart | None:
    """Which of several a ``message/partial`` is; None when it does not say so.

    Args:
        part: the whole mail as its only part.
    """
    number, total = part.parameters.get("number", ""), part.parameters.get("total", "")
    name = part.parameters.get("id", "")
    if not name or not _COUNT.fullmatch(number) or not int(number):
        return None
    return SeriesPart("partial", name, int(number), int(total) if _COUNT.fullmatch(total) else None)


@dataclass(frozen=True, slots=True)
class SplitPattern:
    """How a device names the mails of one split scan.

    Attributes:
        text: as configured, such as ``{name} ({part} of {total})``: ``{part}`` and ``{total}``
            stand in it once, ``{name}`` at most once.
    """

    text: str

    def part_of(self, texts: Iterable[str]) -> SeriesPart | None:
        """Which of several a mail is by the first of these texts that fits as a whole.

        Args:
            texts: its Subject, then the names of its documents.
        """
        expression = _expression(self.text)
        for text in texts:
            found = expression.fullmatch(" ".join(text.split())[:500])
            if found and int(found["part"]) and int(found["total"]):
                name = found.groupdict().get("name") or ""
                return SeriesPart("scan", name, int(found["part"]), int(found["total"]))
        return None


def _expression(text: str) -> re.Pattern[str]:
    """A pattern as a regular expression; a file's extension may follow."""
    pieces, at = [], 0
    for place in _PLACE.finditer(text):
        pieces += [re.escape(text[at : place.start()]), _GROUPS[place[1]]]
        at = place.end()
    return re.compile("".join([*pieces, re.escape(text[at:])]) + r"(?:\.\w{3,4})?", re.IGNORECASE)


# All of them


def gathered(parts: Sequence[tuple[int, int | None, str]], asked: int = 1) -> Gathering:
    """Look at the mails of one series.

    Args:
        parts: (number, total if it says so, SHA-256 of its body) of each mail that came.
        asked: how many different wishes their addresses hold; only the first part's are met.
    """
    contents: dict[int, set[str]] = {}
    for number, _, sha256 in parts:
        contents.setdefault(number, set()).add(sha256)
    totals = {total for _, total, _ in parts if total is not None}
    came = tuple(sorted(contents))
    total = min(totals, default=None)
    return Gathering(came, total, _problem(contents, totals) or _contradiction(asked))


def _contradiction(asked: int) -> str:
    return "The addresses of its parts ask for different things." if asked > 1 else ""


def _problem(contents: dict[int, set[str]], totals: set[int]) -> str:
    if len(totals) > 1:
        numbers = " and ".join(map(str, sorted(totals)))
        return f"The parts of this mail do not agree how many they are: {numbers}."
    twice = [number for number, shas in contents.items() if len(shas) > 1]
    if twice:
        return f"Part {twice[0]} of this mail came twice with different contents."
    most = max([*contents, *totals])
    if most > MOST:
        return f"This mail was split into more than {MOST} parts."
    if totals and most > min(totals):
        return f"Part {most} of this mail came, although it has only {min(totals)} parts."
    return ""
