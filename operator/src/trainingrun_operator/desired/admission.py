"""A run that waits for its queue: what it may have meanwhile, and why it waits.

The learner stands for the whole run: its Job waits, suspended, and nothing else is made before it
is admitted, so that a waiting run takes nothing of what others could use. When the admission is
taken back (Kueue suspends the Job again), daemons and players are given back too, after a moment:
a learner that is only replaced is admitted at once, and finds them warm. Redis stays, it holds what
was played.
"""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.desired.observed import Held, Observed, Signals
from trainingrun_operator.desired.workload import Role

RELEASE_SECONDS: Final = 60.0
_RELEASED: Final = (Role.ACTOR, Role.EVALUATOR, Role.DAEMON)


def held(observed: Observed) -> Held | None:
    """Why the learner may not begin; None where nobody keeps it from it."""
    learner = observed.roles.get(Role.LEARNER)
    return learner.held if learner is not None and not learner.removing else None


def is_queued(run: TrainingRun, observed: Observed) -> bool:
    """Whether the run waits for its queue, or has not yet asked it."""
    if held(observed) is not None:
        return True
    return run.spec.queue_name is not None and not observed.roles


def released(observed: Observed) -> tuple[Role, ...]:
    """The roles that a run whose admission was taken back must give back now."""
    wait = held(observed)
    if wait is None or not isinstance(observed.signals, Signals):
        return ()
    if observed.signals.at - wait.since < RELEASE_SECONDS:
        return ()
    return tuple(role for role in _RELEASED if role in observed.roles)
