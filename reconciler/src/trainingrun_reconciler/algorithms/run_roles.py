"""The roles of one run, by the part that each takes in its life.

Belongs here: which role of a run fills the queue, trains, is scaled or evaluates last. Decisions
ask this, and never for a role by its name. Does not belong here: what is done with them
(``desired``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainingrun_api.run import TrainingRun
from trainingrun_contracts.reports import EvaluatorReport

from trainingrun_reconciler.roles.declaration import Life, RoleDeclaration, Scaling


@dataclass(frozen=True)
class RunRoles:
    """Those that a run may have by its algorithm, in the order in which they start."""

    run: TrainingRun
    declared: tuple[RoleDeclaration, ...]

    def __iter__(self) -> Iterator[RoleDeclaration]:
        return iter(self.declared)

    @property
    def stores(self) -> tuple[RoleDeclaration, ...]:
        """What the run is lies in them."""
        return tuple(each for each in self if each.life is Life.STORE)

    @property
    def learner(self) -> RoleDeclaration:
        """The task: it consumes the queue, flushes it, and its end is the run's."""
        return next(each for each in self if each.life is Life.TASK)

    @property
    def producers(self) -> tuple[RoleDeclaration, ...]:
        """They fill the queue, and are drained before it is flushed."""
        return tuple(each for each in self if each.produces and each.serves(self.run))

    @property
    def evaluators(self) -> tuple[RoleDeclaration, ...]:
        """They play the last evaluation, and say when it is over."""
        asked = (each for each in self if each.evaluates and each.serves(self.run))
        return tuple(each for each in asked if each.report is EvaluatorReport)

    @property
    def scaled(self) -> RoleDeclaration | None:
        """The role whose number follows from rates; None where no number does."""
        found = (each for each in self if each.scaling is not None and each.serves(self.run))
        return next(found, None)

    @property
    def answering(self) -> RoleDeclaration | None:
        """The role whose number follows from its clients' waits; None where none does."""
        found = (each for each in self if each.by_waits is not None and each.exists(self.run))
        return next(found, None)

    @property
    def scaling(self) -> Scaling | None:
        """How that role is scaled."""
        return self.scaled.scaling if self.scaled is not None else None

    @property
    def counted(self) -> tuple[RoleDeclaration, ...]:
        """Those whose members the status counts."""
        return tuple(each for each in self if each.life is not Life.STORE and each.serves(self.run))
