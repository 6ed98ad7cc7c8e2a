"""How long the content of a mail at its end is kept (K7)."""

import pytest

from mail2fax.spool.ends import Keep, kept_for
from mail2fax.spool.lifecycle import FaxState, MailState

KEEP = Keep(success=1.0, other=7.0)
PREPARED, REFUSED = MailState.PREPARED, MailState.REFUSED
SUCCESS, FAILED, CANCELLED = FaxState.SUCCESS, FaxState.FAILED, FaxState.CANCELLED


@pytest.mark.parametrize(
    ("state", "faxes", "told", "seconds"),
    [
        (PREPARED, [SUCCESS, SUCCESS], True, 1.0),
        (PREPARED, [SUCCESS], False, 1.0),
        (PREPARED, [SUCCESS, FAILED], True, 7.0),
        (PREPARED, [SUCCESS, FaxState.UNKNOWN], True, 7.0),
        (PREPARED, [FaxState.PARTIAL], True, 7.0),
        (PREPARED, [CANCELLED], True, 7.0),
        (REFUSED, [FAILED], True, 7.0),
        (MailState.QUARANTINED, [FAILED], True, 7.0),
        (PREPARED, [], True, 1.0),  # passed on to the admin
        (PREPARED, [], False, 7.0),  # could not be passed on
        (MailState.ANSWERED, [], True, 1.0),
        (REFUSED, [], True, 7.0),
        (MailState.JOINED, [CANCELLED], True, 0.0),
    ],
)
def test_success_is_forgotten_sooner(
    state: MailState, faxes: list[FaxState], told: bool, seconds: float
) -> None:
    """K7: 24 hours after success, 7 days after any other end; joined bytes with their mail."""
    assert kept_for(state, faxes, told=told, keep=KEEP) == seconds


def test_the_defaults_are_those_of_the_books() -> None:
    """K7: 24 hours, 7 days, 90 days, 6 years."""
    day = 86400.0

    assert Keep() == Keep(day, 7 * day, 90 * day, 6 * 365.25 * day)
