"""L2: how long a client may take over its data."""

import pytest

from mail2fax.accepting.dialogue.patience import PatienceSettings, is_too_slow

SETTINGS = PatienceSettings(free=180, rate=500, most=14400)


@pytest.mark.parametrize(
    ("seconds", "received", "too_slow"),
    [
        (179, 0, False),
        (181, 181 * 500, False),
        (181, 181 * 500 - 1, True),
        (420, 25_000_000, False),
        (14401, 10**9, True),
    ],
)
def test_slow_and_honest_is_not_a_drip(seconds: float, received: int, too_slow: bool) -> None:
    """L2: 25 MB at 60 kB/s pass; below the rate after three minutes, or over all, they do not."""
    assert is_too_slow(SETTINGS, seconds, received) == too_slow
