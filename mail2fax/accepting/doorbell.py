"""Strangers may do some things without a rule, but only so many times an hour."""

from collections import deque

from mail2fax.accepting.crowd import network_of
from mail2fax.values import Response

_MOST_AN_HOUR = 20
_AN_HOUR = 3600.0
_MOST_NETWORKS = 10_000


class Doorbell:
    """Counts something that strangers do, by their networks."""

    def __init__(self, too_many: Response) -> None:
        """Begin to count.

        Args:
            too_many: the refusal once they have done it so many times within an hour.
        """
        self._too_many = too_many
        self._rings: dict[str, deque[float]] = {}

    def ring(self, peer: str, now: float) -> Response | None:
        """Count one more of a client's network; the refusal when they are too many."""
        refusal = self.is_loud(peer, now)
        if refusal is not None:
            return refusal
        self._rings.setdefault(network_of(peer), deque(maxlen=_MOST_AN_HOUR)).append(now)
        if len(self._rings) > _MOST_NETWORKS:
            self._forget(now)
        return None

    def is_loud(self, peer: str, now: float) -> Response | None:
        """The refusal when a client's network did it too often; nothing is counted."""
        rings = self._rings.get(network_of(peer))
        if rings is None or len(rings) < _MOST_AN_HOUR or now - rings[0] >= _AN_HOUR:
            return None
        return self._too_many

    def _forget(self, now: float) -> None:
        """Networks that were quiet for an hour; of too many others the first."""
        loud = {network: rings for network, rings in self._rings.items()
                if now - rings[-1] < _AN_HOUR}  # fmt: skip
        self._rings = dict(tuple(loud.items())[-_MOST_NETWORKS:])
