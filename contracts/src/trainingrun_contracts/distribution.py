"""How values are spread: counts in buckets, from which a histogram and percentiles are read.

One thread observes; others may read meanwhile and see a value more or less.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate


class Distribution:
    """Values by bucket; ``buckets`` are rising upper bounds, what is beyond counts as well."""

    def __init__(self, buckets: tuple[float, ...]) -> None:
        self.buckets = buckets
        self.sum = 0.0
        self._counts = [0] * (len(buckets) + 1)

    def observe(self, value: float, *, times: int = 1) -> None:
        """Count a value ``times`` times."""
        self._counts[bisect_left(self.buckets, value)] += times
        self.sum += value * times

    @property
    def cumulated(self) -> tuple[int, ...]:
        """Values at or below each bound; the last number is that of all values."""
        return tuple(accumulate(self._counts))

    def quantile(self, fraction: float) -> float | None:
        """Return the value below which this part of the values lies, taken as evenly spread within
        its bucket; the last bound for what is beyond it, None before the first value."""
        cumulated = self.cumulated
        rank = fraction * cumulated[-1]
        if not cumulated[-1]:
            return None
        place = next(index for index, count in enumerate(cumulated) if count and count >= rank)
        if place == len(self.buckets):
            return self.buckets[-1]
        low = self.buckets[place - 1] if place else min(0.0, self.buckets[0])
        below = cumulated[place - 1] if place else 0
        return low + (self.buckets[place] - low) * (rank - below) / (cumulated[place] - below)
