"""The Model service as a declaration, and what it does between calls."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import grpc.aio
from trainingrun_contracts.league.v1.model_pb2_grpc import add_ModelServiceServicer_to_server
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of

from trainingrun_league.declaration import Host, Service, ServiceDeclaration
from trainingrun_league.errors import InvalidRequest, Unavailable
from trainingrun_league.model.servicer import ModelServicer
from trainingrun_league.settings import ServiceName

_RETRY_SECONDS: Final = 1.0
_log: Final = logging.getLogger(__name__)


class ModelService:
    """A ``Service``."""

    def __init__(self, host: Host, schema_hash: str) -> None:
        self._servicer = ModelServicer(host, schema_hash)

    def add_to(self, server: grpc.aio.Server) -> None:
        """See ``Service``."""
        add_ModelServiceServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """See ``Service``: follow changes, and count models for the metrics."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._count())

    async def is_ready(self) -> str:
        """See ``Service``."""
        try:
            await self._servicer.records.latest_change()
        except Unavailable as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """See ``Service``: what it has answered is durable already."""

    async def _follow(self) -> None:
        while True:
            try:
                await self._servicer.feed.run()
            except Unavailable as error:
                _log.warning("changes of models are not followed for a second: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _count(self) -> None:
        counted, feed = -1, self._servicer.feed
        while True:
            await feed.beyond(counted)
            counted = feed.latest
            try:
                self._servicer.figures.set_stages(await self._servicer.records.counts())
            except Unavailable:
                counted = -1
                await asyncio.sleep(_RETRY_SECONDS)


async def _start(host: Host) -> Service:
    try:
        schema_hash = spec_of(host.settings.environment).schema_hash
    except UnknownEnvironment as error:
        raise InvalidRequest(f"--environment: {error}") from error
    return ModelService(host, schema_hash)


MODEL: Final = ServiceDeclaration(
    name=ServiceName.MODEL,
    full_name="trainingrun.league.v1.ModelService",
    start=_start,
    # Which models there are is for all to see; their weights are not.
    open_to_players=frozenset({"GetModel", "ListModels"}),
)
