"""What is known of a run at one reconcile: parsed once, and handed to every decision about it.

``Observed`` says what was seen, with all the ways in which something could not be seen; this says
what follows for a decision. So "Redis could not be asked" is ``signals is None`` everywhere, and
whether the learner is held or has ended is answered in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.desired import counts
from trainingrun_reconciler.desired.observed import Held, Observed, ObservedRole, Signals
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings


@dataclass(frozen=True)
class Facts:
    """A run, its surroundings, and what follows from them. ``now`` is Unix seconds."""

    run: TrainingRun
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
    def has_learner_ended(self) -> bool:
        """Whether the task in the learner's place has ended, well or not.

        A learner that failed fails its run before anybody asks this; so what has ended otherwise is
        a learner that has flushed, or a recorder, which comes after one.
        """
        return self.learner is not None and self.learner.finished is not None


def facts_of(run: TrainingRun, observed: Observed, settings: Settings, *, now: float) -> Facts:
    """Parse what was observed."""
    signals = observed.signals if isinstance(observed.signals, Signals) else None
    learner = observed.roles.get(Role.LEARNER)
    return Facts(
        run=run,
        observed=observed,
        settings=settings,
        now=now,
        signals=signals,
        played=counts.played(run, signals),
        learner=learner,
        held=learner.held if learner is not None and not learner.removing else None,
    )
