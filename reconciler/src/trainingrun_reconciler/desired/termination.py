"""When the operator ends or stops a run by itself: strong enough, idle for too long, out of money.

A decision to stop stands in the status, because what it came from passes: the next evaluation is
weaker, and a run that stopped has no progress to measure. Each ends in its own way: that about
money with the money, the others with the generation of the spec that they were made for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from trainingrun_api.requests import WAKE
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import CostStatus, StopStatus

from trainingrun_reconciler.desired.facts import Facts


@dataclass(frozen=True)
class Progress:
    """When the counters last moved, and what they were."""

    at: float
    played: int
    trained: int


def track_progress(facts: Facts, last: Progress | None) -> Progress:
    """When something last moved; after a restart of the operator, as the status has it."""
    before = last or _recorded(facts.run)
    if facts.signals is None:
        return before or Progress(facts.now, 0, 0)
    new = Progress(facts.now, facts.played, facts.signals.ledger.trained)
    return before if before is not None and replace(new, at=before.at) == before else new


def stop(facts: Facts, *, progress: Progress, cost: CostStatus | None) -> StopStatus | None:
    """Why the run is to end or stop now; None while it may continue."""
    run = facts.run
    standing = run.status.stop
    if standing is not None and _holds(run, standing, cost):
        return standing
    if run.spec.suspend:
        return None
    return _strong(facts) or _spent(run, cost, facts.now) or _idle(facts, progress)


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
            return same and not woken and spec.idle_shutdown_seconds is not None


def _strong(facts: Facts) -> StopStatus | None:
    run, signals = facts.run, facts.signals
    goal = run.spec.stop_when
    if goal is None or signals is None:
        return None
    opponent = goal.opponent or run.spec.evaluation_opponents[0]
    results = [each for each in signals.evaluations if each.opponent == opponent]
    newest = max(results, key=lambda each: each.at, default=None)
    if newest is None or newest.low < goal.win_rate or newest.training_games < goal.min_games:
        return None
    message = (
        f"version {newest.version} wins {newest.rate:.0%} against {opponent} over"
        f" {newest.games} games: the lower bound is {newest.low:.3f}, and stopWhen.winRate is"
        f" {goal.win_rate:g}"
    )
    return _stop(run, "WinRateReached", message, facts.now)


def _spent(run: TrainingRun, cost: CostStatus | None, now: float) -> StopStatus | None:
    prices = run.spec.cost
    if cost is None or prices is None or prices.budget is None or not _is_spent(run, cost):
        return None
    message = (
        f"{cost.display} are spent, and cost.budget is {prices.budget:.2f}: raise it to continue"
    )
    return _stop(run, "BudgetExhausted", message, now)


def _is_spent(run: TrainingRun, cost: CostStatus | None) -> bool:
    prices = run.spec.cost
    if cost is None or prices is None or prices.budget is None:
        return False
    return cost.spent >= prices.budget


def _idle(facts: Facts, progress: Progress) -> StopStatus | None:
    """Idle is a run that could continue: not while it waits in a queue, nor just after."""
    run = facts.run
    limit = run.spec.idle_shutdown_seconds
    if limit is None or facts.held is not None:
        return None
    begun = [member.started_at or 0.0 for member in facts.learner.members] if facts.learner else []
    since = max(progress.at, *begun) if run.queue and begun else progress.at
    if facts.now - since < limit:
        return None
    message = (
        f"no game ended and nothing was trained for {limit} s (idleShutdownSeconds): repair the"
        f" cause, then change the spec or the annotation {WAKE}"
    )
    return _stop(run, "Idle", message, facts.now)


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
