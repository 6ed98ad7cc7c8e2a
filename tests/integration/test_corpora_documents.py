"""M9: page counts of real documents, where independent tools agree on the answer."""

import json
from typing import Any

from mail2fax.preparing.pages import Damaged, Locked, pages_of_pdf, pages_of_tiff
from tests.corpora import CORPORA, needs_corpora

COUNTERS = {"tiff": pages_of_tiff, "pdf": pages_of_pdf}


def documents() -> list[dict[str, Any]]:
    """The corpus's PDF and TIFF files, none where it is absent."""
    index = CORPORA / "documents.jsonl"
    if not index.exists():
        return []
    lines = index.read_text(encoding="utf-8").splitlines()
    return [row for line in lines if (row := json.loads(line)).get("magic") in COUNTERS]


def counted(row: dict[str, Any]) -> int | None:
    """Our page count of a corpus file, None when it is refused."""
    path = CORPORA / "documents" / row["source"] / row["file"]
    try:
        return COUNTERS[row["magic"]](path)
    except (Damaged, Locked):
        return None


@needs_corpora
def test_page_counts_are_those_the_tools_agree_on() -> None:
    """M9: every agreed count, and no file that raises anything but damage or a lock."""
    rows = documents()
    wrong = {
        row["file"]: (row["pages"], ours)
        for row in rows
        if (ours := counted(row)) != row.get("pages") and row.get("pages") is not None
    }

    assert len(rows) > 100
    assert wrong == {}
