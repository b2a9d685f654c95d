"""The items that can be sampled: a ring with two bounds, drawn from uniformly or by priority.

Items are opaque bytes with a number of experiences and a priority. Their ids count up without gaps,
the oldest are evicted first, and an item's place in the ring is its id modulo the ring's length: so
no index is needed, and which items are there follows from the newest ones and the bounds alone,
however they came (``journal`` relies on it: whatever is evicted needs not be read again).

Draws are independent and with replacement, each item with p = priority ^ alpha over the sum of all
(Schaul et al. 2016, section 3.3). Their strata, one for each draw of a batch, were refused: the
draws of a batch then depend on one another, and on how large it is.

Evicting what was sampled most, or has the least priority, was refused too: what is kept for long is
then of weights long gone. Pure, but for the generator that it is given. Not here: what becomes
durable and when (``recorder``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from trainingrun_league.replay.sum_tree import Floats, SumTree

Ids = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]

LEAST_PRIORITY: Final = 1e-9
GREATEST_PRIORITY: Final = 1e9
FIRST_ID: Final = 1
_OVERHEAD: Final = 96
"""Bytes that an item takes beside its data: the object around it, and its row in the arrays."""


class Sampling(Enum):
    """How items are drawn."""

    UNIFORM = "uniform"
    PRIORITISED = "prioritised"


@dataclass(frozen=True)
class TableBounds:
    """What a table holds at most, and how steep priorities are.

    Attributes:
        items: of the ring.
        bytes: of memory, counted with what an item takes beside its data.
        alpha: exponent of priorities; 0 makes every sampling uniform.
    """

    items: int = 1_000_000
    bytes: int = 2 * 1024**3
    alpha: float = 0.6

    def __post_init__(self) -> None:
        if self.items < 1 or self.bytes < 1:
            raise ValueError(f"a table of {self.items} items and {self.bytes} bytes holds nothing")
        if not 0 <= self.alpha <= 4:
            raise ValueError(f"an alpha of {self.alpha}: priorities take 0 to 4")


@dataclass(frozen=True)
class NewItems:
    """Items to insert, by columns; a priority of 0 stands for the greatest so far."""

    data: Sequence[bytes]
    experiences: Counts
    priorities: Floats


@dataclass(frozen=True)
class Draw:
    """What was drawn; ``weights`` are (N p) ^ -beta over the greatest of the table."""

    ids: Ids
    probabilities: Floats
    weights: Floats


@dataclass(frozen=True)
class Evicted:
    """Experiences that left the table, and those of them that were never sampled."""

    experiences: int = 0
    unsampled: int = 0


class Table:
    """The ring; empty at first, with ids from ``first_id`` on."""

    def __init__(self, bounds: TableBounds, *, first_id: int = FIRST_ID) -> None:
        self.bounds = bounds
        self.oldest_id = self.next_id = first_id
        self.bytes = self.experiences = self.unsampled = 0
        self.greatest_priority = 1.0
        self._tree = SumTree(bounds.items)
        self._data: list[bytes] = [b""] * bounds.items
        self._lengths = np.zeros(bounds.items, np.int64)
        self._experiences = np.zeros(bounds.items, np.int64)
        self._times = np.zeros(bounds.items, np.int64)

    def __len__(self) -> int:
        return self.next_id - self.oldest_id

    @property
    def sum_of_priorities(self) -> float:
        """The sum of priorities, each to the power of alpha."""
        return self._tree.total

    def insert(self, items: NewItems) -> Evicted:
        """Insert items, evicting the oldest until both bounds hold. Of more items than the ring
        has places, the first are evicted at once."""
        known = items.priorities[items.priorities > 0]
        if known.size:
            self.greatest_priority = max(self.greatest_priority, float(known.max()))
        evicted = Evicted()
        for start in range(0, len(items.data), self.bounds.items):
            evicted = _both(evicted, self._insert(_part(items, start, self.bounds.items)))
        return evicted

    def _insert(self, items: NewItems) -> Evicted:
        count, ring = len(items.data), self.bounds.items
        evicted = self._evict(len(self) + count - ring)
        lengths = np.fromiter(map(len, items.data), np.int64, count) + _OVERHEAD
        priorities = np.where(items.priorities > 0, items.priorities, self.greatest_priority)
        raised = priorities**self.bounds.alpha
        done = 0
        for start, stop in _runs(self.next_id % ring, count, ring):
            part = slice(done, done + stop - start)
            self._data[start:stop] = items.data[part]
            self._lengths[start:stop] = lengths[part]
            self._experiences[start:stop] = items.experiences[part]
            self._times[start:stop] = 0
            self._tree.set_range(start, raised[part])
            done = part.stop
        self.next_id += count
        self.bytes += int(lengths.sum())
        added = int(items.experiences.sum())
        self.experiences += added
        self.unsampled += added
        return _both(evicted, self._evict(self._over_bytes()))

    def _over_bytes(self) -> int:
        """Return how many of the oldest must go for the bound of bytes."""
        over, gone = self.bytes - self.bounds.bytes, 0
        while over > 0:
            start = (self.oldest_id + gone) % self.bounds.items
            lengths = self._lengths[start : start + min(1024, len(self) - gone)]
            summed = np.cumsum(lengths)
            enough = int(np.searchsorted(summed, over)) + 1
            gone += min(enough, len(lengths))
            over -= int(summed[min(enough, len(lengths)) - 1])
        return gone

    def _evict(self, count: int) -> Evicted:
        if count <= 0:
            return Evicted()
        experiences = unsampled = 0
        for start, stop in _runs(self.oldest_id % self.bounds.items, count, self.bounds.items):
            leaving = self._experiences[start:stop]
            experiences += int(leaving.sum())
            unsampled += int(leaving[self._times[start:stop] == 0].sum())
            self.bytes -= int(self._lengths[start:stop].sum())
            self._data[start:stop] = [b""] * (stop - start)
            self._tree.set_range(start, np.zeros(stop - start))
        self.oldest_id += count
        self.experiences -= experiences
        self.unsampled -= unsampled
        return Evicted(experiences, unsampled)

    def draw(
        self, size: int, sampling: Sampling, *, beta: float, generator: np.random.Generator
    ) -> Draw:
        """Draw items; the table must not be empty. Uniform draws weigh 1 each."""
        if sampling is Sampling.UNIFORM:
            ids = generator.integers(self.oldest_id, self.next_id, size, np.int64)
            return Draw(ids, np.full(size, 1 / len(self)), np.ones(size))
        places = self._tree.find(generator.random(size) * self._tree.total)
        raised = self._tree.leaves(places)
        # (N p)^-beta over its greatest, that of the least p: N and the sum of all fall out.
        weights = (self._tree.least / raised) ** beta
        return Draw(self._ids_of(places), raised / self._tree.total, weights)

    def _ids_of(self, places: Ids) -> Ids:
        """Return the ids of occupied places: counted on from that of the oldest."""
        ring = self.bounds.items
        return self.oldest_id + (places - self.oldest_id % ring) % ring

    def note_sampled(self, ids: Ids) -> int:
        """Count that items were sampled, once for each time that they are named; return the
        experiences of those that were sampled for the first time. Items that are gone count
        nothing."""
        places = self._present(ids) % self.bounds.items
        first = np.unique(places[self._times[places] == 0])
        np.add.at(self._times, places, 1)
        fresh = int(self._experiences[first].sum())
        self.unsampled -= fresh
        return fresh

    def update(self, ids: Ids, priorities: Floats) -> int:
        """Set priorities; return how many of the items are there."""
        is_here = (ids >= self.oldest_id) & (ids < self.next_id)
        if not is_here.any():
            return 0
        found = priorities[is_here]
        self._tree.set(ids[is_here] % self.bounds.items, found**self.bounds.alpha)
        self.greatest_priority = max(self.greatest_priority, float(found.max()))
        return int(is_here.sum())

    def _present(self, ids: Ids) -> Ids:
        return ids[(ids >= self.oldest_id) & (ids < self.next_id)]

    # Columns of items that are there.

    def data(self, ids: Ids) -> list[bytes]:
        """Return their bytes."""
        stored = self._data
        return [stored[place] for place in (ids % self.bounds.items).tolist()]

    def experiences_of(self, ids: Ids) -> Counts:
        """Return how many experiences each holds."""
        return self._experiences[ids % self.bounds.items]

    def times_sampled(self, ids: Ids) -> Counts:
        """Return how often each was sampled."""
        return self._times[ids % self.bounds.items]


def _runs(start: int, count: int, ring: int) -> list[tuple[int, int]]:
    """Return the places of consecutive items as one or two ranges."""
    stop = start + count
    return [(start, stop)] if stop <= ring else [(start, ring), (0, stop - ring)]


def _part(items: NewItems, start: int, count: int) -> NewItems:
    part = slice(start, start + count)
    return NewItems(items.data[part], items.experiences[part], items.priorities[part])


def _both(one: Evicted, other: Evicted) -> Evicted:
    return Evicted(one.experiences + other.experiences, one.unsampled + other.unsampled)
