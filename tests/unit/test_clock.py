"""K10: intervals are measured on a clock that does not jump."""

from mail2fax.clock import Clock, utc


class Hands:
    """Clock hands a test moves."""

    wall = 1_800_000_000.0
    steady = 50.0


def test_a_jump_of_the_wall_clock_changes_no_interval() -> None:
    """K10: a wall clock set back by a year while running leaves `now` going on."""
    hands = Hands()
    clock = Clock(wall=lambda: hands.wall, steady=lambda: hands.steady)
    before = clock.now()

    hands.wall -= 365 * 86400
    hands.steady += 10

    assert before + 10 == clock.now()
    assert utc(hands.wall) == clock.wall()
