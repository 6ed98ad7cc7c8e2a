"""``python -m tests.pictures``: the truth tables, and how many of their fates come out right."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.pictures.programs import NotInstalled
from tests.pictures.table import Row, judged, read_table
from tests.pictures.told import programs, rows_of, told_of


def main() -> int:
    """Print every row, and the counts; 1 if one is wrong or a program is missing."""
    rows = read_table()
    wrong = _counted("built by hand", rows, [_shown(row, judged(row)) for row in rows])
    for program in programs():
        try:
            verdicts = asyncio.run(_of_program(program))
        except NotInstalled as missing:
            print(f"{missing} is not installed")
            wrong += 1
        else:
            wrong += _counted(f"made by {program}", rows_of(program), verdicts)
    return int(wrong > 0)


async def _of_program(program: str) -> list[bool]:
    with tempfile.TemporaryDirectory() as home:
        told = await told_of(program, Path(home))
    return [_shown(one.row, one.fates, one.problems) for one in told]


def _shown(row: Row, found: Sequence[str], problems: Sequence[str] = ()) -> bool:
    """Print a row; whether it is right."""
    right = tuple(found) == row.fates and not problems
    told = ", ".join(f"{name}: {fate}" for name, fate in zip(row.pictures, found, strict=True))
    verdict = "right" if right else f"WRONG, expected {' '.join(row.fates)} {'; '.join(problems)}"
    print(f"{row.shape:36} {'with a PDF' if row.has_file else '-':10}  {told:46} {verdict}")
    return right


def _counted(how: str, rows: Sequence[Row], verdicts: Sequence[bool]) -> int:
    """Print what came out; how many mails are wrong."""
    pictures, right = sum(len(row.pictures) for row in rows), sum(verdicts)
    wrong = len(verdicts) - right
    print(f"{how}: {len(rows)} mails, {pictures} pictures: {right} right, {wrong} wrong\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
