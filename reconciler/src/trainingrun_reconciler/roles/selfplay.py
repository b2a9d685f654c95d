"""The self-play workers of AlphaZero: they search, play games in their own processes, and fill the
queue. What users say of actors holds for them.
"""

from __future__ import annotations

import math
from typing import Final

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

REPLICAS: Final = 4
"""On a cluster, where the spec names no number."""
DEFAULTS: Final = Resources(cpu="1", memory="512Mi", memory_limit="2Gi")


def _members(extent: Extent) -> int:
    """On one machine as many as it has cores, less one for the learner and the others."""
    given = extent.run.spec.actor.replicas
    if given is not None:
        return given
    return REPLICAS if extent.cores is None else max(1, extent.cores - 1)


def _process(run: TrainingRun, settings: Settings) -> Process:
    return Process(
        command=("trainingrun-actor", "selfplay"),
        resources=section_of(run.spec).resources(DEFAULTS),
        grace_seconds=math.ceil(settings.actor_stop_seconds) + ENDING_SECONDS,
    )


SELFPLAY: Final = RoleDeclaration(
    role=Role.SELFPLAY,
    purpose="Plays games against itself by search, and fills the queue.",
    life=Life.WORKER,
    members=_members,
    process=_process,
    section=section_of,
    template_at="spec.actor.template",
    image="search",
    redis=RIGHTS,
    report=ActorReport,
    connects_to=(Role.REDIS, Role.INFERENCE),
    waits_for_quota=True,
    produces=True,
    availability=Availability("self-play workers", "play", least=half),
    price=lambda prices: prices.actor_hourly,
)
