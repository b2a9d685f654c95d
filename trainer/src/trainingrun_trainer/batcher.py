"""What becomes of each received segment, and the account of it.

Segments are sorted into those to train on and those to drop (stale, duplicate, poison). Accounts
are written with the acknowledgement, in the order of arrival: dropping a later segment of an actor
before its earlier one is acknowledged would count the earlier one as lost.

No Redis, no torch and no clock here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from trainingrun_contracts.segment import Segment
from trainingrun_contracts.stream.accounts import Accounts, Fate
from trainingrun_contracts.stream.read import Entry

from trainingrun_trainer.prefetcher import Received

_CAUSES_REPORTED: Final = 3
_CONTRADICTION: Final = "its counts contradict what its actor said before"
_MOST_AHEAD: Final = 10_000
"""Publications by which weights may be newer than ours: a learner that resumed from an old
checkpoint beside a Redis that lost its data counts from there, and its actors are ahead of it."""


@dataclass(frozen=True)
class Collected:
    """What is acknowledged together: segments to train on, and all entries behind them."""

    segments: tuple[Segment, ...]
    entries: tuple[Entry, ...]
    dead_letters: tuple[Received, ...]
    actors: frozenset[str]
    transitions: int
    lag: float | None

    @property
    def causes(self) -> str:
        """Why entries were dead-lettered: the most frequent reasons, each once."""
        counted = Counter(received.poison for received in self.dead_letters)
        return "; ".join(cause for cause, _ in counted.most_common(_CAUSES_REPORTED))


@dataclass
class Batcher:
    """Collects segments until they make a batch."""

    accounts: Accounts
    batch_transitions: int
    max_policy_lag: int
    _segments: list[Segment] = field(default_factory=list)
    _entries: list[Entry] = field(default_factory=list)
    _dead_letters: list[Received] = field(default_factory=list)
    _actors: set[str] = field(default_factory=set)
    _kept: int = 0
    _seen: int = 0
    _lag_sum: float = 0.0

    def has_gap(self, received: Received) -> bool:
        """Return whether transitions of its actor are missing before this entry, by its own
        word."""
        segment = received.segment
        return segment is not None and self.accounts.missing_before(segment.header) > 0

    def add(
        self, received: Received, *, publish: int, produced: int | None = None, now: float = 0.0
    ) -> Fate:
        """Account for one entry.

        Args:
            received: the entry.
            publish: number of the newest weights.
            produced: transitions that the entry's actor has appended by now; None when unknown.
            now: Unix seconds.
        """
        entry, segment = received.entry, received.segment
        self._entries.append(entry)
        self._seen += entry.transitions
        if segment is not None and (why := self._refusal(segment, publish, produced)):
            received = Received(entry, None, f"actor {segment.header.actor!r}: {why}")
            segment = None
        if segment is None:
            self._dead_letters.append(received)
            self.accounts.record_poison(entry.transitions)
            return Fate.POISON
        fate = self._fate(segment, publish)
        self.accounts.record(
            segment.header, segment.transitions, fate, publish=publish, at=int(now)
        )
        self._actors.add(segment.header.actor)
        if fate is Fate.TRAINED:
            self._segments.append(segment)
            self._kept += segment.transitions
            self._lag_sum += float(np.maximum(publish - segment.publishes, 0).sum())
        return fate

    @property
    def is_ready(self) -> bool:
        """Whether it is time to train: when a batch is collected, what is dropped included.

        To wait until a batch of segments to train on is together could be for ever: actors that
        have paused resume when the queue has sunk to ``LOW_WATER_BATCHES``, and what is collected
        here is in the queue until it is acknowledged.
        """
        return self._kept > 0 and self._seen >= self.batch_transitions

    @property
    def held(self) -> tuple[int, int]:
        """Entries that wait for acknowledgement, and their transitions."""
        return len(self._entries), self._seen

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for acknowledgement."""
        return not self._entries

    @property
    def has_segments(self) -> bool:
        """Whether there is anything to train on."""
        return bool(self._segments)

    def collect(self) -> Collected:
        """Hand over all that was collected and begin anew."""
        collected = Collected(
            segments=tuple(self._segments),
            entries=tuple(self._entries),
            dead_letters=tuple(self._dead_letters),
            actors=frozenset(self._actors),
            transitions=self._kept,
            lag=self._lag_sum / self._kept if self._kept else None,
        )
        self._segments, self._entries, self._dead_letters = [], [], []
        self._actors, self._kept, self._seen, self._lag_sum = set(), 0, 0, 0.0
        return collected

    def _refusal(self, segment: Segment, publish: int, produced: int | None) -> str:
        """Return why a segment that decodes cannot be what it says it is; empty when it can."""
        if self.accounts.contradicts(segment.header, segment.transitions, produced=produced):
            return _CONTRADICTION
        ahead = int(segment.publishes.max()) - publish
        return f"its weights are {ahead} publications ahead of ours" if ahead > _MOST_AHEAD else ""

    def _fate(self, segment: Segment, publish: int) -> Fate:
        if self.accounts.is_duplicate(segment.header):
            return Fate.DUPLICATE
        if publish - int(segment.publishes.min()) > self.max_policy_lag:
            return Fate.STALE
        return Fate.TRAINED
