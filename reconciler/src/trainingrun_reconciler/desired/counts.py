"""The counts of a status: games, transitions, weights, evaluations, members, the bottleneck.

Each function gives the new value, or the one that stands when it cannot be seen now.
"""

from __future__ import annotations

from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import (
    AutoscalingStatus,
    Bottleneck,
    CheckpointStatus,
    Dropped,
    EvaluationStatus,
    GamesStatus,
    GateStatus,
    ModelStatus,
    RoleStatus,
    ScaleDecisionStatus,
    TransitionsStatus,
)
from trainingrun_contracts.reports import (
    CHAMPION,
    ActorReport,
    Evaluation,
    GateResult,
    GateVerdict,
    LearnerReport,
)

from trainingrun_reconciler.algorithms.run_roles import RunRoles
from trainingrun_reconciler.desired.draining import DrainPlan
from trainingrun_reconciler.desired.facts import Facts, played
from trainingrun_reconciler.desired.observed import Observed, ObservedRole, Signals
from trainingrun_reconciler.desired.rates import Rates, learner_report
from trainingrun_reconciler.desired.scale import ScaleDecision, ScaleInputs
from trainingrun_reconciler.desired.timestamps import timestamp
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Drain, RoleDeclaration
from trainingrun_reconciler.roles.workload import Role

_WAITS_LONG: Final = 0.3
_PAUSED_LONG: Final = 0.2


def from_signals(run: TrainingRun, signals: Signals | None, rates: Rates) -> dict[str, object]:
    """All counts that Redis holds, by field of the status; nothing when it cannot be asked."""
    if signals is None:
        return {}
    results = evaluations(run, signals)
    return {
        "games": games(run, signals, rates),
        "transitions": transitions(signals, rates),
        "model": model(run, signals),
        "evaluation": results,
        "win_rate": win_rate(run, results),
        "checkpoint": checkpoint(run, signals),
        "bottleneck": bottleneck(signals),
    }


def games(run: TrainingRun, signals: Signals, rates: Rates) -> GamesStatus:
    """The training games."""
    ended, target = played(run, signals), run.spec.games
    return GamesStatus(
        played=ended,
        target=target,
        aborted=signals.games.get("aborted", 0),
        per_second=_rounded(rates.games),
    )


def transitions(signals: Signals, rates: Rates) -> TransitionsStatus:
    """The ledger."""
    ledger = signals.ledger
    return TransitionsStatus(
        produced=ledger.produced,
        trained=ledger.trained,
        queued=ledger.queued,
        dropped=Dropped(**ledger.dropped),
        lost=ledger.lost,
        per_second=_rounded(rates.trained),
    )


def model(run: TrainingRun, signals: Signals) -> ModelStatus | None:
    """The newest weights."""
    pointer = signals.pointer
    if pointer is None:
        return run.status.model
    known = run.status.model.champion if run.status.model is not None else None
    champion = signals.champion.version if signals.champion is not None else known
    adopted = [each.adopted_from for each in signals.reports if isinstance(each, LearnerReport)]
    before = run.status.model.adopted_from if run.status.model is not None else None
    return ModelStatus(
        version=pointer.version,
        published_at=timestamp(pointer.at),
        champion=champion,
        adopted_from=next((each for each in adopted if each is not None), before),
    )


def checkpoint(run: TrainingRun, signals: Signals | None) -> CheckpointStatus | None:
    """The newest checkpoint that the learner reported."""
    report = learner_report(signals) if signals is not None else None
    if report is None or report.checkpoint is None:
        return run.status.checkpoint
    newest = report.checkpoint
    return CheckpointStatus(
        uri=newest.uri,
        step=newest.step,
        games=newest.games,
        saved_at=timestamp(newest.saved_at),
        sha256=newest.sha256,
    )


def evaluations(run: TrainingRun, signals: Signals) -> tuple[EvaluationStatus, ...]:
    """The newest evaluation against each opponent, in the order of the spec."""
    newest: dict[str, Evaluation] = {}
    for result in signals.evaluations:
        before = newest.get(result.opponent)
        if before is None or result.at >= before.at:
            newest[result.opponent] = result
    standing = {each.opponent: each for each in run.status.evaluation}
    found = (
        _evaluation(newest[opponent]) if opponent in newest else standing.get(opponent)
        for opponent in _met(run)
    )
    return tuple(each for each in found if each is not None)


def _met(run: TrainingRun) -> tuple[str, ...]:
    """Whom the evaluator meets."""
    opponents = run.spec.evaluation_opponents
    return opponents if run.spec.evaluation.gate is None else (*opponents, CHAMPION)


def _evaluation(result: Evaluation) -> EvaluationStatus:
    return EvaluationStatus(
        opponent=result.opponent,
        version=result.version,
        games=result.games,
        wins=result.wins,
        draws=result.draws,
        win_rate=round(result.rate, 4),
        low=round(result.low, 4),
        high=round(result.high, 4),
        elo=None if result.elo is None else round(result.elo, 1),
        elo_error=None if result.elo_error is None else round(result.elo_error, 1),
        elo_anchor=result.anchor or None,
        gate=_gate(result.gate),
        training_games=result.training_games,
        at=timestamp(result.at),
    )


