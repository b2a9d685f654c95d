"""Segments between their making and their safe arrival, with the numbers that the ledger needs.

Pure bookkeeping, no I/O. A segment gets its sequence number and its ``produced_before`` when it is
added, waits until it is sent, and is kept a little longer, because a Redis that is killed may
forget its last second. ``rewind`` brings both sides in step again from the last sequence number
that Redis has.

Invariant: entries are in order of their numbers, ``sent`` before ``waiting``; ``discarded_before``
of an entry counts exactly the transitions of earlier entries that were thrown away. Entries that
may have arrived (a send was tried) are never thrown away, else they would count twice.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_contracts.segment import Segment
from trainingrun_contracts.segment_header import SegmentHeader

SPOOL_BYTES: Final = 32 * 1024 * 1024
KEPT_BYTES: Final = 4 * 1024 * 1024
KEPT_SECONDS: Final = 5.0


class Entry(Struct):
    """A numbered segment."""

    segment: Segment
    seq: int
    produced_before: int
    discarded_before: int
    size: int
    sent_at: float = 0.0

    @property
    def header(self) -> SegmentHeader:
        """The segment's header with its final numbers."""
        return msgspec.structs.replace(
            self.segment.header,
            seq=self.seq,
            produced_before=self.produced_before,
            discarded_before=self.discarded_before,
        )

    def numbered(self) -> Segment:
        """Return the segment as it goes into the queue."""
        return msgspec.structs.replace(self.segment, header=self.header)


class Spool:
    """The segments of one actor that are not known to be safe."""

    def __init__(
        self,
        *,
        spool_bytes: int = SPOOL_BYTES,
        kept_bytes: int = KEPT_BYTES,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._limit = spool_bytes
        self._kept_limit = kept_bytes
        self._kept_seconds = kept_seconds
        self._waiting: deque[Entry] = deque()
        self._sent: deque[Entry] = deque()
        self._tried = 0
        self._waiting_bytes = 0
        self._sent_bytes = 0
        self.waiting_transitions = 0  # those that have not been sent
        self._next_seq = 0
        self.produced = 0
        self.discarded = 0

    @property
    def segments(self) -> int:
        """Segments added so far."""
        return self._next_seq

    @property
    def waiting(self) -> int:
        """Segments that have not been sent."""
        return len(self._waiting)

    @property
    def is_empty(self) -> bool:
        """Whether everything has been sent."""
        return not self._waiting

    @property
    def is_keeping(self) -> bool:
        """Whether sent segments are still kept, or any are waiting."""
        return bool(self._sent or self._waiting)

    def add(self, segment: Segment) -> None:
        """Number a segment and let it wait; throws the oldest away when there is no room."""
        size = segment.states.nbytes + segment.actions.nbytes + 2048
        if segment.targets is not None:
            size += segment.targets.policies.nbytes
        entry = Entry(segment, self._next_seq, self.produced, self.discarded, size)
        self._next_seq += 1
        self.produced += segment.transitions
        self._waiting.append(entry)
        self._waiting_bytes += size
        self.waiting_transitions += segment.transitions
        while self._waiting_bytes > self._limit and len(self._waiting) > self._tried + 1:
            self._discard(self._tried)

    def next_batch(self, *, most_bytes: int) -> list[Entry]:
        """Return the oldest waiting entries, at least one if there is any; they count as tried."""
        batch: list[Entry] = []
        total = 0
        for entry in self._waiting:
            total += entry.size
            if batch and total > most_bytes:
                break
            batch.append(entry)
        self._tried = max(self._tried, len(batch))
        return batch

    def mark_sent(self, count: int, *, now: float) -> None:
        """The first ``count`` waiting entries have arrived."""
        for _ in range(count):
            self._move_to_sent(now)
        self._tried = 0
        self.forget_old(now=now)

    def forget_old(self, *, now: float) -> None:
        """Let go of sent segments that are old, or more than may be kept."""
        while self._sent:
            oldest = self._sent[0]
            fits = self._sent_bytes <= self._kept_limit
            if fits and now - oldest.sent_at < self._kept_seconds:
                return
            self._sent.popleft()
            self._sent_bytes -= oldest.size

    def rewind(self, last_appended: int, *, now: float) -> None:
        """Redis has everything up to this sequence number and nothing beyond (-1: nothing)."""
        while self._sent and self._sent[-1].seq > last_appended:
            entry = self._sent.pop()
            self._sent_bytes -= entry.size
            self._waiting.appendleft(entry)
            self._waiting_bytes += entry.size
            self.waiting_transitions += entry.segment.transitions
        while self._waiting and self._waiting[0].seq <= last_appended:
            self._move_to_sent(now)
        self._tried = 0

    def _move_to_sent(self, now: float) -> None:
        entry = self._waiting.popleft()
        self._waiting_bytes -= entry.size
        self.waiting_transitions -= entry.segment.transitions
        entry.sent_at = now
        self._sent.append(entry)
        self._sent_bytes += entry.size

    def _discard(self, position: int) -> None:
        entry = self._waiting[position]
        del self._waiting[position]
        lost = entry.segment.transitions
        self._waiting_bytes -= entry.size
        self.waiting_transitions -= lost
        self.discarded += lost
        for later in list(self._waiting)[position:]:
            later.discarded_before += lost
