"""``python -m tests.pictures``: the truth table, and how many of its fates come out right."""

import sys

from tests.pictures.table import judged, read_table


def main() -> int:
    """Print every row, and the count; 1 if one is wrong."""
    wrong = 0
    rows = read_table()
    for row in rows:
        found = judged(row)
        right = found == row.fates
        wrong += not right
        told = ", ".join(f"{name}: {fate}" for name, fate in zip(row.pictures, found, strict=True))
        verdict = "right" if right else f"WRONG, expected {' '.join(row.fates)}"
        print(f"{row.shape:16} {'with a PDF' if row.has_file else '-':10}  {told:44} {verdict}")
    fates = sum(len(row.pictures) for row in rows)
    print(f"{len(rows)} mails, {fates} pictures: {len(rows) - wrong} right, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