def _gate(result: GateResult | None) -> GateStatus | None:
    if result is None:
        return None
    return GateStatus(
        verdict="Promote" if result.verdict is GateVerdict.PROMOTE else "Keep",
        champion=result.champion,
        log_likelihood_ratio=round(result.ratio, 2),
        pairs=result.pairs,
    )


def win_rate(run: TrainingRun, results: tuple[EvaluationStatus, ...]) -> str | None:
    """The win rate against the first opponent, for people."""
    first = run.spec.evaluation_opponents[0]
    for each in results:
        if each.opponent == first:
            return f"{each.win_rate:.0%} ({each.low * 100:.0f}-{each.high * 100:.0f})"
    return run.status.win_rate


def roles(run: RunRoles, observed: Observed, signals: Signals | None) -> tuple[RoleStatus, ...]:
    """The members of each role that the run has, or still has, in the order of their start."""
    counted = {each.role for each in run.counted}
    return tuple(
        _role(each.role, observed.serving.get(each.role), _busy(each, signals))
        for each in ROLES.counted
        if each.role in counted or each.role in observed.roles
    )


def _role(name: Role, role: ObservedRole | None, busy: int | None) -> RoleStatus:
    """The members; of a role that ended or is being removed, none are wanted."""
    stays = role is not None and role.finished is None and not role.removing
    desired = role.replicas if role is not None and stays else 0
    ready = len(role.ready) if role is not None else 0
    return RoleStatus(
        name=name.value,
        desired=desired,
        ready=ready,
        busy=busy,
        restarts=sum(member.restarts for member in role.members) if role is not None else 0,
    )


def _busy(declared: RoleDeclaration, signals: Signals | None) -> int | None:
    """Games that its members serve, or play; None where they do neither, or it is unknown."""
    if signals is None:
        return None
    if declared.drain is Drain.BY_SLOTS:
        return sum(signals.busy.values())
    kind = declared.report
    if kind is None or "running" not in kind.__struct_fields__:
        return None
    return sum(
        getattr(report, "running", 0) for report in signals.reports if isinstance(report, kind)
    )


def autoscaling(
    facts: Facts, scaled: ScaleDecision, plan: DrainPlan | None
) -> AutoscalingStatus | None:
    """The last decision that changed the number of scaled members, and how many lost their
    games."""
    standing, role = _with_forced(facts, plan), facts.scaled
    if role is None or scaled.inputs is None or scaled.replicas == role.replicas:
        return standing
    last = standing.last_decision if standing is not None else None
    if last is not None and last.to_replicas == scaled.replicas:
        return standing  # a drain is under way: the decision was reported when it was made
    decision = ScaleDecisionStatus(
        at=timestamp(facts.now),
        from_replicas=role.replicas,
        to_replicas=scaled.replicas,
        reason=scaled.reason,
        inputs=_inputs(scaled.inputs, scaled.wanted),
    )
    forced = standing.forced if standing is not None else None
    return AutoscalingStatus(last_decision=decision, forced=forced)


def _with_forced(facts: Facts, plan: DrainPlan | None) -> AutoscalingStatus | None:
    """The count of members that go with games, raised at the reconcile that takes them away."""
    standing, role = facts.run.status.autoscaling, facts.scaled
    is_ours = facts.observed.external is None
    if role is None or not is_ours or plan is None or not plan.forced:
        return standing
    if plan.replicas >= role.replicas:
        return standing
    before = standing or AutoscalingStatus()
    return before.model_copy(update={"forced": (before.forced or 0) + plan.forced})


def _inputs(inputs: ScaleInputs, wanted: int | None) -> dict[str, float]:
    measured = {
        "wanted": wanted,
        "learnerCapacity": inputs.capacity,
        "producedPerDaemon": inputs.produced_per_daemon,
        "queued": float(inputs.queued),
        "highWater": float(inputs.high_water),
        "paused": inputs.paused,
        "learnerBusy": inputs.busy,
    }
    return {name: round(value, 3) for name, value in measured.items() if value is not None}


def bottleneck(signals: Signals) -> Bottleneck | None:
    """The role that the others wait for; None when the waits are not known, or before the first
    update, for which everybody waits."""
    learner = learner_report(signals)
    actors = [report for report in signals.reports if isinstance(report, ActorReport)]
    if learner is None or not learner.trained or not actors:
        return None

    def mean(cause: str) -> float:
        return sum(report.waits.get(cause, 0.0) for report in actors) / len(actors)

    if mean("queue") > _PAUSED_LONG:
        return "Learner"
    if learner.waits.get("data", 0.0) <= _WAITS_LONG:
        return "None"
    return "Engine" if mean("engine") + mean("slots") >= mean("inference") else "Actor"


def _rounded(value: float | None) -> float | None:
    return round(value, 2) if value is not None else None
