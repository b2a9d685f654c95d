"""The Model service as a declaration."""

from __future__ import annotations

from typing import Final

from trainingrun_league.declaration import Host, Service, ServiceDeclaration
from trainingrun_league.model.service import ModelService
from trainingrun_league.settings import ServiceName


async def _start(host: Host) -> Service:
    return ModelService(host)


MODEL: Final = ServiceDeclaration(
    name=ServiceName.MODEL,
    full_name="trainingrun.league.v1.ModelService",
    # Which models there are is for all to see; their weights are not.
    open_to_players=frozenset({"GetModel", "ListModels"}),
    start=_start,
)
