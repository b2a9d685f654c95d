"""The actors: they play the games and fill the queue."""

from __future__ import annotations

import math
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.reports import ActorReport

from trainingrun_reconciler.roles.declaration import (
    Availability,
    Extent,
    Life,
    Process,
    RoleDeclaration,
)
from trainingrun_reconciler.roles.producing import ENDING_SECONDS, RIGHTS, half, section_of
from trainingrun_reconciler.roles.workload import Resources, Role
from trainingrun_reconciler.settings import Settings

DEFAULTS: Final = Resources(cpu="200m", memory="160Mi", memory_limit="512Mi")


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
        resources=section_of(run.spec).resources(DEFAULTS),
        grace_seconds=math.ceil(stop_seconds(run, settings)) + ENDING_SECONDS,
    )


ACTOR: Final = RoleDeclaration(
    role=Role.ACTOR,
    purpose="Plays the games and fills the queue.",
    life=Life.WORKER,
    members=_members,
    process=_process,
    section=section_of,
    image="actor",
    redis=RIGHTS,
    report=ActorReport,
    connects_to=(Role.REDIS, Role.DAEMON),
    waits_for_quota=True,
    produces=True,
    availability=Availability(
        "actors", "play", least=half, condition=ConditionType.ACTORS_AVAILABLE
    ),
    price=lambda prices: prices.actor_hourly,
)
