"""All workloads of a run that is under way."""

from __future__ import annotations

from collections.abc import Mapping

from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.desired.actor import actor, actor_replicas
from trainingrun_operator.desired.daemon import daemon
from trainingrun_operator.desired.evaluator import evaluator
from trainingrun_operator.desired.learner import learner
from trainingrun_operator.desired.redis import is_managed, redis
from trainingrun_operator.desired.run_config import run_config
from trainingrun_operator.desired.workload import Role, Workload
from trainingrun_operator.settings import Settings


def workloads(run: TrainingRun, settings: Settings, *, daemons: int) -> Mapping[Role, Workload]:
    """What should exist with so many daemons, by role; no Redis where it is not ours."""
    config = run_config(run, settings)
    actors = actor_replicas(run, daemons=daemons)
    made = [
        daemon(run, settings, replicas=daemons),
        learner(run, config, settings),
        actor(run, config, settings, replicas=actors),
        evaluator(run, config, settings),
    ]
    if is_managed(run):
        made.insert(0, redis(run, settings))
    return {workload.role: workload for workload in made}
