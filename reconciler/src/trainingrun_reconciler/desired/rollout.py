"""New default images reach the runs one after the other, and not all in one moment.

An upgrade of the operator that brings new default images replaces the members of every run that
names none of its own. Done at once, that restarts every learner of a cluster, and pulls every image
on every node. So a run keeps the images that its members were begun with until its turn comes; all
of its roles then change together, because they speak one version. Who asks for something else by
the spec of a run does not wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.desired.observed import Observed
from trainingrun_reconciler.desired.template_hash import RolloutInputs
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Images, Settings


@dataclass(frozen=True)
class RunImages:
    """The settings with the images that hold for a run now, and which of them change, in words."""

    inputs: RolloutInputs
    settings: Settings
    changed: str = ""


def images_of(
    run: TrainingRun,
    observed: Observed,
    settings: Settings,
    inputs: RolloutInputs,
    *,
    may_roll: bool,
) -> RunImages:
    """A run keeps the images that its members were begun with until its turn has come."""
    kept = images_begun_with(run, observed, settings, inputs)
    if kept is None:
        return RunImages(inputs, settings)
    if may_roll:
        return RunImages(inputs, settings, described(kept, settings.images))
    return RunImages(inputs, replace(settings, images=kept))


def images_begun_with(
    run: TrainingRun, observed: Observed, settings: Settings, inputs: RolloutInputs
) -> Images | None:
    """The default images that the run's members still have, where nothing else would replace them;
    None where no member has another image than it should."""
    kept = replace(settings.images, **dict(_kept(run, observed)))
    if kept == settings.images:
        return None
    made = workloads(run, replace(settings, images=kept), scaled=1, inputs=inputs)
    return (
        kept
        if any(_is_as_begun(observed, role, made[role].template_hash) for role in made)
        else None
    )


def _is_as_begun(observed: Observed, role: Role, template_hash: str) -> bool:
    there = observed.roles.get(role)
    return there is not None and there.template_hash == template_hash


def _kept(run: TrainingRun, observed: Observed) -> Iterator[tuple[str, str]]:
    """Name and image of each default that members were begun with."""
    for each in reversed(
        [*ALGORITHMS.roles_of(run)]
    ):  # of several roles with one image, the first has the last word
        there, own = observed.roles.get(each.role), each.section(run.spec).image
        if own is None and there is not None and there.image:
            yield each.image, there.image


def described(before: Images, after: Images) -> str:
    """Which images change, from what to what."""
    changes = (
        f"{name} from {old} to {new}"
        for name in (each.name for each in fields(Images))
        if (old := getattr(before, name)) != (new := getattr(after, name))
    )
    return ", ".join(changes)
