"""When the operator ends or stops a run by itself: strong enough, idle for too long, out of money.

A decision to stop stands in the status, because what it came from passes: the next evaluation is
weaker, and a run that stopped has no progress to measure. Each ends in its own way: that about
money with the money, the others with the generation of the spec that they were made for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from trainingrun_contracts.api.requests import WAKE
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.status import CostStatus, StopStatus

from trainingrun_operator.desired.admission import held
from trainingrun_operator.desired.observed import Observed, Signals
from trainingrun_operator.desired.workload import Role


@dataclass(frozen=True)
class Progress:
    """When the counters last moved, and what they were."""

    at: float
    played: int
    trained: int


def follow_progress(
    run: TrainingRun, observed: Observed, last: Progress | None, *, now: float
) -> Progress:
    """When something last moved; after a restart of the operator, as the status has it."""
    before = last or _recorded(run)
    if not isinstance(observed.signals, Signals):
        return before or Progress(now, 0, 0)
    signals = observed.signals
    new = Progress(now, signals.games.get("played", 0), signals.ledger.trained)
    return before if before is not None and replace(new, at=before.at) == before else new


def stop(
    run: TrainingRun,
    observed: Observed,
    *,
    progress: Progress,
    cost: CostStatus | None,
    now: float,
) -> StopStatus | None:
    """Why the run is to end or stop now; None while it may go on."""
    standing = run.status.stop
    if standing is not None and _holds(run, standing, cost):
        return standing
    if run.spec.suspend:
        return None
    return (
        _strong(run, observed, now) or _spent(run, cost, now) or _idle(run, observed, progress, now)
    )


def _recorded(run: TrainingRun) -> Progress | None:
    status = run.status
    if status.progressed_at is None:
        return None
    played = status.games.played if status.games is not None else None
    trained = status.transitions.trained if status.transitions is not None else None
    return Progress(status.progressed_at.timestamp(), played or 0, trained or 0)


def _holds(run: TrainingRun, standing: StopStatus, cost: CostStatus | None) -> bool:
    spec, same = run.spec, standing.generation == run.metadata.generation
    match standing.reason:
        case "BudgetExhausted":
            return _is_spent(run, cost)
        case "WinRateReached":
            return same and spec.stop_when is not None
        case "Idle":
            woken = run.metadata.annotations.get(WAKE, "") != standing.wake
            return same and not woken and spec.idle_shutdown_minutes is not None


def _strong(run: TrainingRun, observed: Observed, now: float) -> StopStatus | None:
    goal, signals = run.spec.stop_when, observed.signals
    if goal is None or not isinstance(signals, Signals):
        return None
    opponent = goal.opponent or run.spec.evaluation.opponents[0]
    results = [each for each in signals.evaluations if each.opponent == opponent]
    newest = max(results, key=lambda each: each.at, default=None)
    if newest is None or newest.low < goal.win_rate or newest.training_games < goal.min_games:
        return None
    message = (
        f"version {newest.version} wins {newest.rate:.0%} against {opponent} over"
        f" {newest.games} games: the lower bound is {newest.low:.3f}, and stopWhen.winRate is"
        f" {goal.win_rate:g}"
    )
    return _stop(run, "WinRateReached", message, now)


def _spent(run: TrainingRun, cost: CostStatus | None, now: float) -> StopStatus | None:
    prices = run.spec.cost
    if cost is None or prices is None or prices.budget is None or not _is_spent(run, cost):
        return None
    message = f"{cost.display} are spent, and cost.budget is {prices.budget:.2f}: raise it to go on"
    return _stop(run, "BudgetExhausted", message, now)


def _is_spent(run: TrainingRun, cost: CostStatus | None) -> bool:
    prices = run.spec.cost
    if cost is None or prices is None or prices.budget is None:
        return False
    return cost.spent >= prices.budget


def _idle(
    run: TrainingRun, observed: Observed, progress: Progress, now: float
) -> StopStatus | None:
    """Idle is a run that could go on: not while it waits in a queue, nor just after."""
    minutes = run.spec.idle_shutdown_minutes
    if minutes is None or held(observed) is not None:
        return None
    learner = observed.roles.get(Role.LEARNER)
    begun = [member.started_at or 0.0 for member in learner.members] if learner else []
    since = max(progress.at, *begun) if run.spec.queue_name and begun else progress.at
    if now - since < minutes * 60:
        return None
    message = (
        f"no game ended and nothing was trained for {minutes} min (idleShutdownMinutes): mend the"
        f" cause, then change the spec or the annotation {WAKE}"
    )
    return _stop(run, "Idle", message, now)


def _stop(
    run: TrainingRun,
    reason: Literal["WinRateReached", "Idle", "BudgetExhausted"],
    message: str,
    now: float,
) -> StopStatus:
    return StopStatus(
        reason=reason,
        message=message,
        at=datetime.fromtimestamp(int(now), tz=UTC),
        generation=run.metadata.generation,
        wake=run.metadata.annotations.get(WAKE, ""),
    )
