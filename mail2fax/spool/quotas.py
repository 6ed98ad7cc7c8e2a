"""How much a rule may still send: pure decisions over what it has sent (L8).

A quota holds for any stretch of its length, not for calendar days: what was reserved counts
until it is that old. A mail is taken whole or refused whole, with what is left and when enough
of it is free again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mail2fax.values import Quota

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_STRETCHES = {3600.0: "an hour", 86400.0: "a day", 30 * 86400.0: "a month"}
_ONE = {"faxes": "fax", "pages": "page", "numbers": "number"}


@dataclass(frozen=True, slots=True)
class Used:
    """One fax that counts against a rule's quotas.

    Attributes:
        number: where it goes.
        pages: how many, 1 as long as they are not counted.
        at: when it was reserved, seconds since the epoch.
    """

    number: str
    pages: int
    at: float


def admit(quotas: Iterable[Quota], used: Sequence[Used], wanted: Sequence[Used]) -> str | None:
    """Whether faxes still fit into every quota.

    Args:
        quotas: of the rule.
        used: what counts against it and is not released.
        wanted: the faxes to be reserved, all at one time.

    Returns:
        None when they fit; else the sentence: what is left, and when enough is free again.
    """
    for quota in quotas:
        problem = _excess(quota, used, wanted)
        if problem is not None:
            return problem
    return None


def _excess(quota: Quota, used: Sequence[Used], wanted: Sequence[Used]) -> str | None:
    if not wanted:
        return None
    now = wanted[0].at
    counting = [one for one in used if one.at > now - quota.seconds]
    total = _amount(quota, [*counting, *wanted])
    if total <= quota.most:
        return None
    alone, before = _amount(quota, wanted), _amount(quota, counting)
    stretch = _STRETCHES.get(quota.seconds, f"{quota.seconds:.0f} seconds")
    left = max(0, quota.most - before)
    needs = f"this mail needs {total - before}"
    said = f"The quota is {_count(quota.most, quota.what)} {stretch}: {left} left, {needs}"
    if alone > quota.most:
        return f"{said}, more than it ever allows. Ask the administrator"
    return f"{said}. Try again in {_wait(_frees_at(quota, counting, wanted) - now)}"


def _amount(quota: Quota, faxes: Sequence[Used]) -> int:
    """What faxes count for in the terms of a quota."""
    if quota.what == "pages":
        return sum(one.pages for one in faxes)
    if quota.what == "numbers":
        return len({one.number for one in faxes})
    return len(faxes)


def _frees_at(quota: Quota, counting: Sequence[Used], wanted: Sequence[Used]) -> float:
    """When the wanted faxes would fit, if nothing else is reserved meanwhile."""
    remaining = sorted(counting, key=lambda one: one.at)
    while remaining and _amount(quota, [*remaining, *wanted]) > quota.most:
        gone = remaining.pop(0)
    return gone.at + quota.seconds


def _count(number: int, what: str) -> str:
    return f"{number} {_ONE[what] if number == 1 else what}"


def _wait(seconds: float) -> str:
    for length, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds > length or length == _MINUTE:
            count = max(1, -int(-seconds // length))
            return f"{count} {name}{'' if count == 1 else 's'}"
    raise AssertionError("a minute is the least")
