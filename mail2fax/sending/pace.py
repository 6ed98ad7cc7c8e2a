"""How fast orders go out: over the account, and from each of its own numbers (S7). Pure.

Fax.Plus throttles each source number by the subscription and advises to spread over several
(faxplus-api: sending rate), without saying how much it takes: the limits are the admin's to
give. A 429 is believed for the whole account, whichever call got it.
"""

from collections.abc import Sequence

_BURST_SECONDS = 10.0
_SECONDS = 60.0


class _Bucket:
    """Room for so many a minute; what is reserved beyond it waits its turn."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / _SECONDS
        self._most = max(1.0, self._rate * _BURST_SECONDS)
        self._level = self._most
        self._at = 0.0

    def reserve(self, amount: float, now: float) -> float:
        """Take room, and say in how many seconds it will be there."""
        self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level -= amount
        return max(0.0, -self._level / self._rate)


class Pace:
    """Gives each job its turn."""

    def __init__(self, account: int | None = None, number: int | None = None) -> None:
        """Keep these limits.

        Args:
            account: faxes a minute in all; None for as many as come.
            number: faxes a minute from one own number.
        """
        self._account = _Bucket(account) if account else None
        self._per_number = number
        self._numbers: dict[str, _Bucket] = {}
        self._turns: dict[str, float] = {}
        self._rests_until = 0.0

    def turn(self, job_id: str, numbers: Sequence[str], faxes: int, now: float) -> float:
        """Seconds until a job may be posted; its turn is kept until it is asked for again.

        Args:
            job_id: which one.
            numbers: own numbers of its order; Fax.Plus picks one of them for each fax.
            faxes: destinations of its order.
            now: seconds since the epoch.
        """
        at = self._turns.pop(job_id, None)
        if at is None:
            at = now + self._reserve(numbers, faxes, now)
        if at > now:
            self._turns[job_id] = at
        return max(0.0, at - now)

    def _reserve(self, numbers: Sequence[str], faxes: int, now: float) -> float:
        waits = [0.0]
        if self._account is not None:
            waits.append(self._account.reserve(faxes, now))
        if self._per_number:
            for number in numbers:
                bucket = self._numbers.setdefault(number, _Bucket(self._per_number))
                waits.append(bucket.reserve(faxes / len(numbers), now))
        return max(waits)

    def throttled(self, until: float) -> None:
        """Fax.Plus asked for fewer requests: none before this time."""
        self._rests_until = max(self._rests_until, until)

    def rest(self, now: float) -> float:
        """Seconds until Fax.Plus may be asked for anything."""
        return max(0.0, self._rests_until - now)

    def forget(self, job_id: str) -> None:
        """A job that will not be posted leaves its turn."""
        self._turns.pop(job_id, None)
