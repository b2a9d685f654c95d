"""Whether time alone brings something: the decision itself is asked about a later moment.

Deadlines are written down where they are decided, and nowhere else; so nobody can forget to name
one here. What roles have reported grows old between two looks, which a decision does not see: of a
run whose roles report, nothing is foreseen.
"""

from __future__ import annotations

from dataclasses import replace

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.status import TrainingRunStatus

from trainingrun_operator.desired.decide import Decision, decide
from trainingrun_operator.desired.observed import Observed, Signals
from trainingrun_operator.settings import Settings


def is_uneventful(
    run: TrainingRun, observed: Observed, settings: Settings, decision: Decision, *, until: float
) -> bool:
    """Whether nothing but counters would be new at ``until`` (Unix seconds), were the world as it
    is now; ``decision`` is what was decided about it."""
    if not isinstance(observed.signals, Signals) or observed.signals.reports or decision.actions:
        return False
    later = decide(
        run.model_copy(update={"status": decision.status}),
        replace(observed, signals=replace(observed.signals, at=until)),
        settings,
        decision.memory,
        now=until,
    )
    same = _told(later.status) == _told(decision.status)
    return same and not (later.actions or later.events or later.expired != decision.expired)


def _told(status: TrainingRunStatus) -> tuple[object, ...]:
    """What people wait for."""
    return status.verdicts, status.stop, status.finished_at, status.curriculum
