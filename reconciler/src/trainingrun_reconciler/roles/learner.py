"""The learner: a task that ends with exit code 0 only when it was asked to flush."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.reports import LearnerReport
from trainingrun_contracts.stream.keys import Area

from trainingrun_reconciler.roles.checkpoint_storage import CLAIM_PATH
from trainingrun_reconciler.roles.declaration import (
    Account,
    Availability,
    Controller,
    Life,
    Process,
    RoleDeclaration,
    Section,
)
from trainingrun_reconciler.roles.redis_rights import Rights
from trainingrun_reconciler.roles.workload import Resources, Role, Storage
from trainingrun_reconciler.settings import Settings

_DEFAULTS: Final = Resources(cpu="500m", memory="768Mi", memory_limit="4Gi")
_CHECKPOINT_SECONDS: Final = 120


def _process(run: TrainingRun, settings: Settings) -> Process:
    """A change of what the learner reads restarts it from a fresh checkpoint."""
    spec, kept = run.spec.learner, run.spec.checkpoint.storage
    secret = kept.s3.secret_ref if kept is not None and kept.s3 is not None else None
    return Process(
        command=("trainingrun-learner",),
        resources=replace(_section(run.spec).resources(_DEFAULTS), gpus=spec.gpus),
        grace_seconds=_CHECKPOINT_SECONDS,
        backoff_limit=spec.backoff_limit,
        secrets=(secret.name,) if secret else (),
        storage=_storage(run, settings),
        league=run.spec.league_ref.name if run.spec.league_ref is not None else None,
    )


def _storage(run: TrainingRun, settings: Settings) -> Storage | None:
    """The claim that checkpoints go to; None for S3 and for directories."""
    storage = run.spec.checkpoint.storage
    if storage is None:
        made = Storage(path=CLAIM_PATH, size=run.spec.checkpoint.size)
        return made if settings.default_claim else None
    claim = storage.persistent_volume_claim
    return Storage(path=CLAIM_PATH, claim=claim.claim_name) if claim is not None else None


def _section(spec: TrainingRunSpec) -> Section:
    return Section.of(spec.learner, spot=spec.learner.spot)


LEARNER: Final = RoleDeclaration(
    role=Role.LEARNER,
    purpose="Trains the weights, publishes them and writes the checkpoints.",
    life=Life.TASK,
    controller=Controller.JOB,
    process=_process,
    section=_section,
    image="trainer",
    redis=Rights(
        writes=(Area.STREAM, Area.QUEUE, Area.WEIGHTS, Area.LEARNER, Area.ROLES),
        reads=(Area.PLAYERS, Area.EVALUATOR, Area.OPERATOR),
        commands=(
            "set incr incrby decrby expire persist del hset hdel rpush ltrim zadd zrem"
            " xadd xdel xack xreadgroup xautoclaim xclaim xpending xrange xgroup|create"
        ),
    ),
    report=LearnerReport,
    connects_to=(Role.REDIS,),
    account=Account.OWN,
    waits_for_quota=True,
    availability=Availability("learner", "trains", condition=ConditionType.LEARNER_AVAILABLE),
    price=lambda prices: prices.learner_hourly,
)
