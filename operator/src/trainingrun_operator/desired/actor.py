"""The actors: they play the games and fill the queue."""

from __future__ import annotations

import math
from typing import Final

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.run_config import RunConfig

from trainingrun_operator.desired.amounts import resources
from trainingrun_operator.desired.daemon_token import token_of
from trainingrun_operator.desired.workload import Resources, Role, Workload
from trainingrun_operator.settings import Settings

DEFAULTS: Final = Resources(cpu="200m", memory="160Mi", memory_limit="512Mi")
_ENDING_SECONDS: Final = 25
"""After the games: what they gave is sent, and the process ends."""


def actor_replicas(run: TrainingRun, *, slots: int) -> int:
    """As many actors as can use every slot of the daemons, unless the user fixed the number."""
    if run.spec.actor.replicas is not None:
        return run.spec.actor.replicas
    return max(1, math.ceil(slots / run.spec.actor.games_per_actor))


def actor(run: TrainingRun, config: RunConfig, settings: Settings, *, replicas: int) -> Workload:
    """So many actors. Of the learner they read the batch size: it bounds the queue."""
    spec = run.spec.actor
    return Workload(
        role=Role.ACTOR,
        replicas=replicas,
        image=spec.image or settings.images.actor,
        command=("trainingrun-actor", "play"),
        resources=resources(spec.resources, DEFAULTS),
        grace_seconds=math.ceil(config.actor.stop_seconds) + _ENDING_SECONDS,
        daemon_token=token_of(run),
        pull_policy=run.spec.image_pull_policy,
    )
