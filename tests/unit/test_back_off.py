"""W7: replies that the relay did not take."""

from mail2fax.answering import back_off


def test_sooner_at_first_then_hourly() -> None:
    """W7: 1, 5, 15, 30 minutes, then every hour."""
    assert [back_off.again_in(tries) / 60 for tries in range(1, 7)] == [1, 5, 15, 30, 60, 60]


def test_five_days_are_the_end() -> None:
    """W7: and not a second before."""
    assert not back_off.is_over(100.0, 100.0 + 5 * 86400 - 1)
    assert back_off.is_over(100.0, 100.0 + 5 * 86400)
