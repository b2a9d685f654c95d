"""What is known of a run at one reconcile: parsed once, and handed to every decision about it.

``Observed`` says what was seen, with all the ways in which something could not be seen; this says
what follows for a decision. So "Redis could not be asked" is ``signals is None`` everywhere, and
whether the learner is held or has ended is answered in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.run_roles import RunRoles
from trainingrun_reconciler.desired.observed import Held, Observed, ObservedRole, Signals
from trainingrun_reconciler.settings import Settings


@dataclass(frozen=True)
class Facts:
    """A run, its surroundings, and what follows from them. ``now`` is Unix seconds."""

    run: TrainingRun
    roles: RunRoles
    """Those of its algorithm, by their part in its life."""
    observed: Observed
    settings: Settings
    now: float
    signals: Signals | None
    """What Redis says; None where it could not be asked."""
    played: int
    """Training games that have ended; as the status has it where Redis could not be asked."""
    learner: ObservedRole | None
    """What is in the learner's place: a learner, or a program that runs errands after it."""
    held: Held | None
    """Why the learner may not begin; None where it may."""

    @property
    def scaled(self) -> ObservedRole | None:
        """The role whose number follows from rates, ours or external; None where it is not."""
        declared = self.roles.scaled
        return self.observed.serving.get(declared.role) if declared is not None else None

    @property
    def has_learner_ended(self) -> bool:
        """Whether the task in the learner's place has ended, well or not.

        A learner that failed fails its run before anybody asks this; so what has ended otherwise is
        a learner that has flushed, or a recorder, which comes after one.
        """
        return self.learner is not None and self.learner.finished is not None


def facts_of(run: TrainingRun, observed: Observed, settings: Settings, *, now: float) -> Facts:
    """Parse what was observed."""
    signals = observed.signals if isinstance(observed.signals, Signals) else None
    roles = ALGORITHMS.roles_of(run)
    learner = observed.roles.get(roles.learner.role)
    return Facts(
        run=run,
        roles=roles,
        observed=observed,
        settings=settings,
        now=now,
        signals=signals,
        played=played(run, signals),
        learner=learner,
        held=learner.held if learner is not None and not learner.removing else None,
    )


def played(run: TrainingRun, signals: Signals | None) -> int:
    """Training games that ended."""
    if signals is not None:
        return signals.games.get("played", 0)
    return (run.status.games.played or 0) if run.status.games is not None else 0
