"""When to try again: pure functions of counts, ages and the clock that is handed in.

A retry is a decision, not a sleep; every one has an end (`give_up` in the settings).
"""

from dataclasses import dataclass

_UPLOAD_STEPS = (5.0, 15.0, 30.0, 60.0, 120.0)
_UPLOAD_MOST = 300.0
_BARRED_FIRST, _BARRED_MOST = 60.0, 600.0
_POLL_MOST = 300.0
_THROTTLED = 60.0


@dataclass(frozen=True, slots=True)
class SendingSettings:
    """What the configuration says about sending; times in seconds.

    Attributes:
        source_numbers: own numbers to send from when the rule names none.
        members: users of the account that faxes may be ordered as, beside its own.
        on_unknown: ``reconcile`` or ``hold``: what a settled miss leads to (S3).
        settle: how long an order in doubt is looked for before it counts as missing.
        listings: complete listings without a trace that a settled miss needs.
        first_poll: seconds from order to the first look for its outcome.
        give_up: after this an unsent order ends, and a sent one's outcome is *unknown*.
        retries: waits before busy numbers are dialled again.
        parallel: jobs in hand at once, and so uploads.
        per_minute: faxes ordered in a minute, None for as many as come (S7).
        number_per_minute: the same from one own number.
        request_deadline: the longest a POST to the outbox may take.
        upload_life: uploads older than this are made anew; their life is not documented.
        waiting_after: when an unsent fax is told to be waiting.
        hold_for: when a held job that nobody decided ends as not sent.
    """

    source_numbers: tuple[str, ...]
    on_unknown: str = "reconcile"
    settle: float = 600.0
    listings: int = 3
    first_poll: float = 5.0
    give_up: float = 4 * 3600.0
    retries: tuple[float, ...] = (300.0, 900.0, 2400.0)
    paused: bool = False
    parallel: int = 16
    per_minute: int | None = None
    number_per_minute: int | None = None
    request_deadline: float = 60.0
    upload_life: float = 3600.0
    waiting_after: float = 1800.0
    hold_for: float = 86400.0
    members: frozenset[str] = frozenset()


def upload_again_in(tries: int, retry_after: float | None) -> float:
    """Seconds until a failed upload or connection is tried again; ``tries`` counts from 1."""
    if retry_after is not None:
        return retry_after
    return _UPLOAD_STEPS[tries - 1] if tries <= len(_UPLOAD_STEPS) else _UPLOAD_MOST


def barred_for(openings: int) -> float:
    """Seconds an account that refuses us is left alone, the ``openings``-th time in a row."""
    return min(_BARRED_FIRST * 2.0 ** (openings - 1), _BARRED_MOST)


def list_again_in(failures: int, retry_after: float | None) -> float:
    """Seconds until the lists are asked for again, after so many failures in a row."""
    return upload_again_in(failures, retry_after)


def throttled_for(retry_after: float | None) -> float:
    """Seconds to wait after a 429."""
    return _THROTTLED if retry_after is None else retry_after


def look_again_in(age: float, first_poll: float) -> float:
    """Seconds until the next look for an outcome: often at first, then with the fax's age."""
    return min(max(first_poll, age / 4), _POLL_MOST)


def dial_again_in(orders: int, retries: tuple[float, ...]) -> float | None:
    """Seconds until a busy number is ordered again; None when it was tried often enough.

    Args:
        orders: orders this fax has had so far, from 1.
    """
    return retries[orders - 1] if orders <= len(retries) else None


def is_over(created_at: float, not_before: float | None, give_up: float, now: float) -> bool:
    """Whether an order that has not been taken yet must not go out any more."""
    return now >= max(created_at, not_before or 0.0) + give_up
