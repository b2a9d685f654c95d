"""The evaluator: an actor in another role; it measures strength and feeds no training."""

from __future__ import annotations

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.run_config import RunConfig

from trainingrun_operator.desired.actor import DEFAULTS
from trainingrun_operator.desired.amounts import resources
from trainingrun_operator.desired.daemon_token import token_of
from trainingrun_operator.desired.workload import Role, Workload
from trainingrun_operator.settings import Settings


def evaluator(run: TrainingRun, config: RunConfig, settings: Settings) -> Workload:
    """One evaluator, from the actor's image and with an actor's resources."""
    spec = run.spec.actor
    return Workload(
        role=Role.EVALUATOR,
        replicas=1,
        image=spec.image or settings.images.actor,
        command=("trainingrun-actor", "evaluate"),
        resources=resources(spec.resources, DEFAULTS),
        grace_seconds=30,
        daemon_token=token_of(run),
        pull_policy=run.spec.image_pull_policy,
    )
