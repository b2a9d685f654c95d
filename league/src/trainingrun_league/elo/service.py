"""The Elo service as its process starts it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc.aio
from trainingrun_contracts.league.v1 import elo_pb2_grpc

from trainingrun_league.declaration import Host, ServiceDeclaration
from trainingrun_league.elo.servicer import EloServicer
from trainingrun_league.settings import ServiceName


class EloService:
    """See ``declaration.Service``."""

    def __init__(self, host: Host) -> None:
        self._servicer = EloServicer(host)  # type: ignore[abstract]

    def add_to(self, server: grpc.aio.Server) -> None:
        """See ``Service``."""
        servicer: Any = self._servicer
        elo_pb2_grpc.add_EloServiceServicer_to_server(servicer, server)

    async def run(self) -> None:
        """See ``Service``."""
        await asyncio.Event().wait()

    async def is_ready(self) -> str:
        """See ``Service``."""
        return await self._servicer.ready()

    async def close(self) -> None:
        """See ``Service``."""


async def start(host: Host) -> EloService:
    """Make the service."""
    return EloService(host)


ELO: Final = ServiceDeclaration(
    name=ServiceName.ELO,
    full_name="trainingrun.league.v1.EloService",
    start=start,
    open_to_players=frozenset({"GetEloRating", "GetRankedPolicies"}),
)
