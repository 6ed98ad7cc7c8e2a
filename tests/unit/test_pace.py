"""S7: how fast orders go out, over the account and from each own number."""

import pytest

from mail2fax.sending.pace import Pace

ONE, TWO = ("+41225550100",), ("+41225550100", "+41225550101")


def turns(pace: Pace, count: int, numbers: tuple[str, ...], now: float) -> list[float]:
    """What so many new jobs of one fax each are told at the same moment."""
    return [pace.turn(f"job{now}-{at}", numbers, 1, now) for at in range(count)]


def test_without_limits_nobody_waits() -> None:
    """S7: the default; nobody knows what Fax.Plus takes."""
    assert turns(Pace(), 100, ONE, 1000.0) == [0.0] * 100


def test_a_burst_goes_at_once_and_the_rest_takes_turns() -> None:
    """S7: ten seconds' worth at once, then one every so many seconds."""
    assert turns(Pace(account=6), 4, ONE, 1000.0) == [0, 10, 20, 30]
    assert turns(Pace(account=60), 12, ONE, 1000.0) == [0] * 10 + [1, 2]


def test_a_job_keeps_its_turn() -> None:
    """S7: who asks again when it is due goes, however many have come meanwhile."""
    pace = Pace(account=6)
    turns(pace, 1, ONE, 1000.0)
    assert pace.turn("mine", ONE, 1, 1000.0) == 10
    assert pace.turn("other", ONE, 1, 1004.0) == 16
    assert pace.turn("mine", ONE, 1, 1004.0) == 6
    assert pace.turn("mine", ONE, 1, 1010.0) == 0
    assert pace.turn("other", ONE, 1, 1010.0) == 10


def test_over_an_hour_no_more_go_than_may() -> None:
    """S7: the rate holds however the jobs come."""
    pace = Pace(account=30)
    at = [1000.0 + pace.turn(str(n), ONE, 1, 1000.0) for n in range(1805)]
    assert sum(1 for one in at if one <= 1000.0 + 3600) == 1800 + 5


def test_each_number_has_its_own_room_and_several_share_an_order() -> None:
    """S7: Fax.Plus picks one of several numbers for each fax, so each is used by its share."""
    pace = Pace(number=6)
    assert turns(pace, 2, ("+41225550100",), 1000.0) == [0, 10]
    assert turns(pace, 2, ("+41225550199",), 1000.0) == [0, 10]
    pace = Pace(number=6)
    assert turns(pace, 4, TWO, 1000.0) == [0, 0, 5, 10]


def test_an_order_to_many_counts_all_of_them() -> None:
    """S7, R1: an order with several destinations is several faxes."""
    pace = Pace(account=60)
    assert pace.turn("list", ONE, 10, 1000.0) == 0
    assert pace.turn("next", ONE, 1, 1000.0) == 1


def test_room_that_was_not_used_is_not_saved_up() -> None:
    """S7: a quiet night does not let a thousand go at once."""
    pace = Pace(account=6)
    turns(pace, 1, ONE, 1000.0)
    assert turns(pace, 2, ONE, 90_000.0) == [0, 10]


def test_a_job_that_will_not_be_posted_leaves_its_turn() -> None:
    """S7: nothing is remembered of it."""
    pace = Pace(account=6)
    turns(pace, 2, ONE, 1000.0)
    assert pace.turn("gone", ONE, 1, 1000.0) == 20
    pace.forget("gone")
    pace.forget("never known")
    assert pace.turn("gone", ONE, 1, 1000.0) == 30


@pytest.mark.parametrize(("now", "rest"), [(1000.0, 60.0), (1030.0, 30.0), (1061.0, 0.0)])
def test_a_429_rests_the_account(now: float, rest: float) -> None:
    """S6, S7: Retry-After is believed for every call; a shorter one does not end a longer."""
    pace = Pace()
    pace.throttled(1060.0)
    pace.throttled(1010.0)
    assert pace.rest(now) == rest
