"""The learner: a task that ends with exit code 0 only when it was told to flush."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.run_config import RunConfig

from trainingrun_operator.desired.amounts import resources
from trainingrun_operator.desired.run_config import CLAIM_PATH, claim_of
from trainingrun_operator.desired.workload import Resources, Restart, Role, Storage, Workload
from trainingrun_operator.settings import Settings

_DEFAULTS: Final = Resources(cpu="500m", memory="768Mi", memory_limit="4Gi")
_CHECKPOINT_SECONDS: Final = 120


def learner(run: TrainingRun, config: RunConfig, settings: Settings) -> Workload:
    """The learner of a run; a change of what it reads restarts it from a fresh checkpoint."""
    spec, secret = run.spec.learner, run.spec.checkpoint.secret_ref
    return Workload(
        role=Role.LEARNER,
        replicas=1,
        image=spec.image or settings.images.trainer,
        command=("trainingrun-learner",),
        resources=replace(resources(spec.resources, _DEFAULTS), gpus=spec.gpus),
        restart=Restart.UNTIL_SUCCESS,
        grace_seconds=_CHECKPOINT_SECONDS,
        backoff_limit=spec.backoff_limit,
        secrets=(secret.name,) if secret else (),
        storage=_storage(run, settings),
        pull_policy=run.spec.image_pull_policy,
    )


def _storage(run: TrainingRun, settings: Settings) -> Storage | None:
    """The claim that checkpoints go to; None for S3 and for directories."""
    storage = run.spec.checkpoint.storage
    if storage is None:
        made = Storage(path=CLAIM_PATH, size=run.spec.checkpoint.size)
        return made if settings.default_claim else None
    claim = claim_of(storage)
    return Storage(path=CLAIM_PATH, claim=claim[0]) if claim else None
