"""The one clock (K10): intervals are measured on a clock that does not jump.

``now`` starts at the machine's wall clock and from then on only ever moves with the steady
clock (which also counts a suspended machine's sleep), so a wall clock that is set forward or
back while the daemon runs neither expires nor revives anything. What a person reads is told by
``wall``. Deciding code takes times as arguments and never calls this module.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady_seconds() -> float:
    return time.clock_gettime(_STEADY)


class Clock:
    """Seconds since the epoch that never jump, and the wall clock beside them."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady_seconds,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()

    def now(self) -> float:
        """Seconds since the epoch, as of this process's start plus the time passed since."""
        return self._offset + self._steady()

    def wall(self) -> datetime:
        """What the machine's own clock says, in UTC."""
        return datetime.fromtimestamp(self._wall(), UTC)


def utc(seconds: float) -> datetime:
    """Seconds since the epoch as an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)
