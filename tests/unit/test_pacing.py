"""When to try again: every retry is a decision, and has an end."""

import pytest

from mail2fax.sending import pacing


def test_uploads_back_off_to_five_minutes_and_honour_retry_after() -> None:
    """S6: 5, 15, 30, 60, 120 seconds, then every five minutes; Retry-After wins."""
    waits = [pacing.upload_again_in(tries, None) for tries in range(1, 8)]

    assert waits == [5, 15, 30, 60, 120, 300, 300]
    assert pacing.upload_again_in(1, 77.0) == 77.0


def test_a_barred_account_is_left_alone_for_longer_each_time() -> None:
    """S6: a minute at first, ten at most."""
    assert [pacing.barred_for(n) for n in (1, 2, 3, 4, 5, 50)] == [60, 120, 240, 480, 600, 600]


def test_a_429_without_a_time_waits_a_minute() -> None:
    """S6: Retry-After, else a minute."""
    assert (pacing.throttled_for(None), pacing.throttled_for(3.0)) == (60, 3)


@pytest.mark.parametrize(("age", "wait"), [(0, 5), (20, 5), (60, 15), (600, 150), (86400, 300)])
def test_looks_for_an_outcome_grow_with_age(age: float, wait: float) -> None:
    """S5: polling by age, from `first_poll` to five minutes."""
    assert pacing.look_again_in(age, 5.0) == wait


def test_a_busy_number_is_dialled_again_three_times() -> None:
    """R4: after 5, 15 and 40 minutes, then no more."""
    retries = pacing.SendingSettings(("+41225550100",)).retries

    assert [pacing.dial_again_in(n, retries) for n in (1, 2, 3, 4)] == [300, 900, 2400, None]


def test_an_old_order_must_not_go_out() -> None:
    """Defaults: four hours after it was made, or after the time it was meant for."""
    assert not pacing.is_over(0, None, 14400, 14399)
    assert pacing.is_over(0, None, 14400, 14400)
    assert not pacing.is_over(0, 86400, 14400, 86400)
