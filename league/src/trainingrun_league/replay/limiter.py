"""How often experience is sampled for each time that it is recorded, held within a tolerance.

As Reverb's ``SampleToInsertRatio``: with ``d = recorded * ratio - sampled``, writers are held while
``d`` is above ``centre + tolerance``, readers while it is below ``centre - tolerance`` or while the
table has fewer than ``least``; the centre is ``least * ratio``, what is there when sampling begins.

Unlike Reverb's, a call is let through by what is there before it, whatever its size, so that the
bounds are passed by one call at most. Reverb counts the call in, and then a batch that is larger
than the tolerance is held for ever, on both sides at once. Here one side always continues: the
lower bound is never above the upper one.

Everything is counted in experiences, since items differ in length. Pure: who waits, and how long,
is ``gate``'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """What the limiter holds.

    Attributes:
        samples_per_insert: how often each experience is to be sampled, in the mean; None: as
            often as readers ask, and writers are never held.
        tolerance: samples by which either side may be ahead.
        least: experiences in the table before any is sampled.
    """

    samples_per_insert: float | None = None
    tolerance: float = 0.0
    least: int = 1

    def __post_init__(self) -> None:
        ratio = self.samples_per_insert
        if ratio is not None and not (math.isfinite(ratio) and ratio > 0):
            raise ValueError(f"samples per insert of {ratio}: it is above 0, or not given")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise ValueError(f"a tolerance of {self.tolerance}: it is 0 or more")
        if self.least < 1:
            raise ValueError(f"sampling from {self.least} experiences on: 1 is the least")


@dataclass(frozen=True)
class Balance:
    """What was recorded and sampled since the begin, and what is there; in experiences."""

    recorded: int
    sampled: int
    stored: int


def may_insert(ratio: Ratio, balance: Balance) -> bool:
    """Return whether a writer may continue."""
    if ratio.samples_per_insert is None or balance.stored < ratio.least:
        return True
    return _ahead(ratio, balance) <= ratio.tolerance


def may_sample(ratio: Ratio, balance: Balance) -> bool:
    """Return whether a reader may continue."""
    if balance.stored < ratio.least:
        return False
    if ratio.samples_per_insert is None:
        return True
    return _ahead(ratio, balance) >= -ratio.tolerance


def readable(ratio: Ratio, balance: Balance) -> int:
    """Return how many experiences readers may take before they are held; where nothing holds
    them, as many as there are."""
    if not may_sample(ratio, balance):
        return 0
    if ratio.samples_per_insert is None:
        return balance.stored
    return math.floor(_ahead(ratio, balance) + ratio.tolerance) + 1


def _ahead(ratio: Ratio, balance: Balance) -> float:
    """Samples by which writers are ahead of readers."""
    assert ratio.samples_per_insert is not None
    return (balance.recorded - ratio.least) * ratio.samples_per_insert - balance.sampled
