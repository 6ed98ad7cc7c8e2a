"""S1 to S8, R1 to R4, K4, K10, W1: whole lives of an office, drawn by hypothesis."""

from tests.campaigns.life import SEEN, live

_LIVES = 12


def test_whatever_happens_each_fax_is_sent_once_and_everybody_is_told() -> None:
    """F9: a small part of `tests.campaigns.life`."""
    SEEN.clear()

    live(1, _LIVES)

    assert len(SEEN) >= _LIVES
    assert sum(verdict.counts["once"] for verdict in SEEN) > 2 * _LIVES
