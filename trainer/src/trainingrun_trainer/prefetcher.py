"""From the stream to decoded segments, a few batches ahead of the training.

A thread reads and decodes into a bounded ring, so that training never waits for Redis while there
is data; the bound is in transitions. It takes what is pending first, in order, and again after
every broken connection, because a reply that was lost on the way is pending too. What it has handed
out and what is not acknowledged is remembered, so that nothing is taken twice.

Not here: what becomes of a segment (``batcher``) and acknowledgement (``learner``).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE, EnvironmentSpec, Vocabulary
from trainingrun_contracts.segment import Segment, SegmentError, decode
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.read import DEAD_LETTER_BYTES, Entry, RolloutReader

from trainingrun_trainer.link import RedisLink
from trainingrun_trainer.stop import StopRequested

_READ_COUNT: Final = 16
_BLOCK_MILLISECONDS: Final = 500
_RECLAIM_SECONDS: Final = 30.0
_RECLAIM_IDLE_MILLISECONDS: Final = 60_000
_LEAST_ROOM: Final = 8
_FLUSH_RECLAIM_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Received:
    """One entry of the stream. Either ``segment`` is there or ``poison`` says why not."""

    entry: Entry
    segment: Segment | None
    poison: str = ""

    @property
    def room(self) -> int:
        """What it takes of the ring; also an entry that says it has nothing takes some."""
        return max(self.entry.transitions, _LEAST_ROOM)


def open_entry(
    entry: Entry, *, run_id: str, spec: EnvironmentSpec, is_searched: bool = False
) -> Received:
    """Decode an entry and see that it is for this run and this encoding, and, where the run's moves
    are searched, that it says what was found. Of a poisoned one, only what a dead letter holds is
    kept; where its actor is known, the reason names it."""
    header: SegmentHeader | None = None
    try:
        segment = decode(entry.payload)
        header = segment.header
        if header.run_id != run_id:
            raise SegmentError(f"it belongs to the run {header.run_id}")
        _check_encoding(segment, spec)
        if is_searched:
            _check_targets(segment, spec)
        if segment.transitions != entry.transitions:
            raise SegmentError(
                f"it has {segment.transitions} steps, its entry says {entry.transitions}"
            )
    except SegmentError as error:
        beginning = entry.payload[:DEAD_LETTER_BYTES]
        actor = error.actor or ("" if header is None else header.actor)
        why = f"actor {actor!r}: {error}" if actor else str(error)
        return Received(Entry(entry.entry_id, beginning, entry.transitions), None, why)
    return Received(entry, segment)


def _check_encoding(segment: Segment, spec: EnvironmentSpec) -> None:
    """Raise SegmentError unless the arrays are those of the environment."""
    found = segment.header.schema_hash
    if found != spec.schema_hash:
        raise SegmentError(f"observation encoding {found}, not {spec.schema_hash}")
    widths = (spec.state_width, spec.action_width)
    if (segment.states.shape[1], segment.actions.shape[1]) != widths:
        raise SegmentError("the features have other widths than the encoding says")
    if isinstance(spec.actions, Vocabulary) and len(segment.actions):
        numbers = segment.actions.astype(np.float32) * VOCABULARY_SCALE
        least, greatest = float(numbers.min()), float(numbers.max())
        if not (least >= 0 and greatest < spec.actions.size):
            raise SegmentError(f"an action is not in the vocabulary of {spec.actions.size}")


def _check_targets(segment: Segment, spec: EnvironmentSpec) -> None:
    """Raise SegmentError unless AlphaZero can be trained on it."""
    if segment.targets is None:
        raise SegmentError("it has no targets of a search, and this run trains by AlphaZero")
    most = int(np.diff(segment.offsets).max())
    if most > spec.action_inputs:
        raise SegmentError(f"a step has {most} legal actions of a vocabulary of less")


class Prefetcher:
    """The ring and the thread that fills it."""

    def __init__(
        self,
        link: RedisLink,
        reader: RolloutReader,
        *,
        run_id: str,
        spec: EnvironmentSpec,
        capacity: int,
        is_searched: bool = False,
    ) -> None:
        self._link = link
        self._reader = reader
        self._run_id = run_id
        self._spec = spec
        self._is_searched = is_searched
        self._capacity = capacity
        self._ring: deque[Received] = deque()
        self._held = 0
        self._unacknowledged: set[bytes] = set()
        self._changed = threading.Condition()
        self._closing = False
        self._flushing = False
        self._empty_reads = 0
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._thread: Future[None] | None = None

    def start(self) -> None:
        """Start reading."""
        self._thread = self._executor.submit(self._run)

    def close(self) -> None:
        """Stop reading; what was not acknowledged stays pending in Redis."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def take(self, *, seconds: float) -> Received | None:
        """Return the oldest entry, waiting at most ``seconds``; raise what ended the reader."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._ring) or self._ended, timeout=seconds)
            if not self._ring:
                if self._thread is not None and self._thread.done():
                    self._thread.result()
                return None
            received = self._ring.popleft()
            self._held -= received.room
            self._changed.notify_all()
        return received

    def release(self, entries: Iterable[Entry]) -> None:
        """These entries are acknowledged."""
        with self._changed:
            self._unacknowledged.difference_update(entry.entry_id for entry in entries)

    def begin_flush(self) -> None:
        """From now on claim abandoned entries often, and count reads that found nothing."""
        with self._changed:
            if not self._flushing:
                self._flushing, self._empty_reads = True, 0

    @property
    def is_dry(self) -> bool:
        """Whether, since the flush began, two reads in a row have found nothing."""
        with self._changed:
            return self._empty_reads >= 2 and not self._ring

    @property
    def _ended(self) -> bool:
        return self._thread is not None and self._thread.done()

    def _run(self) -> None:
        """Until closed: pending entries, then new ones; from the start after every outage."""
        while not self._closing:
            try:
                self._link.persist(self._read_on, what="reading rollouts")
            except StopRequested:
                return

    def _read_on(self) -> None:
        self._receive(self._reader.pending())
        claimed_at = time.monotonic()
        while not self._closing:
            entries = self._reader.read(count=_READ_COUNT, block_milliseconds=_BLOCK_MILLISECONDS)
            found = self._receive(entries)
            flushing = self._flushing
            every = _FLUSH_RECLAIM_SECONDS if flushing else _RECLAIM_SECONDS
            if time.monotonic() - claimed_at >= every:
                idle = 0 if flushing else _RECLAIM_IDLE_MILLISECONDS
                found += self._receive(self._reader.pending(idle_milliseconds=idle))
                claimed_at = time.monotonic()
            with self._changed:
                self._empty_reads = 0 if found else self._empty_reads + 1

    def _receive(self, entries: Iterable[Entry]) -> int:
        """Put entries into the ring, waiting for room; returns how many were new to us."""
        found = 0
        for entry in entries:
            with self._changed:
                if entry.entry_id in self._unacknowledged:
                    continue
                self._unacknowledged.add(entry.entry_id)
            received = open_entry(
                entry, run_id=self._run_id, spec=self._spec, is_searched=self._is_searched
            )
            found += 1
            with self._changed:
                self._changed.wait_for(lambda: self._held < self._capacity or self._closing)
                self._ring.append(received)
                self._held += received.room
                self._changed.notify_all()
        return found
