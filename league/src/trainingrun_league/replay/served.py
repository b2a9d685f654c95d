"""One table as it is served: with its own journal, limiter and senders.

It checks (``requests``), waits for its turn (``gate``), has it written down (``recorder``) or draws
(``state``), and answers. All of it is one thread's: only the journal has another one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, TypeVar

from trainingrun_contracts import metrics
from trainingrun_contracts.league.v1 import replay_pb2 as pb

from trainingrun_league.artefacts.place import ArtefactPlace
from trainingrun_league.errors import LeagueError, NotFound, Reused
from trainingrun_league.replay.archive import Archiver, archive_whole
from trainingrun_league.replay.figures import Figures, Rate, Readers
from trainingrun_league.replay.gate import Gate, Room
from trainingrun_league.replay.journal import Journal
from trainingrun_league.replay.life import Use
from trainingrun_league.replay.limiter import Balance, readable
from trainingrun_league.replay.options import ReplayOptions
from trainingrun_league.replay.recorder import Recorder
from trainingrun_league.replay.records import Batch
from trainingrun_league.replay.requests import (
    USUAL_WAIT,
    ToSample,
    batch_of,
    fitting,
    update_of,
    wait_of,
)
from trainingrun_league.replay.state import Drawn, ReplayState

MOST_KEYS: Final = 4096
"""Idempotency keys that are remembered; not across restarts, where to set a priority again is
harmless."""

_Key = tuple[str, int]
Streamed = pb.StreamExperienceBatchesResponse
A = TypeVar("A", pb.GetExperienceBatchResponse, pb.StreamExperienceBatchesResponse)


class ServedTable:
    """A table while the service runs; ``run`` must run.

    Attributes:
        options: that it was opened with.
    """

    def __init__(
        self,
        options: ReplayOptions,
        journal: Journal,
        *,
        room: Room,
        place: ArtefactPlace | None = None,
    ) -> None:
        self.options = options
        self._state = ReplayState(options.bounds)
        self._state.restore(journal.read())
        self._journal = journal
        self._is_dropped = False
        self._calls = 0
        self._last_used = monotonic()
        self._gate = Gate(options.ratio, self._balance, clock=monotonic)
        self._room = room
        self._recorder = Recorder(self._state, journal, applied=self._gate.changed)
        self._archiver = Archiver(
            self._state,
            journal,
            self._recorder,
            place=place,
            most_waiting=options.most_waiting,
        )
        self._under_way: dict[_Key, asyncio.Future[None]] = {}
        self._updates: OrderedDict[str, tuple[bytes, pb.UpdatePrioritiesResponse]] = OrderedDict()
        self._recorded = Rate(monotonic)
        self._sampled = Rate(monotonic)
        self._readers = Readers()

    def limit(self, options: ReplayOptions) -> None:
        """Take over another limiter; who waits is judged by it."""
        self.options = options
        self._gate.ratio = options.ratio
        self._gate.changed()

    def use(self, wait_seconds: float) -> Use:
        """How it is used, where a silent client counts as using it for these seconds."""
        return Use(self._calls, monotonic() - self._last_used, wait_seconds)

    def touch(self) -> None:
        """Somebody uses it."""
        self._last_used = monotonic()

    def drop(self) -> None:
        """Refuse all calls from now on, those that wait for the limiter, too."""
        self._is_dropped = True
        self._gate.changed()

    async def archive_to(self, place: ArtefactPlace, folder: str) -> None:
        """Write all that it holds to a place; it must be closed.

        Raises:
            Unavailable: the place cannot be reached, or is full.
        """
        await archive_whole(place, folder, self._journal, next_id=self._state.table.next_id)

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Around each call that records, samples or sets priorities."""
        self._require_there()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._last_used = monotonic()

    def _require_there(self) -> None:
        if self._is_dropped:
            raise NotFound("the table was dropped while the call waited; open it first")

    def _balance(self) -> Balance:
        """What the limiter decides by; it wakes who waits when the table is dropped."""
        self._require_there()
        return self._state.balance

    async def run(self) -> None:
        """Write what comes, and take away what is not needed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recorder.run())
            tasks.create_task(self._archiver.run())

    async def close(self) -> None:
        """Write down what was sampled, and let go of the journal."""
        await self._recorder.close()

    async def record(self, request: pb.RecordExperienceRequest) -> pb.RecordExperienceResponse:
        """Record a batch; durable when this returns."""
        with self._used():
            return await self._recorded_batch(request)

    async def _recorded_batch(
        self, request: pb.RecordExperienceRequest
    ) -> pb.RecordExperienceResponse:
        key = (request.source, request.sequence)
        self._state.sources.require_possible(*key, passed_over=request.passed_over)
        wait = wait_of(request.wait) if request.HasField("wait") else USUAL_WAIT
        while key in self._under_way:  # its repetition waits for what becomes of it
            await asyncio.wait([self._under_way[key]])
        if self._state.sources.is_known(*key):
            return pb.RecordExperienceResponse(repeated_batch=True)
        batch, size = batch_of(request)
        self._room.take(size)
        self._under_way[key] = asyncio.get_running_loop().create_future()
        written: asyncio.Future[int] | None = None
        try:
            written = await self._submitted(batch, size, wait=wait)
        finally:
            if written is None:
                self._end(key, size)
        if written is None:
            return pb.RecordExperienceResponse(held=True)
        written.add_done_callback(lambda done: self._end_write(key, batch, size, done))
        await asyncio.shield(written)
        return pb.RecordExperienceResponse()

    async def _submitted(
        self, batch: Batch, size: int, *, wait: float
    ) -> asyncio.Future[int] | None:
        """Put a batch in the row when its turn has come; None where it did not."""
        experiences = int(batch.items.experiences.sum())
        if not await self._gate.write(experiences, wait=wait):
            return None
        try:
            return self._recorder.submit(batch, size=size)
        except LeagueError:
            self._gate.written(experiences)
            raise

    def _end_write(self, key: _Key, batch: Batch, size: int, written: asyncio.Future[int]) -> None:
        """Whether or not its caller is still there: it is in the table, or was refused."""
        experiences = int(batch.items.experiences.sum())
        self._end(key, size)
        self._gate.written(experiences)
        if written.exception() is None:
            self._recorded.add(experiences)

    def _end(self, key: _Key, size: int) -> None:
        self._under_way.pop(key).set_result(None)
        self._room.release(size)

    async def sample(self, wanted: ToSample, answer: A) -> A:
        """Return the answer with the items; with none where the limiter held the call until its
        end."""
        size = fitting(wanted.size, largest_item=self._state.largest_item)
        with self._used():
            drawn = await self._gate.read(
                lambda: self._state.draw(size, wanted.sampling, beta=wanted.beta), wait=wanted.wait
            )
        if drawn is None:
            return answer
        experiences = sum(drawn.experiences)
        self._sampled.add(experiences)
        self._readers.add(wanted.reader, experiences)
        _fill(answer, drawn)
        return answer

    async def update(self, request: pb.UpdatePrioritiesRequest) -> pb.UpdatePrioritiesResponse:
        """Set priorities; durable when this returns."""
        key = request.idempotency_key
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        if key and key in self._updates:
            before, answer = self._updates[key]
            if before != digest:
                raise Reused(f"idempotency_key {key!r} came with other priorities before")
            return answer
        update = update_of(request)
        with self._used():
            updated = await self._recorder.submit(update, size=16 * len(update.ids))
        answer = pb.UpdatePrioritiesResponse(updated=updated, unknown=len(update.ids) - updated)
        if key:
            self._updates[key] = (digest, answer)
            if len(self._updates) > MOST_KEYS:
                self._updates.popitem(last=False)
        return answer

    def stats(self) -> pb.GetStatsResponse:
        """Return how it goes."""
        table, counters = self._state.table, self._state.counters
        return pb.GetStatsResponse(
            items=len(table),
            experiences=table.experiences,
            bytes=table.bytes,
            recorded=counters.recorded,
            sampled=counters.sampled,
            evicted=counters.evicted,
            archived=counters.archived,
            sum_of_priorities=table.sum_of_priorities,
            samples_per_insert=counters.sampled / counters.recorded if counters.recorded else 0.0,
            recorded_per_second=self._recorded.per_second,
            sampled_per_second=self._sampled.per_second,
            writers_held_seconds=self._gate.writers_held_seconds,
            readers_held_seconds=self._gate.readers_held_seconds,
            readable=readable(self._gate.ratio, self._state.balance),
            first_sampled=counters.first_sampled,
            stored_unsampled=table.unsampled,
            evicted_unsampled=counters.evicted_unsampled,
            journal_bytes=self._journal.size,
        )

    def figures(self) -> Figures:
        """Return the same for the metrics."""
        table, counters = self._state.table, self._state.counters
        return Figures(
            values={
                metrics.LEAGUE_REPLAY_RECORDED: counters.recorded,
                metrics.LEAGUE_REPLAY_SAMPLED: counters.sampled,
                metrics.LEAGUE_REPLAY_FIRST_SAMPLED: counters.first_sampled,
                metrics.LEAGUE_REPLAY_EVICTED: counters.evicted,
                metrics.LEAGUE_REPLAY_EVICTED_UNSAMPLED: counters.evicted_unsampled,
                metrics.LEAGUE_REPLAY_ARCHIVED: counters.archived,
                metrics.LEAGUE_REPLAY_ITEMS: len(table),
                metrics.LEAGUE_REPLAY_EXPERIENCES: table.experiences,
                metrics.LEAGUE_REPLAY_BYTES: table.bytes,
                metrics.LEAGUE_REPLAY_READABLE: readable(self._gate.ratio, self._state.balance),
                metrics.LEAGUE_REPLAY_JOURNAL_BYTES: self._journal.size,
                metrics.LEAGUE_REPLAY_JOURNAL_FAILING: float(self._recorder.failure is not None),
                metrics.LEAGUE_REPLAY_ARCHIVE_FAILURES: self._archiver.failures,
                metrics.LEAGUE_REPLAY_FILES_UNARCHIVED: self._archiver.unarchived,
            },
            held_seconds={
                "writers": self._gate.writers_held_seconds,
                "readers": self._gate.readers_held_seconds,
            },
            readers=dict(self._readers.sampled),
        )


def _fill(answer: pb.GetExperienceBatchResponse | Streamed, drawn: Drawn) -> None:
    """Write items where they stand in the answer: an item that is made by itself is copied into it,
    and arguments by name take longer than fields, together twice the time."""
    add = answer.items.add
    for item_id, data, weight, probability, times, experiences in zip(
        drawn.ids,
        drawn.data,
        drawn.weights,
        drawn.probabilities,
        drawn.times_sampled,
        drawn.experiences,
        strict=True,
    ):
        item = add()
        item.id = item_id
        item.data = data
        item.weight = weight
        item.probability = probability
        item.times_sampled = times
        item.experiences = experiences
