"""The events of a reconcile: changes of conditions, what roles had to say, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trainingrun_api.conditions import (
    ConditionStatus,
    ConditionType,
    EventReason,
    Reason,
)
from trainingrun_api.status import Condition, TrainingRunStatus
from trainingrun_contracts.plain_text import one_line

from trainingrun_reconciler.desired import interruptions
from trainingrun_reconciler.desired.actions import Action, Apply, RequestCheckpoint, SetIntent
from trainingrun_reconciler.desired.announced import RoleMessages
from trainingrun_reconciler.desired.assessment import Assessment
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.health import describe
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.requests import newly_drained, requested_drains
from trainingrun_reconciler.desired.stage import Goal, Stage
from trainingrun_reconciler.desired.status import describe_problem
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Life

_TRUE, _FALSE, _UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
_KNOWN: Final = frozenset(EventReason)
_STOPS: Final = {
    "WinRateReached": EventReason.WIN_RATE_REACHED,
    "Idle": EventReason.IDLE_SHUTDOWN,
    "BudgetExhausted": EventReason.BUDGET_EXHAUSTED,
}


def events(
    view: Assessment, status: TrainingRunStatus, actions: tuple[Action, ...], *, new: RoleMessages
) -> tuple[RunEvent, ...]:
    """List what happened between the status that stands and the new one.

    Args:
        view: of this reconcile.
        status: the new one.
        actions: that are about to be done.
        new: notices and evaluations of the roles that were not reported before.
    """
    if view.lifecycle.stage is Stage.OVER:
        return tuple(_ignored(view, status))
    return (
        *_messages(new),  # first: it led to what follows
        *_stops(view, status),
        *_life(view, status),
        *_queue(view, status),
        *_admission(view, status),
        *_league(view, status),
        *_progress(view, status),
        *_problem(view, status),
        *_interrupted(view),
        *_members(view),
        *_curriculum(view, status),
        *_rolling(view),
        *_storage(view, actions),
        *_scaling(view, actions),
        *_answering(view, actions),
        *_limit(view, status),
        *_draining(view, actions),
        *_requests(view, actions),
    )


def _life(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    if view.run.status.started_at is None and status.started_at is not None:
        yield RunEvent(EventReason.STARTED, f"{view.run.spec.games} games are to be played")
    before, after = _pair(view, status, ConditionType.SUSPENDED)
    if after is not None and (before is None or before.status is not after.status):
        if after.status is _TRUE:
            yield RunEvent(EventReason.SUSPENDED, after.message)
        elif after.status is _UNKNOWN:
            yield RunEvent(EventReason.SUSPENDING, after.message)
        elif before is not None:
            yield RunEvent(EventReason.RESUMED, "the run continues from its checkpoint")
    if status.is_complete and status.end is not None:
        yield RunEvent(EventReason.COMPLETED, status.end.message)
    elif status.failure is not None:
        yield RunEvent(EventReason.FAILED, status.failure.message, warning=True)


def _stops(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """Report that the operator ends or stops the run, and why."""
    before, after = view.run.status.stop, status.stop
    if after is None or (before is not None and before.at == after.at):
        return
    reason = _STOPS[after.reason]
    yield RunEvent(reason, after.message, warning=reason is not EventReason.WIN_RATE_REACHED)


def _queue(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    before, after = _pair(view, status, ConditionType.QUEUE_AVAILABLE)
    if after is None or view.lifecycle.ends:
        return
    was_lost = before is not None and _is_lost(before)
    if _is_lost(after) and not was_lost:
        yield RunEvent(EventReason.QUEUE_UNREACHABLE, after.message, warning=True)
    if after.status is _TRUE and was_lost:
        yield RunEvent(EventReason.QUEUE_RECOVERED, after.message)


def _league(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    before, after = _pair(view, status, ConditionType.LEAGUE_AVAILABLE)
    if after is None or (before is not None and before.status is after.status):
        return
    if after.status is _FALSE:
        yield RunEvent(EventReason.LEAGUE_UNREACHABLE, after.message, warning=True)
    elif after.status is _TRUE and before is not None and before.status is _FALSE:
        yield RunEvent(EventReason.LEAGUE_ANSWERS, after.message)


def _admission(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """The run began to wait for Kueue, or was let begin."""
    before, after = _pair(view, status, ConditionType.READY)
    waited = before is not None and before.reason == Reason.WAITING_FOR_QUOTA
    if after is None or (after.reason == Reason.WAITING_FOR_QUOTA) == waited:
        return
    if not waited:
        yield RunEvent(EventReason.WAITING_FOR_QUOTA, after.message)
    elif view.facts.held is None and view.facts.learner is not None:
        yield RunEvent(EventReason.ADMITTED, "the learner was let begin, and the rest follows")


def _progress(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """A standstill, and its end while the run still runs."""
    before, after = _pair(view, status, ConditionType.PROGRESSING)
    was_stalled = before is not None and _is_stalled(before)
    if after is None or _is_stalled(after) == was_stalled:
        return
    if _is_stalled(after):
        text = f"{after.message}: see the conditions, the roles' logs and the daemons"
        yield RunEvent(EventReason.STALLED, text, warning=True)
    elif view.lifecycle.stage is Stage.RUNNING:
        yield RunEvent(EventReason.PROGRESSING, "games are played or trained again")


def _is_stalled(progressing: Condition) -> bool:
    return progressing.reason == Reason.PROGRESS_DEADLINE_EXCEEDED


def _is_lost(queue: Condition) -> bool:
    return queue.status is _FALSE and queue.reason != Reason.NOT_CREATED


def _problem(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """A new thing that needs a person; the queue's and the roles' own are reported elsewhere."""
    before, after = _pair(view, status, ConditionType.DEGRADED)
    if after is None or not after.is_true or view.lifecycle.stage is Stage.FAILED:
        return
    queue = status.condition(ConditionType.QUEUE_AVAILABLE)
    same = before is not None and before.is_true and before.message == after.message
    reported_elsewhere = {queue.message} if queue is not None else set()
    reported_elsewhere |= {describe_problem(*each) for each in view.problems.items()}
    if view.signals is not None:
        reported_elsewhere |= {describe(notice) for notice in view.signals.notices}
    if same or after.message in reported_elsewhere:
        return
    refused = view.lifecycle.stage is Stage.REFUSED
    reason = EventReason.INVALID_SPEC if refused else EventReason.PROBLEM
    yield RunEvent(reason, after.message, warning=True)


def _interrupted(view: Assessment) -> Iterator[RunEvent]:
    """Members had to leave their nodes; a learner's is no warning either: it continues from what
    it saved."""
    for role, gone in view.interrupted.items():
        yield RunEvent(EventReason.INTERRUPTED, interruptions.describe(role, gone))


def _members(view: Assessment) -> Iterator[RunEvent]:
    """A role has a problem that it had not; whether it lasts is for the status to say.

    Redis is reported by the queue, and an interruption as such.
    """
    for role, problem in view.problems.items():
        known = ROLES[role].life is Life.STORE or role in view.interrupted
        if problem.began_at == view.now and not known:
            yield RunEvent(EventReason.PROBLEM, describe_problem(role, problem), warning=True)


def _curriculum(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """One for each phase that has begun; a fast run may have had several since the last
    reconcile."""
    before, after = view.run.status.curriculum, status.curriculum
    if after is None:
        return
    phases = [(each.name, each.since_games) for each in after.passed]
    phases.append((after.phase, after.since_games))
    reasons = [each.why for each in after.passed]  # why each ended is why the next one began
    reasons.insert(0, "the curriculum begins" if reasons else after.why)
    known = before.number if before is not None else after.number - len(phases)
    begun = list(zip(phases, reasons, strict=True))
    for (name, games), why in begun[max(0, len(begun) - (after.number - known)) :]:
        yield RunEvent(EventReason.PHASE_BEGAN, f"phase {name} began at game {games}: {why}")


def _ignored(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """The spec of a run that is over has changed, which changes nothing."""
    before, after = _pair(view, status, ConditionType.PROGRESSING)
    if after is None or after.reason != Reason.RUN_OVER:
        return
    if before is None or before.message != after.message:
        yield RunEvent(EventReason.INVALID_SPEC, after.message, warning=True)


def _rolling(view: Assessment) -> Iterator[RunEvent]:
    """The members of the run are replaced, although its spec is unchanged."""
    if view.rolling:
        text = (
            f"members are replaced, because the operator's default images changed: {view.rolling}"
        )
        yield RunEvent(EventReason.ROLLING, text)


def _storage(view: Assessment, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    """The claim of a role is gone and is made again, without what it held."""
    for action in actions:
        if not isinstance(action, Apply):
            continue
        there = view.observed.roles.get(action.workload.role)
        if there is not None and there.storage_lost:
            text = (
                f"the claim that {action.workload.role.value} writes to was deleted; it is made"
                " again, empty: what it held is lost"
            )
            yield RunEvent(EventReason.STORAGE_LOST, text, warning=True)


def _scaling(view: Assessment, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    declared, scaling = view.facts.roles.scaled, view.facts.roles.scaling
    if declared is None or scaling is None:
        return
    there = view.observed.roles.get(declared.role)
    for action in actions:
        if not isinstance(action, Apply) or action.workload.role != declared.role:
            continue
        wanted = action.workload.replicas
        if there is None or wanted == there.replicas:
            continue
        reason = EventReason.SCALED_UP if wanted > there.replicas else EventReason.SCALED_DOWN
        inputs = f" ({view.scaled.inputs.described()})" if view.scaled.inputs else ""
        why = _asked_away(view, there) if wanted < there.replicas else ""
        why = why or f"{view.scaled.reason}{inputs}"
        yield RunEvent(reason, f"{scaling.noun.many} from {there.replicas} to {wanted}: {why}")


def _answering(view: Assessment, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    """The number of those whom clients wait for changes."""
    declared, decided = view.facts.roles.answering, view.answering
    if declared is None or declared.by_waits is None or decided is None:
        return
    there = view.observed.roles.get(declared.role)
    if there is None or there.replicas == decided.replicas:
        return
    if any(isinstance(each, Apply) and each.workload.role == declared.role for each in actions):
        grows = decided.replicas > there.replicas
        reason = EventReason.SCALED_UP if grows else EventReason.SCALED_DOWN
        noun = declared.by_waits.noun.many
        text = f"{noun} from {there.replicas} to {decided.replicas}: {decided.reason}"
        yield RunEvent(reason, text)


def _limit(view: Assessment, status: TrainingRunStatus) -> Iterator[RunEvent]:
    """What keeps the number of daemons from the rates' is another than before, or is gone.

    A drain limits for a moment whenever daemons go, and ScaledDown reports it; a rate that is not
    known yet is no news.
    """
    before, after = _pair(view, status, ConditionType.SCALING_LIMITED)
    if before is None or after is None or view.lifecycle.stage is not Stage.RUNNING:
        return
    was, now = _limit_of(before), _limit_of(after)
    if was == now or Reason.DRAIN_IN_PROGRESS in {was, now}:
        return
    if now is None:
        yield RunEvent(EventReason.SCALING_LIMITED, f"no longer {was}: {after.message}")
    elif now != Reason.METRIC_UNAVAILABLE or view.run.status.autoscaling is not None:
        yield RunEvent(EventReason.SCALING_LIMITED, f"{now}: {after.message}")


def _limit_of(scaling: Condition) -> str | None:
    return scaling.reason if scaling.is_true else None


def _asked_away(view: Assessment, there: ObservedRole) -> str:
    """That daemons go because somebody asked for it, and not because fewer would do."""
    going = view.plan.removable if view.plan is not None else ()
    names = [member.name for member in requested_drains(view.run, there) if member.name in going]
    return f"{', '.join(names)} has drained, as was asked" if names else ""


def _draining(view: Assessment, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    if view.lifecycle.goal is Goal.COMPLETE and view.lifecycle.stage is Stage.DRAINING:
        for action in actions:
            if isinstance(action, SetIntent):
                reached = view.lifecycle.reason is not Reason.WIN_RATE_REACHED
                what = "the target" if reached else "stopWhen.winRate"
                yield RunEvent(EventReason.DRAINING, f"{what} is reached; running games end")


def _requests(view: Assessment, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    """What people asked for by annotation, when it is followed."""
    for name in newly_drained(view.run, view.facts.scaled, view.signals):
        text = f"daemon {name} gets no more games, as was asked; it goes when its own have ended"
        yield RunEvent(EventReason.DRAIN_REQUESTED, text)
    for action in actions:
        if isinstance(action, RequestCheckpoint):
            text = f"the learner was asked to save, as requested ({action.token})"
            yield RunEvent(EventReason.CHECKPOINT_REQUESTED, text)


def _messages(new: RoleMessages) -> Iterator[RunEvent]:
    """Notices and evaluations of the roles that were not there before."""
    for notice in new.notices:
        known = notice.reason in _KNOWN
        reason = notice.reason if known else EventReason.PROBLEM.value
        yield RunEvent(reason, describe(notice), warning=notice.warning)
    for result in new.evaluations:
        text = (
            f"version {result.version} against {one_line(result.opponent, 64)}: {result.rate:.0%}"
            f" ({result.low:.0%} to {result.high:.0%}) over {result.games} games"
        )
        yield RunEvent(EventReason.EVALUATED, text)


def _pair(
    view: Assessment, status: TrainingRunStatus, kind: ConditionType
) -> tuple[Condition | None, Condition | None]:
    return view.run.status.condition(kind), status.condition(kind)
