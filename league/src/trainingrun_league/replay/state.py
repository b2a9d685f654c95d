"""What the service knows, as a function of the records of its journal: the table, who sent what,
and the totals.

One class applies a record when it has become durable and when it is read again, so that a restart
is the same computation. Only sampling happens before it is written down: its ids and all totals go
into the journal before the next records do, so that a kill forgets at most the samples since then;
the totals stay consistent, as if those draws had not been.

Pure, but for the generator that it draws with.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from trainingrun_league.replay.limiter import Balance
from trainingrun_league.replay.records import Batch, Counters, Head, Record, Sampled, Update
from trainingrun_league.replay.sources import Sources
from trainingrun_league.replay.table import Evicted, Ids, Sampling, Table, TableBounds

_log = logging.getLogger(__name__)

MOST_UNWRITTEN: Final = 1 << 20
"""Draws that are kept to be written; of more, what they count stays in the totals alone."""


@dataclass(frozen=True)
class Drawn:
    """Sampled items, by columns."""

    ids: list[int]
    data: list[bytes]
    weights: list[float]
    probabilities: list[float]
    times_sampled: list[int]
    experiences: list[int]


class ReplayState:
    """All that is known."""

    def __init__(self, bounds: TableBounds, *, seed: int | None = None) -> None:
        self.table = Table(bounds)
        self.sources = Sources()
        self.counters = Counters()
        self._generator = np.random.default_rng(seed)
        self._unwritten: list[Ids] = []
        self._unwritten_count = 0
        self._largest_item = 0

    @property
    def balance(self) -> Balance:
        """What the limiter decides by."""
        counters = self.counters
        return Balance(counters.recorded, counters.sampled, self.table.experiences)

    @property
    def largest_item(self) -> int:
        """Bytes of the largest item since the start: by it, not by what is drawn, a batch is made
        smaller, or large items would be drawn more rarely."""
        return self._largest_item

    @property
    def head(self) -> Head:
        """What a new file of the journal begins with."""
        table = self.table
        return Head(self.counters, table.next_id, table.greatest_priority, self.sources.marks)

    def restore(self, records: Iterator[Record]) -> None:
        """Take over a journal: its first head says what was before the oldest file that is
        there."""
        head = next(records, None)
        if head is None:
            return
        assert isinstance(head, Head)
        self._begin(head)
        for record in records:
            self.apply(record)

    def _begin(self, head: Head) -> None:
        self.table = Table(self.table.bounds, first_id=head.next_id)
        self.table.greatest_priority = head.greatest_priority
        self.sources = Sources(head.marks)
        self.counters = head.counters

    def apply(self, record: Record) -> int:
        """Apply a record; return how many items an update found.

        A ``Head`` changes nothing: what was before it has been applied.
        """
        match record:
            case Batch():
                self._insert(record)
            case Update(ids, priorities):
                return self.table.update(ids, priorities)
            case Sampled(counters, ids):
                self.table.note_sampled(ids)
                self.counters = counters
            case Head():
                pass
        return 0

    def _insert(self, batch: Batch) -> None:
        if batch.first_id > self.table.next_id:
            _log.error(
                "the items %d to %d are damaged: what is older is left out, too",
                self.table.next_id,
                batch.first_id - 1,
            )
            self._count_evicted(Evicted(self.table.experiences, self.table.unsampled))
            greatest = self.table.greatest_priority
            self.table = Table(self.table.bounds, first_id=batch.first_id)
            self.table.greatest_priority = greatest
        evicted = self.table.insert(batch.items)
        self.sources.record(batch.source, batch.sequence, passed_over=batch.passed_over)
        self._largest_item = max(self._largest_item, *map(len, batch.items.data))
        added = int(batch.items.experiences.sum())
        self._count(recorded=self.counters.recorded + added)
        self._count_evicted(evicted)

    def _count_evicted(self, evicted: Evicted) -> None:
        counters = self.counters
        self._count(
            evicted=counters.evicted + evicted.experiences,
            evicted_unsampled=counters.evicted_unsampled + evicted.unsampled,
        )

    def count_archived(self, experiences: int, *, through: int) -> None:
        """A file is in the archive, with items up to this id."""
        archived = self.counters.archived + experiences
        self._count(archived=archived, archived_through=through)

    def _count(self, **changes: int) -> None:
        self.counters = msgspec.structs.replace(self.counters, **changes)

    def draw(self, size: int, sampling: Sampling, *, beta: float) -> Drawn:
        """Draw items of a table that is not empty, and count them as sampled."""
        table = self.table
        draw = table.draw(size, sampling, beta=beta, generator=self._generator)
        experiences = table.experiences_of(draw.ids)
        fresh = table.note_sampled(draw.ids)
        self._count(
            sampled=self.counters.sampled + int(experiences.sum()),
            first_sampled=self.counters.first_sampled + fresh,
        )
        if self._unwritten_count < MOST_UNWRITTEN:
            self._unwritten.append(draw.ids)
            self._unwritten_count += size
        return Drawn(
            ids=draw.ids.tolist(),
            data=table.data(draw.ids),
            weights=draw.weights.tolist(),
            probabilities=draw.probabilities.tolist(),
            times_sampled=table.times_sampled(draw.ids).tolist(),
            experiences=experiences.tolist(),
        )

    @property
    def has_unwritten(self) -> bool:
        """Whether something was sampled that the journal does not know."""
        return bool(self._unwritten)

    def take_unwritten(self) -> Sampled:
        """Return what was sampled since the last time, and the totals, to be written now."""
        ids = np.concatenate(self._unwritten) if self._unwritten else np.zeros(0, np.int64)
        self._unwritten, self._unwritten_count = [], 0
        return Sampled(self.counters, ids)

    def return_unwritten(self, sampled: Sampled) -> None:
        """It could not be written: the next time, again."""
        if len(sampled.ids):
            self._unwritten.insert(0, sampled.ids)
            self._unwritten_count += len(sampled.ids)
