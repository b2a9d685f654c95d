"""Conditions: what they say now, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.status import Condition

from trainingrun_reconciler.desired.timestamps import timestamp


@dataclass(frozen=True)
class ConditionState:
    """Whether a condition holds, why, and the sentence for people."""

    status: ConditionStatus
    reason: str
    message: str

    @property
    def is_true(self) -> bool:
        """Whether the condition holds."""
        return self.status is ConditionStatus.TRUE


def next_condition(
    before: Condition | None, kind: str, state: ConditionState, *, generation: int, now: float
) -> Condition:
    """The condition of a type; ``lastTransitionTime`` stays while the status does."""
    since = timestamp(now)
    if before is not None and before.status is state.status:
        reported = before.reason, before.message, before.observed_generation
        if reported == (state.reason, state.message, generation):
            return before  # most of them, at most reconciles
        since = before.last_transition_time
    return Condition(
        type=kind,
        status=state.status,
        reason=state.reason,
        message=state.message,
        last_transition_time=since,
        observed_generation=generation,
    )
