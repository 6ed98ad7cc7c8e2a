"""O4: the times people write."""

from datetime import datetime

import pytest

from mail2fax.reading.options.moments import read_moment
from mail2fax.reading.options.rules import WishRefused

ZONE = "Europe/Zurich"
NOW = datetime.fromisoformat("2026-10-20T09:15:00+02:00").timestamp()


def at(text: str, now: float = NOW) -> str:
    """The moment a text means, in UTC."""
    return datetime.fromtimestamp(
        read_moment(text, now, ZONE), datetime.fromisoformat("2026-01-01T00:00Z").tzinfo
    ).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("11:00", "2026-10-20 09:00"),
        ("1100", "2026-10-20 09:00"),
        ("11h", "2026-10-20 09:00"),
        ("11h30", "2026-10-20 09:30"),
        ("11 Uhr", "2026-10-20 09:00"),
        ("11 Uhr 30", "2026-10-20 09:30"),
        ("18.30", "2026-10-20 16:30"),
        ("11:00:00", "2026-10-20 09:00"),
        ("11am", "2026-10-20 09:00"),
        ("8:30 PM", "2026-10-20 18:30"),
        ("12 am tomorrow", "2026-10-20 22:00"),
        ("12pm", "2026-10-20 10:00"),
        ("9:15", "2026-10-20 07:15"),
        ("today 18:00", "2026-10-20 16:00"),
        ("heute, 18:00", "2026-10-20 16:00"),
        ("tomorrow 08:00", "2026-10-21 06:00"),
        ("morgen 8h", "2026-10-21 06:00"),
        ("08:00 demain", "2026-10-21 06:00"),
        ("2026-11-02 08:00", "2026-11-02 07:00"),
        ("2026-11-02T08:00", "2026-11-02 07:00"),
        ("2026-11-02T08:00Z", "2026-11-02 08:00"),
        ("02.11.2026 08:00", "2026-11-02 07:00"),
        ("2. 11. 2026, 8h", "2026-11-02 07:00"),
        ("08:00 2026-11-02", "2026-11-02 07:00"),
        ("25/10/2026 08:00", "2026-10-25 07:00"),
        ("02/02/2026 08:00", None),
        ("11:00 +01:00", "2026-10-20 10:00"),
        ("2026-11-02 08:00 -0500", "2026-11-02 13:00"),
        ("08:00 America/New_York", "2026-10-20 12:00"),
        ("2026-11-02 08:00 MEZ", "2026-11-02 07:00"),
        ("14:00 utc", "2026-10-20 14:00"),
        ("2026-10-25 02:30 +0200", "2026-10-25 00:30"),
        ("2026-10-25 02:30 cet", "2026-10-25 01:30"),
    ],
)
def test_forms_people_write(text: str, moment: str | None) -> None:
    """O4: each means one moment, in the configured zone unless it names its own."""
    if moment is None:
        with pytest.raises(WishRefused, match="is over"):
            at(text)
    else:
        assert at(text) == moment


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("08:00", "is over today: 2026-10-20 08:00 or 2026-10-21 08:00"),
        ("today 08:00", "is over today: 2026-10-20 08:00 or 2026-10-21 08:00"),
        ("08:00 +02:00", "2026-10-20 08:00 or 2026-10-21 08:00"),
        ("2026-10-19 08:00", "2026-10-19 08:00 is over. Leave it out"),
        ("2026-10-25 02:30", "comes twice in Europe/Zurich. Write 02:30 +0200 or 02:30 +0100"),
        ("02/11/2026 08:00", "may be 2026-11-02 or 2026-02-11"),
        ("02.11", "may be 02:11 or the day 02.11."),
        ("2026-11-20 08:00", "more than 30 days away"),
        ("2026-02-30 08:00", "no day of the calendar"),
        ("2026-11-02", "is no time"),
        ("25:00", "is no time"),
        ("11:60", "is no time"),
        ("1160", "is no time"),
        ("13 pm", "is no time"),
        ("8", "is no time"),
        ("8:", "is no time"),
        ("8.", "is no time"),
        ("soon", "is no time"),
        ("+02:00", "is no time"),
        ("\u0668:\u0660\u0660", "is no time"),
        ("1" * 100, "is no time"),
        ("08:00 +19:00", "no offset from UTC"),
        ("08:00 +02:75", "no offset from UTC"),
        ("08:00 Mars/Crater", "no time zone"),
    ],
)
def test_what_is_not_one_moment_is_refused(text: str, why: str) -> None:
    """O4: over, twice, never, two dates, too far, no time: each with what to write."""
    with pytest.raises(WishRefused) as refused:
        at(text)

    assert why in str(refused.value)
    assert str(refused.value).isascii()


def test_a_time_that_clocks_skip_is_refused() -> None:
    """O4: 02:30 does not exist when clocks are set forward."""
    march = datetime.fromisoformat("2027-03-20T09:00:00+01:00").timestamp()

    with pytest.raises(WishRefused, match="does not exist in Europe/Zurich"):
        at("2027-03-28 02:30", march)


def test_the_same_minute_is_now() -> None:
    """O4: a mail written at 09:15 for 09:15 may arrive seconds later."""
    assert at("09:15", NOW + 59) == "2026-10-20 07:15"
    with pytest.raises(WishRefused, match="is over today"):
        at("09:15", NOW + 61)
