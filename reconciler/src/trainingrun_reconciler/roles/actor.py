"""The actors: they play the games and fill the queue."""

from __future__ import annotations

import math
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.stream.keys import Area

from trainingrun_reconciler.roles.declaration import (
    Availability,
    Extent,
    Life,
    Process,
    RoleDeclaration,
    Section,
)
from trainingrun_reconciler.roles.redis_rights import PLAYERS, Rights
from trainingrun_reconciler.roles.workload import Resources, Role
from trainingrun_reconciler.settings import Settings

DEFAULTS: Final = Resources(cpu="200m", memory="160Mi", memory_limit="512Mi")
_ENDING_SECONDS: Final = 25
"""After the games: what they gave is sent, and the process ends."""


def actor_replicas(run: TrainingRun, *, slots: int) -> int:
    """As many actors as can use every slot of the daemons, unless the user fixed the number."""
    if run.spec.actor.replicas is not None:
        return run.spec.actor.replicas
    return max(1, math.ceil(slots / run.spec.actor.games_per_actor))


def stop_seconds(run: TrainingRun, settings: Settings) -> float:
    """Time that an actor that is terminated leaves its games to end."""
    return min(settings.actor_stop_seconds, run.spec.daemon.game_timeout_seconds)


def _members(extent: Extent) -> int:
    return actor_replicas(extent.run, slots=extent.slots)


def _process(run: TrainingRun, settings: Settings) -> Process:
    return Process(
        command=("trainingrun-actor", "play"),
        resources=_section(run.spec).resources(DEFAULTS),
        grace_seconds=math.ceil(stop_seconds(run, settings)) + _ENDING_SECONDS,
    )


def _section(spec: TrainingRunSpec) -> Section:
    return Section.of(spec.actor, spot=spec.actor.spot)


def _half(wanted: int) -> int:
    """The rest of them are starting or scaling."""
    return max(1, math.ceil(wanted / 2))


ACTOR: Final = RoleDeclaration(
    role=Role.ACTOR,
    purpose="Plays the games and fills the queue.",
    life=Life.WORKER,
    members=_members,
    process=_process,
    section=_section,
    image="actor",
    redis=Rights(
        writes=(Area.STREAM, Area.QUEUE, Area.PLAYERS, Area.ROLES),
        reads=(Area.WEIGHTS, Area.OPERATOR),
        commands=f"{PLAYERS} xadd incrby",
    ),
    report=ActorReport,
    connects_to=(Role.REDIS, Role.DAEMON),
    waits_for_quota=True,
    produces=True,
    availability=Availability(
        "actors", "play", least=_half, condition=ConditionType.ACTORS_AVAILABLE
    ),
    price=lambda prices: prices.actor_hourly,
)
