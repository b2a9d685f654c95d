"""The algorithms, and which of them a run has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec

from trainingrun_reconciler.algorithms.declaration import AlgorithmDeclaration
from trainingrun_reconciler.algorithms.run_roles import RunRoles
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Life, RoleDeclaration


class Algorithms:
    """A table of declarations, filled while modules are imported; the first is the default."""

    def __init__(self, default: AlgorithmDeclaration) -> None:
        self._declared = [default]

    def register(self, declared: AlgorithmDeclaration) -> None:
        """Add an algorithm, which is asked before those that are there.

        Raises:
            ValueError: the name is taken, or its roles are not those of one run: exactly one is
                a task, and rates decide the number of one at most.
        """
        if any(each.name == declared.name for each in self._declared):
            raise ValueError(f"algorithm {declared.name} is declared twice")
        roles = self._roles(declared)
        tasks = [each.role.value for each in roles if each.life is Life.TASK]
        scaled = [each.role.value for each in roles if each.scaling is not None]
        if not tasks:
            raise ValueError(f"algorithm {declared.name} has no learner, whose end is the run's")
        if len(tasks) > 1:
            raise ValueError(
                f"algorithm {declared.name} has {' and '.join(tasks)}, and the end of one alone"
                " can be the run's"
            )
        if len(scaled) > 1:
            raise ValueError(
                f"algorithm {declared.name} scales {' and '.join(scaled)}: the law knows one number"
            )
        self._declared.append(declared)

    @contextmanager
    def also(self, declared: AlgorithmDeclaration) -> Iterator[None]:
        """Have one more algorithm for a while, to try it out."""
        self.register(declared)
        try:
            yield
        finally:
            self._declared.remove(declared)

    def of(self, spec: TrainingRunSpec) -> AlgorithmDeclaration:
        """The algorithm that a spec chooses."""
        return next(each for each in reversed(self._declared) if each.is_chosen(spec))

    def roles_of(self, run: TrainingRun) -> RunRoles:
        """The roles that a run may have by its algorithm, in the order in which they start."""
        return RunRoles(run, self._roles(self.of(run.spec)))

    def _roles(self, chosen: AlgorithmDeclaration) -> tuple[RoleDeclaration, ...]:
        others = (each for each in self._declared if each is not chosen)
        foreign = {role for each in others for role in each.brings}.difference(chosen.brings)
        absent = foreign.union(chosen.without)
        return tuple(
            replace(each, image=chosen.images.get(each.role, each.image))
            for each in ROLES
            if each.role not in absent
        )
