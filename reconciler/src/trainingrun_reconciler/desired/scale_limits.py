"""What keeps the number of daemons from the rates', reported once it has held for a while.

The rates of one moment ask for a number that the next one takes back: near a bound, a condition
made of them changed several times a minute. So a limit becomes the condition when it has stood
without a break, and so does its end; what neither stands nor has ended leaves the condition as it
is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from trainingrun_api.conditions import ConditionType, Reason
from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.desired import health
from trainingrun_reconciler.desired.conditions import ConditionState
from trainingrun_reconciler.desired.scale import DAEMONS, Limit, ScaleDecision, running
from trainingrun_reconciler.roles.declaration import Noun

STANDS_SECONDS: Final = 60.0
UNKNOWN_SECONDS: Final = 180.0
"""A rate is unknown for minutes after each start, until the learner has trained."""
_REASONS: Final = {
    Limit.AT_MAX: Reason.AT_MAX,
    Limit.AT_MIN: Reason.AT_MIN,
    Limit.METRIC_UNAVAILABLE: Reason.METRIC_UNAVAILABLE,
}


@dataclass(frozen=True)
class LimitMemory:
    """``limit`` has stood long enough; ``newest`` is that of the last reconcile, there ``since``
    (Unix seconds). Losing it is harmless: the condition stays until a limit has stood again."""

    limit: Limit | None = None
    newest: Limit | None = None
    since: float = 0.0


def track_limit(before: LimitMemory, newest: Limit, *, now: float) -> LimitMemory:
    """The memory after one more reconcile."""
    if newest is not before.newest:
        return replace(before, newest=newest, since=now)
    stands = UNKNOWN_SECONDS if newest is Limit.METRIC_UNAVAILABLE else STANDS_SECONDS
    return replace(before, limit=newest) if now - before.since >= stands else before


def limit_finding(
    run: TrainingRun,
    scaled: ScaleDecision,
    limit: Limit | None,
    *,
    least: int,
    most: int,
    noun: Noun = DAEMONS,
) -> ConditionState:
    """Whether the number of scaled members is limited, and by what.

    A message with the figures of the moment stays while limit and number do.
    """
    if least == most:
        message = f"minReplicas and maxReplicas are both {least}: the number is fixed"
        return health.false(Reason.WITHIN_LIMITS, message)
    before = run.status.condition(ConditionType.SCALING_LIMITED)
    if limit is None or limit is Limit.NONE:
        if limit is None and before is not None and before.is_true:
            return health.true(
                health.documented(before.reason, otherwise=Reason.UNKNOWN), before.message
            )
        message = f"the number of {noun.many} is within its bounds"
        return health.false(Reason.WITHIN_LIMITS, message)
    reason = _REASONS[limit]
    if before is not None and before.is_true and before.reason == reason:
        same = before.message.startswith(running(scaled.present, noun))
        message = before.message if same or limit is not scaled.limited_by else scaled.reason
        return health.true(reason, message)
    return health.true(reason, scaled.reason)
