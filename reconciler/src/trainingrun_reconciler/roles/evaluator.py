"""The evaluator: an actor in another role; it measures strength and feeds no training."""

from __future__ import annotations

from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.reports import EvaluatorReport
from trainingrun_contracts.stream.keys import Area

from trainingrun_reconciler.roles.actor import DEFAULTS
from trainingrun_reconciler.roles.amounts import resources
from trainingrun_reconciler.roles.declaration import Life, Process, RoleDeclaration, Section
from trainingrun_reconciler.roles.redis_rights import PLAYERS, Rights
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings


def _process(run: TrainingRun, _settings: Settings) -> Process:
    """From the actor's image and with an actor's resources."""
    return Process(
        command=("trainingrun-actor", "evaluate"),
        resources=resources(run.spec.actor.resources, DEFAULTS),
    )


def _section(spec: TrainingRunSpec) -> Section:
    return Section(spec.actor.image, spec.actor.spot, spec.pod_template.evaluator)


EVALUATOR: Final = RoleDeclaration(
    role=Role.EVALUATOR,
    purpose="Measures strength in games that feed no training.",
    life=Life.WORKER,
    process=_process,
    section=_section,
    image="actor",
    redis=Rights(
        writes=(Area.PLAYERS, Area.EVALUATOR, Area.ROLES),
        reads=(Area.WEIGHTS, Area.OPERATOR, Area.QUEUE),
        commands=PLAYERS,
    ),
    report=EvaluatorReport,
    connects_to=(Role.REDIS, Role.DAEMON),
    evaluates=True,
    price=lambda prices: prices.actor_hourly,
)
