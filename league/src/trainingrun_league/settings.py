"""The settings of a league's process, as values; ``process.options`` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from trainingrun_contracts.environment_config import EnvironmentConfig

from trainingrun_league.errors import InvalidRequest

Section = TypeVar("Section", bound=msgspec.Struct)


class ServiceName(Enum):
    """The services, by the names of their health checks and command line."""

    GAME = "game"
    MATCHMAKER = "matchmaker"
    MODEL = "model"
    ELO = "elo"
    REPLAY = "replay"


PORTS: Final = {
    ServiceName.GAME: 50051,
    ServiceName.MATCHMAKER: 50052,
    ServiceName.MODEL: 50053,
    ServiceName.ELO: 50054,
    ServiceName.REPLAY: 50055,
}
WEB_PORT: Final = 50080


@dataclass(frozen=True)
class Tls:
    """PEM files of a server's certificate, its key, and who signs those of the league."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class Settings:
    """What a process of a league is given.

    Attributes:
        name: of the league.
        environment: that its models play.
        services: that this process serves.
        database: SQLAlchemy's URL: ``sqlite+aiosqlite:///FILE``, ``postgresql+asyncpg://…``.
        artefacts: a directory, or ``s3://BUCKET/PREFIX``.
        folder: for what a process keeps beside: write-ahead segments.
        redis: URL of what several processes share live; None: this process is alone.
        host: to listen on; ``ports`` by service, 0 picks one.
        addresses: of the services that others serve, ``host:port``; of one that this process
            serves, where clients reach it.
        token_key: signs tokens (``server.tokens``); bytes from a Secret.
        tls: None serves without it, which must be asked for.
        health_port: of the health check without TLS; None has none, 0 picks one.
        metrics_port: of Prometheus' page; None has none, 0 picks one.
        values: what ``--set SERVICE.NAME=VALUE`` gives a service; it reads them by ``section``.
    """

    name: str
    environment: EnvironmentConfig
    services: tuple[ServiceName, ...]
    database: str = field(repr=False)
    artefacts: str
    folder: Path
    token_key: bytes = field(repr=False)
    redis: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    ports: dict[ServiceName, int] = field(default_factory=lambda: dict(PORTS))
    addresses: dict[ServiceName, str] = field(default_factory=dict)
    tls: Tls | None = None
    web_port: int | None = None
    metrics_port: int | None = None
    health_port: int | None = None
    values: Mapping[ServiceName, Mapping[str, str]] = field(default_factory=dict)

    def section(self, service: ServiceName, type: type[Section]) -> Section:
        """Return a service's own settings: a frozen ``msgspec.Struct`` with a default for each.

        Raises:
            InvalidRequest: a value is unknown, or not of its type or within its bounds.
        """
        given = dict(self.values.get(service, {}))
        unknown = sorted(given.keys() - set(type.__struct_fields__))
        if unknown:
            known = ", ".join(type.__struct_fields__) or "none"
            raise InvalidRequest(
                f"--set {service.value}.{unknown[0]}: there is no such setting; there are: {known}"
            )
        try:
            return msgspec.convert(given, type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"--set {service.value}.…: {error}") from error
