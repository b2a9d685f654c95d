"""A service as a declaration, and what its host gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncEngine

from trainingrun_league.artefacts.place import ArtefactPlace
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
        peers: the other services.
        clock: seconds since 1970.
    """

    settings: Settings
    engine: AsyncEngine
    artefacts: ArtefactPlace
    peers: Peers
    clock: Callable[[], float]


class Service(Protocol):
    """One service while it runs."""

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the servicer."""

    async def run(self) -> None:
        """Do what no call starts (fits, expiries) until cancelled."""

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
        open_to_players: the methods that a player's token may call; all are open to services.
        start: makes it.
    """

    name: ServiceName
    full_name: str
    open_to_players: frozenset[str]
    start: Callable[[Host], Awaitable[Service]]


Servicer = Any
"""Of generated code, which has no common base."""
