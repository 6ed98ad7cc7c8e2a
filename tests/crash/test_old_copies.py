"""S4, K9, K10: a past that comes back in mid-flight, and that a daemon that trusts it is caught."""

from tests.crash import tally
from tests.crash.old_copies import run


async def test_a_past_that_comes_back_faxes_nothing_twice() -> None:
    """S4, K9: backup and restore, and a snapshot that nothing on the machine can tell."""
    counts = await run(2, 3, "restore", "snapshot")

    assert counts["put back by the verb"] == counts["put back by a snapshot"] == 1
    assert counts["accepted"] > 10
    assert [name for name in tally.BROKEN if counts[name]] == []


async def test_a_daemon_that_does_not_look_is_caught() -> None:
    """F9: without the look at the lists, what a snapshot forgot having ordered is faxed again."""
    counts = await run(3, 3, "snapshot", plant="no look at start")

    assert counts["twice"] > 0
