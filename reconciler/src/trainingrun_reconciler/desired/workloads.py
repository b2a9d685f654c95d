"""All workloads of a run that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.run_roles import RunRoles
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
    scaled: int,
    external: ObservedRole | None = None,
    inputs: RolloutInputs | None = None,
    answering: int | None = None,
) -> Mapping[Role, Workload]:
    """What should exist with this number of scaled members, by role; only what is ours to make.

    ``external`` is what is known of other daemons, ``inputs`` what was asked of this run
    at an earlier reconcile; ``answering`` are members whose number follows from waits (``waits``).
    """
    roles = ALGORITHMS.roles_of(run)
    extent = Extent(
        run,
        scaled=scaled,
        slots=_slots(roles, scaled, external),
        cores=settings.daemon_limit,
        answering=answering,
    )
    made = (
        each.workload(run, settings, replicas=each.members(extent))
        for each in roles
        if each.exists(run)
    )
    inputs, programs = rollout_inputs(run, inputs), ALGORITHMS.of(run.spec).programs
    return {
        each.role: with_template_hash(
            placed(run, replace(each, command=programs.get(each.role, each.command))), inputs
        )
        for each in made
    }


def _slots(roles: RunRoles, scaled: int, external: ObservedRole | None) -> int:
    """Games that the members of the scaled role serve or play at once."""
    if roles.scaled is None or roles.scaling is None:
        return 0
    if roles.scaled.is_external(roles.run):
        return slots_of(roles.run, external)
    return scaled * roles.scaling.games(roles.run.spec)
