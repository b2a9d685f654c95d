"""A service as a declaration, and what its host gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import grpc.aio
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from trainingrun_league.artefacts.place import ArtefactPlace
from trainingrun_league.live.state import LiveState
from trainingrun_league.peers import Peers
from trainingrun_league.settings import ServiceName, Settings


class Audience(Enum):
    """Who may call a method: a token names one (claim ``aud``)."""

    PLAYERS = "players"
    """People and clients of their own."""
    SERVICES = "services"
    """Services of the league, its workers, and runs that join it."""


@dataclass(frozen=True)
class Host:
    """What a service is given.

    Attributes:
        settings: of the process.
        engine: of the database, migrated.
        artefacts: where bytes are kept.
        live: what processes share and what can be made again.
        peers: the other services.
        metrics: where it registers its own, as ``trainingrun_league_SERVICE_…``.
        addresses: ``host:port`` that clients reach each service of this process at.
        clock: seconds since 1970.
    """

    settings: Settings
    engine: AsyncEngine
    artefacts: ArtefactPlace
    live: LiveState
    peers: Peers
    metrics: CollectorRegistry
    addresses: Mapping[ServiceName, str]
    clock: Callable[[], float]


class Service(Protocol):
    """One service while it runs."""

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the servicer."""

    async def run(self) -> None:
        """Do what no call starts (fits, expiries) until cancelled; an error ends the process."""

    async def is_ready(self) -> str:
        """Return why it cannot serve now; empty where it can. Health answers it."""

    async def close(self) -> None:
        """Make durable what is not, and let go."""


@dataclass(frozen=True)
class ServiceDeclaration:
    """A service.

    Attributes:
        name: of it.
        full_name: with the package, as reflection and health call it.
        start: makes it; a bad setting of its own is an ``InvalidRequest``.
        open_to_players: the methods that a player's token may call; all are open to services.
        most_request_bytes: a larger message is refused before it is read.
        most_calls: at once; more are refused with RESOURCE_EXHAUSTED.
        most_calls_of_player: of these with a token of one player.
        most_calls_of_connection: with a token or not; a client of gRPC keeps more to itself until
            others end. Those of a connection that waits to be refused hold up all others.
    """

    name: ServiceName
    full_name: str
    start: Callable[[Host], Awaitable[Service]]
    open_to_players: frozenset[str] = frozenset()
    most_request_bytes: int = 4 << 20
    most_calls: int = 5000
    most_calls_of_player: int = 500
    most_calls_of_connection: int = 2000


Servicer = Any
"""Of generated code, which has no common base."""
