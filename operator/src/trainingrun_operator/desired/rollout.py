"""New default images reach the runs one after the other, and not all in one moment.

An upgrade of the operator that brings new default images replaces the members of every run that
names none of its own. Done at once, that restarts every learner of a cluster, and pulls every image
on every node. So a run keeps the images that its members were begun with until its turn comes; all
of its roles then change together, because they speak one version. Who asks for something else by
the spec of a run waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.desired.observed import Observed
from trainingrun_operator.desired.rolling import Asked
from trainingrun_operator.desired.workload import Role
from trainingrun_operator.desired.workloads import workloads
from trainingrun_operator.settings import Images, Settings


def images_begun_with(
    run: TrainingRun, observed: Observed, settings: Settings, wanted: Asked
) -> Images | None:
    """The default images that the run's members still have, where nothing else would replace them;
    None where no member has another image than it should."""
    kept = replace(settings.images, **dict(_kept(run, observed, settings.images)))
    if kept == settings.images:
        return None
    made = workloads(run, replace(settings, images=kept), daemons=1, wanted=wanted)
    return (
        kept if any(_is_as_begun(observed, role, made[role].roll_hash) for role in made) else None
    )


def _is_as_begun(observed: Observed, role: Role, roll_hash: str) -> bool:
    there = observed.roles.get(role)
    return there is not None and there.roll_hash == roll_hash


def _kept(run: TrainingRun, observed: Observed, images: Images) -> Iterator[tuple[str, str]]:
    """Name and image of each default that members were begun with."""
    spec = run.spec
    managed = spec.redis.managed
    given = {
        Role.DAEMON: ("daemon", spec.daemon.image),
        Role.ACTOR: ("actor", spec.actor.image),
        Role.LEARNER: ("trainer", spec.learner.image),
        Role.REDIS: ("redis", managed.image if managed is not None else None),
    }
    for role, (name, own) in given.items():
        there = observed.roles.get(role)
        if own is None and there is not None and there.image:
            yield name, there.image


def described(before: Images, after: Images) -> str:
    """Which images change, from what to what."""
    changes = (
        f"{name} from {old} to {new}"
        for name in ("daemon", "actor", "trainer", "redis")
        if (old := getattr(before, name)) != (new := getattr(after, name))
    )
    return ", ".join(changes)
