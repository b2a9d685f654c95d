"""A run that waits for its queue: what it may have meanwhile, and why it waits.

The learner stands for the whole run: its Job waits, suspended, and nothing else is made before it
is admitted, so that a waiting run takes nothing of what others could use. When the admission is
taken back (Kueue suspends the Job again), daemons and players are given back too, after a moment:
a learner that is only replaced is admitted at once, and finds them warm. Redis stays, it holds what
was played.
"""

from __future__ import annotations

from typing import Final

from trainingrun_reconciler.desired.facts import Facts
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role

RELEASE_SECONDS: Final = 60.0


def is_queued(facts: Facts) -> bool:
    """Whether the run waits for its queue, or has not yet asked it."""
    if facts.held is not None:
        return True
    return facts.run.queue is not None and not facts.observed.roles


def released(facts: Facts) -> tuple[Role, ...]:
    """The roles that a run whose admission was taken back must give back now."""
    if facts.held is None or facts.signals is None:
        return ()
    if facts.signals.at - facts.held.since < RELEASE_SECONDS:
        return ()
    return tuple(each.role for each in ROLES.workers if each.role in facts.observed.roles)
