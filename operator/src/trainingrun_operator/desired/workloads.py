"""All workloads of a run that is under way."""

from __future__ import annotations

from collections.abc import Mapping

from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.desired.actor import actor, actor_replicas
from trainingrun_operator.desired.daemon import daemon
from trainingrun_operator.desired.evaluator import evaluator
from trainingrun_operator.desired.external import slots_of
from trainingrun_operator.desired.learner import learner
from trainingrun_operator.desired.observed import ObservedRole
from trainingrun_operator.desired.placement import placed
from trainingrun_operator.desired.redis import is_managed, redis
from trainingrun_operator.desired.rolling import Asked, asked, with_roll_hash
from trainingrun_operator.desired.run_config import run_config
from trainingrun_operator.desired.workload import Role, Workload
from trainingrun_operator.settings import Settings


def workloads(
    run: TrainingRun, settings: Settings, *, daemons: int,
    external: ObservedRole | None = None, wanted: Asked | None = None,
) -> Mapping[Role, Workload]:  # fmt: skip
    """What should exist with so many daemons, by role; no Redis or daemons that are not ours.

    ``external`` is what is known of the daemons that are not, ``wanted`` what was asked of this run
    at an earlier look.
    """
    config = run_config(run, settings)
    is_external = run.spec.daemon.external is not None
    slots = slots_of(run, external) if is_external else daemons * run.spec.daemon.games_per_daemon
    actors = actor_replicas(run, slots=slots)
    made = [
        learner(run, config, settings),
        actor(run, config, settings, replicas=actors),
        evaluator(run, config, settings),
    ]
    if not is_external:
        made.insert(0, daemon(run, settings, replicas=daemons))
    if is_managed(run):
        made.insert(0, redis(run, settings))
    wanted = asked(run, wanted)
    return {each.role: with_roll_hash(placed(run, each), wanted) for each in made}
