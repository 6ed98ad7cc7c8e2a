"""``at``: the times people write, as one moment or a refusal that names the readings (O4).

Nothing is guessed: a time that is over, comes twice or never, or may be two dates is refused
with what it may have meant.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from mail2fax.reading.numbers import shown
from mail2fax.reading.options.rules import WishRefused

HORIZON = timedelta(days=30)
_SAME_MINUTE = timedelta(seconds=60)
_TODAY = ("today", "heute", "aujourd'hui", "oggi", "hoy")
_TOMORROW = ("tomorrow", "morgen", "demain", "domani", "ma\u00f1ana", "manana")
_ABBREVIATED = {
    "z": 0, "utc": 0, "gmt": 0, "cet": 1, "mez": 1, "cest": 2, "mesz": 2,
}  # fmt: skip
_ZONE = re.compile(
    r" ?(z|utc|gmt|cet|cest|mez|mesz|[+-][0-9]{2}:?[0-9]{2}|[a-z]+(?:/[a-z_-]+)+)$", re.ASCII
)
_LONGEST = 60
_DATES = (
    ("ymd", re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", re.ASCII)),
    ("dmy", re.compile(r"([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4})", re.ASCII)),
    ("slashed", re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)),
)
_CLOCK = re.compile(
    r"([0-9]{1,2})(?:([:.h])([0-9]{2})?(?::[0-9]{2})?| ?(uhr)(?: ([0-9]{2}))?)? ?(am|pm)?", re.ASCII
)
_FOUR_DIGITS = re.compile(r"([0-9]{2})([0-9]{2})", re.ASCII)
_FORMS = "Write it as 08:00 or 2026-11-02 08:00"


def read_moment(text: str, received_at: float, zone_name: str) -> float:
    """The moment a text means, in seconds since the epoch.

    Args:
        text: such as ``08:00``, ``0800``, ``8h``, ``2026-11-02 08:00``, ``02.11.2026 08:00``,
            ``tomorrow 08:00``, each with or without a zone or an offset from UTC.
        received_at: when the mail came, seconds since the epoch.
        zone_name: IANA name of the zone of a text without one.

    Raises:
        WishRefused: it means no moment, or more than one, or one that is over or too far.
    """
    if len(text) > _LONGEST:
        raise WishRefused(f"at: {shown(text)} is no time. {_FORMS}")
    bare, zone, told_as = _without_zone(" ".join(text.lower().replace(",", " ").split()), zone_name)
    now = datetime.fromtimestamp(received_at, UTC)
    day, clock = _day_and_clock(bare, text, now.astimezone(zone).date())
    hour, minute = _hour_and_minute(clock, text)
    local = datetime.combine(day or now.astimezone(zone).date(), time(hour, minute))
    moment = _the_one(local, zone, told_as)
    if moment < now - _SAME_MINUTE:
        raise WishRefused(_is_over(local, dated=day is not None, today=_says_today(bare)))
    if moment > now + HORIZON:
        raise WishRefused(f"at: {local:%Y-%m-%d %H:%M} is more than {HORIZON.days} days away")
    return moment.timestamp()


def _without_zone(text: str, zone_name: str) -> tuple[str, tzinfo, str]:
    """The text before its zone, the zone, and how to call it."""
    found = _ZONE.search(text)
    if found is None or not found.start():
        return text, ZoneInfo(zone_name), zone_name
    name, rest = found[1], text[: found.start()].strip()
    if name in _ABBREVIATED:
        return rest, timezone(timedelta(hours=_ABBREVIATED[name])), name.upper()
    if name[0] in "+-":
        offset = timedelta(hours=int(name[1:3]), minutes=int(name[-2:]))
        if offset > timedelta(hours=14) or name[-2:] > "59":
            raise WishRefused(f"at: {name} is no offset from UTC. Write one such as +01:00")
        return rest, timezone(-offset if name[0] == "-" else offset), name
    return rest, _named_zone(name), name


def _named_zone(name: str) -> ZoneInfo:
    """A zone by its name in lower case.

    Raises:
        WishRefused: there is none.
    """
    cased = _zones().get(name)
    if cased is None:
        raise WishRefused(f"at: {shown(name)} is no time zone. Write an offset such as +01:00")
    return ZoneInfo(cased)


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _says_today(bare: str) -> bool:
    return bare.startswith(_TODAY) or bare.endswith(_TODAY)


def _day_and_clock(bare: str, text: str, today: date) -> tuple[date | None, str]:
    """The day, None when none is written, and what stands beside it."""
    for words, day in ((_TODAY, today), (_TOMORROW, today + timedelta(days=1))):
        for word in words:
            if bare.startswith(f"{word} ") or bare.endswith(f" {word}"):
                return day, bare.removeprefix(word).removesuffix(word).strip()
    for order, pattern in _DATES:
        found = pattern.match(bare) or next(
            (one for one in pattern.finditer(bare) if one.end() == len(bare)), None
        )
        if found:
            rest = (bare[: found.start()] + bare[found.end() :]).strip(" t")
            return _date(order, found, text), rest
    return None, bare


def _date(order: str, found: re.Match[str], text: str) -> date:
    """A written date.

    Raises:
        WishRefused: there is no such day, or there are two.
    """
    first, second, third = (int(group) for group in found.groups())
    readings = {
        "ymd": [(first, second, third)],
        "dmy": [(third, second, first)],
        "slashed": [(third, second, first), (third, first, second)],
    }[order]
    days = list(dict.fromkeys(day for reading in readings if (day := _day(*reading))))
    if not days:
        raise WishRefused(f"at: {shown(text)} is no day of the calendar. {_FORMS}")
    if len(days) > 1:
        raise WishRefused(f"at: {found[0]} may be {days[0]} or {days[1]}. Write one of these")
    return days[0]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _hour_and_minute(clock: str, text: str) -> tuple[int, int]:
    """A written time of day.

    Raises:
        WishRefused: it is none.
    """
    found = _CLOCK.fullmatch(clock)
    four = _FOUR_DIGITS.fullmatch(clock)
    if four:
        hour, minute = int(four[1]), int(four[2])
    elif found and (found[2] or found[4] or found[6]) and not _is_open(found):
        hour, minute = int(found[1]), int(found[3] or found[5] or 0)
        _refuse_two_readings(found, text)
    else:
        raise WishRefused(f"at: {shown(text)} is no time. {_FORMS}")
    if found and found[6]:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - hours of half a day
            raise WishRefused(f"at: {shown(text)} is no time. {_FORMS}")
        hour = hour % 12 + (12 if found[6] == "pm" else 0)
    if hour > 23 or minute > 59:  # noqa: PLR2004 - the clock's
        raise WishRefused(f"at: {shown(text)} is no time. {_FORMS}")
    return hour, minute


def _is_open(found: re.Match[str]) -> bool:
    """Whether minutes are missing behind a sign that wants them."""
    return found[2] in (":", ".") and found[3] is None


def _refuse_two_readings(found: re.Match[str], text: str) -> None:
    """``02.11`` is a time or a day."""
    if found[2] == "." and 1 <= int(found[3]) <= 12:  # noqa: PLR2004 - months
        clock, day = f"{found[1]}:{found[3]}", f"day {found[1]}.{found[3]}."
        raise WishRefused(f"at: {shown(text)} may be {clock} or the {day} {_FORMS}")


def _the_one(local: datetime, zone: tzinfo, told_as: str) -> datetime:
    """The one moment that a clock in the zone shows this.

    Raises:
        WishRefused: it never does, or twice.
    """
    first = local.replace(tzinfo=zone, fold=0)
    second = local.replace(tzinfo=zone, fold=1)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise WishRefused(
            f"at: {local:%Y-%m-%d %H:%M} does not exist in {told_as}: clocks are set forward then"
        )
    if first.utcoffset() != second.utcoffset():
        one, other = (f"{local:%H:%M} {one:%z}" for one in (first, second))
        raise WishRefused(
            f"at: {local:%Y-%m-%d %H:%M} comes twice in {told_as}. Write {one} or {other}"
        )
    return first.astimezone(UTC)


def _is_over(local: datetime, *, dated: bool, today: bool) -> str:
    if dated and not today:
        return f"at: {local:%Y-%m-%d %H:%M} is over. Leave it out to send now"
    tomorrow = local + timedelta(days=1)
    return (
        f"at: {local:%H:%M} is over today: {local:%Y-%m-%d %H:%M} or {tomorrow:%Y-%m-%d %H:%M}? "
        "Write the date, or leave it out to send now"
    )
