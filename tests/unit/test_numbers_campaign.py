"""Promise 3, A3, A4, A6: a small run of the numbers campaign, and proof that it sees bugs."""

import json
from pathlib import Path

import pytest

from tests.campaigns import numbers


@pytest.mark.parametrize(("campaign", "count"), [("lines", "20"), ("forms", "2000")])
def test_no_number_is_wrong(campaign: str, count: str, tmp_path: Path) -> None:
    """Every reading is the number that was written, or a refusal; figures add up in a file."""
    out = tmp_path / "figures"

    assert numbers.main([campaign, "--count", count, "--seed", "7", "--out", str(out)]) == 0

    seen = json.loads(out.read_text("utf-8"))
    assert sum(count for key, count in seen.items() if key.endswith(" right")) > 500
    assert not any(key.endswith(" wrong") for key in seen)


@pytest.mark.parametrize(
    ("campaign", "count", "plant"),
    [
        ("lines", "20", "strip-zero"), ("forms", "1500", "strip-zero"),
        ("lines", "20", "first-valid"), ("lines", "40", "no-doubts"),
        ("forms", "600", "drop-tail"),
    ],
)  # fmt: skip
def test_a_planted_bug_is_seen(campaign: str, count: str, plant: str) -> None:
    """F9: a reading broken on purpose dials wrong numbers, and the campaign says so."""
    assert numbers.main([campaign, "--count", count, "--seed", "7", "--plant", plant]) == 1
