"""K1-K4, S2-S4, L9: a small kill campaign, and that it catches planted bugs."""

import argparse
from collections import Counter
from pathlib import Path

import pytest

from tests.crash import tally
from tests.crash.kills import run


async def test_killed_at_random_moments_nothing_is_lost_or_doubled() -> None:
    """Promises 1, 2 and 4: every mail whose 250 was read is faxed once or on hold, and told."""
    counts = await run(kills=8, seed=7)

    assert counts["kills"] == 8
    assert counts["accepted"] > 10
    assert counts["once"] + counts["held"] >= counts["accepted"] == counts["told"]
    assert [name for name in tally.BROKEN if counts[name]] == []
    assert counts["with a job in flight"] > 0


@pytest.mark.parametrize(
    ("plant", "seen"), [("250 before commit", "lost"), ("intent forgotten", "twice")]
)
async def test_the_campaign_catches_planted_bugs(plant: str, seen: str) -> None:
    """F9: 250 before the commit is seen as lost mails, a forgotten intent as doubled ones."""
    counts = await run(kills=12, seed=7, plant=plant)

    assert counts[seen] > 0


async def test_runs_add_up(tmp_path: Path) -> None:
    """F9: a campaign goes on where it was, and its counts are those of all its rounds."""
    played = []

    async def play(seed: str, units: int) -> "Counter[str]":
        played.append(seed)
        return Counter({"kills": units, "lost": 0})

    line = tally.parser("Test.", "kills", 0)

    async def campaign(*words: str) -> "Counter[str]":
        arguments: argparse.Namespace = line.parse_args([*words, "--counts", str(tmp_path / "n")])
        return await tally.campaign("test", arguments, play, 10)

    assert await campaign("--kills", "20", "--minutes", "0") == {}
    assert await campaign("--kills", "20") == {"kills": 20, "lost": 0}
    assert await campaign("--kills", "25") == {"kills": 25, "lost": 0}
    assert played == ["1.0", "1.1", "1.2"]
    assert tally.show(await campaign("--kills", "25")) == 0
    assert tally.show(Counter(lost=1)) == 1
