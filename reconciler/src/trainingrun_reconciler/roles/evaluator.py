"""The evaluator: an actor in another role; it measures strength and feeds no training."""

from __future__ import annotations

from typing import Final

from trainingrun_api.pod_template import ContainerResources
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.reports import EvaluatorReport
from trainingrun_contracts.stream.keys import Area

from trainingrun_reconciler.roles.actor import DEFAULTS
from trainingrun_reconciler.roles.declaration import Life, Process, RoleDeclaration, Section
from trainingrun_reconciler.roles.redis_rights import PLAYERS, Rights
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings


def _process(run: TrainingRun, _settings: Settings) -> Process:
    return Process(
        command=("trainingrun-actor", "evaluate"),
        resources=_section(run.spec).resources(DEFAULTS),
    )


def _section(spec: TrainingRunSpec) -> Section:
    """From the actor's image and with an actor's processor and memory, unless it has its own; a
    node selector of the actors is theirs alone."""
    own, actor = spec.evaluator.container, spec.actor.container
    amounts = ContainerResources(
        requests={**actor.resources.requests, **own.resources.requests},
        limits={**actor.resources.limits, **own.resources.limits},
    )
    asked = own.model_copy(update={"image": own.image or actor.image, "resources": amounts})
    return Section(asked, spec.actor.spot, spec.evaluator.template)


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
    connects_to=(Role.REDIS, Role.DAEMON, Role.INFERENCE),
    evaluates=True,
    price=lambda prices: prices.actor_hourly,
)
