"""What a benchmark prints: medians, quartiles, and the ratio to the peer of the same run."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The quartiles of some figures."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:9.2f}   (quartiles {self.low:.2f} to {self.high:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of one figure or more."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def steady(pairs: Sequence[tuple[float, float]], most: float = 0.2) -> list[tuple[float, float]]:
    """The (ours, peer's) pairs in which the peer is within ``most`` of its own median.

    A pair in which the peer alone moves far says more about the machine than about either.
    """
    middle = statistics.median(peer for _, peer in pairs)
    return [pair for pair in pairs if abs(pair[1] - middle) <= most * middle]
