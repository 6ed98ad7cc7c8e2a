"""K1-K4, S2-S4, L9: a small kill campaign, and that it catches planted bugs."""

import pytest

from tests.crash.kills import run


@pytest.mark.timeout(280)
async def test_killed_at_random_moments_nothing_is_lost_or_doubled() -> None:
    """Promises 1 and 2: every mail whose 250 was read is faxed exactly once, or on hold."""
    report = await run(kills=6, seed=7)

    assert report["acknowledged"] == report["mails"] > 10
    assert report["once"] + report["holds"] >= report["acknowledged"]
    assert (report["twice"], report["lost"]) == (0, 0)


@pytest.mark.timeout(280)
@pytest.mark.parametrize(("plant", "seen"), [("250 early", "lost"), ("intent forgotten", "twice")])
async def test_the_campaign_catches_planted_bugs(plant: str, seen: str) -> None:
    """F9: 250 before the commit is seen as lost mails, a forgotten intent as doubled ones."""
    report = await run(kills=12, seed=7, plant=plant)

    assert report[seen] > 0
