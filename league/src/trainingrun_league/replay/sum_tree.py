"""A tree of sums over the priorities of a ring: set and drawn from in batches, in float64.

Every inner node is its two children added up, made anew from them on every change. So the sum of
the whole carries the roundings of one path (at most one for each level) and no others, after any
number of changes; adding differences to the nodes, which is one operation less, was refused because
its error grows with them. The least priority is kept the same way, because the greatest importance
weight is that of the least probable item.

All loops are over levels, none over items; ``growth`` of the search, which is compiled, was the
alternative: at batches of hundreds numpy's calls cost less than what gRPC does with the same items.

Not here: what a priority is, and which item has which place (``table``).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

LARGEST_CAPACITY: Final = 1 << 28


class SumTree:
    """Leaves 0 to ``capacity`` - 1, all 0 at first. A leaf of 0 is empty: it is never drawn, and
    the least does not count it."""

    def __init__(self, capacity: int) -> None:
        if not 1 <= capacity <= LARGEST_CAPACITY:
            raise ValueError(f"a tree of {capacity} leaves: 1 to {LARGEST_CAPACITY} are possible")
        self._first = 1 << max(0, capacity - 1).bit_length()
        self._levels = self._first.bit_length() - 1
        self._sums = np.zeros(2 * self._first, np.float64)
        self._least = np.full(2 * self._first, np.inf)

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._sums[1])

    @property
    def least(self) -> float:
        """The least of the leaves that are not empty; infinity where all are."""
        return float(self._least[1])

    def leaves(self, places: Places) -> Floats:
        """Return the values of some leaves, a copy."""
        return self._sums[places + self._first]

    def set(self, places: Places, values: Floats) -> None:
        """Set leaves; where one is named twice, its last value holds. Values are 0 or more."""
        nodes = places + self._first
        self._sums[nodes] = values
        self._least[nodes] = np.where(values > 0, values, np.inf)
        for _ in range(self._levels):
            nodes = nodes >> 1  # some twice, which costs less than to find them
            left, right = 2 * nodes, 2 * nodes + 1
            self._sums[nodes] = self._sums[left] + self._sums[right]
            self._least[nodes] = np.minimum(self._least[left], self._least[right])

    def set_range(self, start: int, values: Floats) -> None:
        """Set the leaves from ``start`` on, which costs no more than twice their number."""
        low, high = start + self._first, start + self._first + len(values)
        self._sums[low:high] = values
        self._least[low:high] = np.where(values > 0, values, np.inf)
        for _ in range(self._levels):
            low, high = low >> 1, ((high - 1) >> 1) + 1
            children = slice(2 * low, 2 * high)
            pairs, least = self._sums[children], self._least[children]
            self._sums[low:high] = pairs[::2] + pairs[1::2]
            self._least[low:high] = np.minimum(least[::2], least[1::2])

    def find(self, points: Floats) -> Places:
        """Return the leaf of each point of [0, total): leaves stand in a row, each as long as its
        value. Empty ones are never found, not by rounding either.

        Raises:
            ValueError: all leaves are empty.
        """
        if not self.total > 0:
            raise ValueError("nothing can be drawn from a tree whose leaves are all empty")
        rest = points.copy()
        nodes = np.ones(len(points), np.int64)
        for _ in range(self._levels):
            nodes *= 2
            left = self._sums[nodes]
            # Where rounding leaves a point beyond the end of its node, the last leaf has it.
            is_right = (rest >= left) & (self._sums[nodes + 1] > 0)
            rest -= left * is_right
            nodes += is_right
        return nodes - self._first
