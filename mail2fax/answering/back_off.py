"""When a reply that the relay did not take is tried again. Pure."""

_MINUTE, _HOUR = 60.0, 3600.0
_STEPS = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE)
LONGEST = 5 * 24 * _HOUR
"""After this nobody is told any more, and the row says so (W7)."""


def again_in(tries: int) -> float:
    """Seconds until the next try; ``tries`` counts those made, from 1."""
    return _STEPS[tries - 1] if tries <= len(_STEPS) else _HOUR


def is_over(due_at: float, now: float) -> bool:
    """Whether a reply has waited for too long."""
    return now >= due_at + LONGEST
