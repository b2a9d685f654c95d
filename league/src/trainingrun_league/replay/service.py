"""The servicer: which table a call of the Replay service is about, and the streams of calls.

The service's own table has no name, the service's settings and the folder ``replay``. Others are
opened by name, each with settings, a limiter and a folder of its own, ``replay/tables/NAME``: what
one holds, holds no other. They share the memory of what is under way.

Not here: what a call does to its table (``served``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc.aio
from trainingrun_contracts import metrics
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import (
    ReplayServiceServicer,
    add_ReplayServiceServicer_to_server,
)

from trainingrun_league.declaration import Host
from trainingrun_league.replay.figures import Figures, ReplayMetrics, together
from trainingrun_league.replay.gate import Room
from trainingrun_league.replay.requests import ToSample, sample_of
from trainingrun_league.replay.tables import Tables

READ_AHEAD: Final = 8
"""Batches of one stream that are under way."""
STREAM_WAIT: Final = 1.0
"""A held stream of batches gets an empty one at most this often, in seconds."""


class ReplayService(ReplayServiceServicer):
    """The service while it runs; made by :func:`start`."""

    def __init__(self, host: Host) -> None:
        self._room = Room()
        self._tables = Tables(host, self._room)
        host.metrics.register(ReplayMetrics(self._figures))

    # As a service.

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the servicer."""
        add_ReplayServiceServicer_to_server(self, server)

    async def run(self) -> None:
        """Write what comes, and take away what is not needed."""
        await self._tables.run()

    async def is_ready(self) -> str:
        """It always serves: with a full disk, what is there can be sampled."""
        return ""

    async def close(self) -> None:
        """Write down what was sampled, and let go of the journals."""
        await self._tables.close()

    async def OpenTable(self, request: pb.OpenTableRequest, _context: Any) -> pb.OpenTableResponse:
        """Make a table, or see that it is there."""
        return pb.OpenTableResponse(created=await self._tables.open(request))

    async def ListTables(
        self, request: pb.ListTablesRequest, _context: Any
    ) -> pb.ListTablesResponse:
        """Return the tables that have a name."""
        return pb.ListTablesResponse(tables=self._tables.list(request.keeper))

    async def DropTable(self, request: pb.DropTableRequest, _context: Any) -> pb.DropTableResponse:
        """Remove a table with all that it holds."""
        return await self._tables.drop(request)

    async def MarkTables(
        self, request: pb.MarkTablesRequest, _context: Any
    ) -> pb.MarkTablesResponse:
        """Take over which runs are over and which are not."""
        return pb.MarkTablesResponse(changed=self._tables.mark(request))

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
        return await self._tables.used(request.table).record(request)

    # Sampling.

    async def GetExperienceBatch(
        self, request: pb.GetExperienceBatchRequest, _context: Any
    ) -> pb.GetExperienceBatchResponse:
        """Sample a batch."""
        wanted, answer = sample_of(request), pb.GetExperienceBatchResponse()
        return await self._tables.used(request.table).sample(wanted, answer)

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
            table = self._tables.used(request.request.table)
            yield await table.sample(patient, pb.StreamExperienceBatchesResponse())

    async def UpdatePriorities(
        self, request: pb.UpdatePrioritiesRequest, _context: Any
    ) -> pb.UpdatePrioritiesResponse:
        """Set priorities; durable when this returns."""
        return await self._tables.used(request.table).update(request)

    # Figures.

    async def GetStats(self, request: pb.GetStatsRequest, _context: Any) -> pb.GetStatsResponse:
        """Say how it goes."""
        return self._tables.named(request.table).stats()

    def _figures(self) -> Figures:
        tables = self._tables
        counts = Figures(
            {
                metrics.LEAGUE_REPLAY_TABLES: tables.named_count,
                metrics.LEAGUE_REPLAY_TABLES_DROPPED: tables.dropped,
            },
            {},
            {},
        )
        return together([counts, tables.retired, *(table.figures() for table in tables.all)])


async def start(host: Host) -> ReplayService:
    """Start the service on what its journals have.

    Raises:
        InvalidRequest: a setting is out of its bounds.
        Conflict: another process has the folder.
        Unavailable: a journal cannot be read.
    """
    return ReplayService(host)
