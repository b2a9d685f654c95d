"""The servicer: what each call of the Replay service does.

It checks (``requests``), waits for its turn (``gate``), has it written down (``recorder``) or draws
(``state``), and answers. All of it is one thread's: only the journal has another one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, Final

import grpc.aio
from trainingrun_contracts import metrics
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import (
    ReplayServiceServicer,
    add_ReplayServiceServicer_to_server,
)

from trainingrun_league.declaration import Host
from trainingrun_league.errors import LeagueError, Reused
from trainingrun_league.replay.archive import Archiver
from trainingrun_league.replay.figures import Figures, Rate, Readers, ReplayMetrics
from trainingrun_league.replay.gate import Gate, Room
from trainingrun_league.replay.journal import Journal
from trainingrun_league.replay.limiter import readable
from trainingrun_league.replay.options import ReplayOptions
from trainingrun_league.replay.recorder import Recorder
from trainingrun_league.replay.records import Batch
from trainingrun_league.replay.requests import (
    USUAL_WAIT,
    ToSample,
    batch_of,
    fitting,
    sample_of,
    update_of,
    wait_of,
)
from trainingrun_league.replay.state import Drawn, ReplayState
from trainingrun_league.settings import ServiceName

READ_AHEAD: Final = 8
"""Batches of one stream that are under way."""
STREAM_WAIT: Final = 1.0
"""A held stream of batches gets an empty one at most this often, in seconds."""
MOST_KEYS: Final = 4096
"""Idempotency keys that are remembered; not across restarts, where to set a priority again is
harmless."""

_Key = tuple[str, int]


class ReplayService(ReplayServiceServicer):
    """The service while it runs; made by :func:`start`."""

    def __init__(self, options: ReplayOptions, journal: Journal, host: Host) -> None:
        self._state = ReplayState(options.bounds)
        self._state.restore(journal.read())
        self._journal = journal
        self._gate = Gate(options.ratio, lambda: self._state.balance, clock=monotonic)
        self._room = Room()
        self._recorder = Recorder(self._state, journal, applied=self._gate.changed)
        self._archiver = Archiver(
            self._state,
            journal,
            self._recorder,
            place=host.artefacts if options.archive else None,
            most_waiting=options.most_waiting,
        )
        self._under_way: dict[_Key, asyncio.Future[None]] = {}
        self._updates: OrderedDict[str, tuple[bytes, pb.UpdatePrioritiesResponse]] = OrderedDict()
        self._recorded = Rate(monotonic)
        self._sampled = Rate(monotonic)
        self._readers = Readers()
        host.metrics.register(ReplayMetrics(self._figures))

    # As a service.

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the servicer."""
        add_ReplayServiceServicer_to_server(self, server)

    async def run(self) -> None:
        """Write what comes, and take away what is not needed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recorder.run())
            tasks.create_task(self._archiver.run())

    async def is_ready(self) -> str:
        """It always serves: with a full disk, what is there can be sampled."""
        return ""

    async def close(self) -> None:
        """Write down what was sampled, and let go of the journal."""
        await self._recorder.close()

    # Recording.

    async def RecordExperience(
        self, request: pb.RecordExperienceRequest, _context: Any
    ) -> pb.RecordExperienceResponse:
        """Record a batch; durable when this returns."""
        return await self._record(request)

    async def StreamExperience(
        self, request_iterator: AsyncIterator[pb.StreamExperienceRequest], _context: Any
    ) -> AsyncIterator[pb.StreamExperienceResponse]:
        """Record batch after batch; some are under way while the next are read."""
        answers: asyncio.Queue[tuple[int, asyncio.Task[pb.RecordExperienceResponse]] | None]
        answers = asyncio.Queue(READ_AHEAD)
        reading = asyncio.ensure_future(self._read_batches(request_iterator, answers))
        task: asyncio.Task[pb.RecordExperienceResponse] | None = None
        try:
            while (answer := await answers.get()) is not None:
                sequence, task = answer
                yield pb.StreamExperienceResponse(sequence=sequence, result=await task)
            await reading
        finally:
            reading.cancel()
            rest = [] if task is None else [task]
            while not answers.empty():
                left = answers.get_nowait()
                rest += [] if left is None else [left[1]]
            for each in rest:
                each.cancel()
            await asyncio.gather(reading, *rest, return_exceptions=True)

    async def _read_batches(
        self,
        requests: AsyncIterator[pb.StreamExperienceRequest],
        answers: asyncio.Queue[tuple[int, asyncio.Task[pb.RecordExperienceResponse]] | None],
    ) -> None:
        try:
            async for request in requests:
                await self._room.wait()
                batch = request.batch
                await answers.put((batch.sequence, asyncio.create_task(self._record(batch))))
        finally:
            await answers.put(None)

    async def _record(self, request: pb.RecordExperienceRequest) -> pb.RecordExperienceResponse:
        key = (request.source, request.sequence)
        self._state.sources.require_possible(*key)
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

    # Sampling.

    async def GetExperienceBatch(
        self, request: pb.GetExperienceBatchRequest, _context: Any
    ) -> pb.GetExperienceBatchResponse:
        """Sample a batch."""
        return pb.GetExperienceBatchResponse(items=await self._sample(sample_of(request)))

    async def StreamExperienceBatches(
        self, request: pb.StreamExperienceBatchesRequest, _context: Any
    ) -> AsyncIterator[pb.StreamExperienceBatchesResponse]:
        """Sample batch after batch, until the reader goes away."""
        wanted = sample_of(request.request)
        patient = ToSample(
            wanted.size,
            wanted.sampling,
            wanted.beta,
            max(STREAM_WAIT, wanted.wait),
            wanted.reader,
        )
        while True:
            yield pb.StreamExperienceBatchesResponse(items=await self._sample(patient))

    async def _sample(self, wanted: ToSample) -> list[pb.SampledItem]:
        """Return the items; none where the limiter held the call until its end."""
        size = fitting(wanted.size, largest_item=self._state.largest_item)
        drawn = await self._gate.read(
            lambda: self._state.draw(size, wanted.sampling, beta=wanted.beta), wait=wanted.wait
        )
        if drawn is None:
            return []
        experiences = sum(drawn.experiences)
        self._sampled.add(experiences)
        self._readers.add(wanted.reader, experiences)
        return _messages(drawn)

    async def UpdatePriorities(
        self, request: pb.UpdatePrioritiesRequest, _context: Any
    ) -> pb.UpdatePrioritiesResponse:
        """Set priorities; durable when this returns."""
        key = request.idempotency_key
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        if key and key in self._updates:
            before, answer = self._updates[key]
            if before != digest:
                raise Reused(f"idempotency_key {key!r} came with other priorities before")
            return answer
        update = update_of(request)
        updated = await self._recorder.submit(update, size=16 * len(update.ids))
        answer = pb.UpdatePrioritiesResponse(updated=updated, unknown=len(update.ids) - updated)
        if key:
            self._updates[key] = (digest, answer)
            if len(self._updates) > MOST_KEYS:
                self._updates.popitem(last=False)
        return answer

    # Figures.

    async def GetStats(self, _request: pb.GetStatsRequest, _context: Any) -> pb.GetStatsResponse:
        """Say how it goes."""
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

    def _figures(self) -> Figures:
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


def _messages(drawn: Drawn) -> list[pb.SampledItem]:
    return [
        pb.SampledItem(
            id=item,
            data=data,
            weight=weight,
            probability=probability,
            times_sampled=times,
            experiences=experiences,
        )
        for item, data, weight, probability, times, experiences in zip(
            drawn.ids,
            drawn.data,
            drawn.weights,
            drawn.probabilities,
            drawn.times_sampled,
            drawn.experiences,
            strict=True,
        )
    ]


async def start(host: Host) -> ReplayService:
    """Start the service on what its journal has.

    Raises:
        InvalidRequest: a setting is out of its bounds.
        Conflict: another process has the folder.
        Unavailable: the journal cannot be read.
    """
    options = host.settings.section(ServiceName.REPLAY, ReplayOptions)
    journal = Journal.open(host.settings.folder / "replay", file_bytes=options.file_bytes)
    return ReplayService(options, journal, host)
