"""All workloads of a run that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.desired.external import slots_of
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.placement import placed
from trainingrun_reconciler.desired.template_hash import (
    RolloutInputs,
    rollout_inputs,
    with_template_hash,
)
from trainingrun_reconciler.roles.declaration import Extent
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings


def workloads(
    run: TrainingRun,
    settings: Settings,
    *,
    daemons: int,
    external: ObservedRole | None = None,
    inputs: RolloutInputs | None = None,
) -> Mapping[Role, Workload]:
    """What should exist with this number of daemons, by role; only our own Redis and daemons.

    ``external`` is what is known of other daemons, ``inputs`` what was asked of this run
    at an earlier reconcile.
    """
    is_external = run.spec.daemon.external is not None
    slots = slots_of(run, external) if is_external else daemons * run.spec.daemon.games_per_daemon
    extent = Extent(run, daemons=daemons, slots=slots)
    made = (
        each.workload(run, settings, replicas=each.members(extent))
        for each in ALGORITHMS.roles_of(run)
        if each.exists(run)
    )
    inputs, programs = rollout_inputs(run, inputs), ALGORITHMS.of(run.spec).programs
    return {
        each.role: with_template_hash(
            placed(run, replace(each, command=programs.get(each.role, each.command))), inputs
        )
        for each in made
    }
