"""The Elo service as its process starts it."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from trainingrun_contracts.league.v1 import elo_pb2_grpc

from trainingrun_league.declaration import Host, ServiceDeclaration
from trainingrun_league.elo.fitting import FitMetrics, Fitting
from trainingrun_league.elo.servicer import EloServicer
from trainingrun_league.settings import ServiceName


class EloService:
    """See ``declaration.Service``."""

    def __init__(self, host: Host) -> None:
        self._fitting = Fitting(host.engine, FitMetrics(host.metrics), host.clock)
        self._servicer = EloServicer(host, self._fitting)

    async def prepare(self) -> None:
        """Fit once."""
        await self._fitting.fit()

    def add_to(self, server: grpc.aio.Server) -> None:
        """See ``Service``."""
        servicer: Any = self._servicer
        elo_pb2_grpc.add_EloServiceServicer_to_server(servicer, server)

    async def run(self) -> None:
        """See ``Service``."""
        await self._fitting.run()

    async def is_ready(self) -> str:
        """See ``Service``."""
        return await self._servicer.ready()

    async def close(self) -> None:
        """See ``Service``."""


async def start(host: Host) -> EloService:
    """Make the service; it serves ratings from the first call on."""
    service = EloService(host)
    await service.prepare()
    return service


ELO: Final = ServiceDeclaration(
    name=ServiceName.ELO,
    full_name="trainingrun.league.v1.EloService",
    start=start,
    open_to_players=frozenset({"GetEloRating", "GetRankedPolicies"}),
)
