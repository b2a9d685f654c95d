"""The events of a look: changes of conditions, what roles had to say, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trainingrun_contracts.api.conditions import (
    ConditionStatus,
    ConditionType,
    EventReason,
    Reason,
)
from trainingrun_contracts.api.status import Condition, TrainingRunStatus
from trainingrun_contracts.plain_text import one_line

from trainingrun_operator.desired import interruptions
from trainingrun_operator.desired.actions import Action, Apply, RequestCheckpoint, SetIntent
from trainingrun_operator.desired.admission import held
from trainingrun_operator.desired.announced import Said
from trainingrun_operator.desired.events import RunEvent
from trainingrun_operator.desired.health import words_of
from trainingrun_operator.desired.observed import ObservedRole
from trainingrun_operator.desired.requests import asked_to_drain, newly_drained
from trainingrun_operator.desired.stage import Goal, Stage
from trainingrun_operator.desired.status import View, words_of_trouble
from trainingrun_operator.desired.workload import Role

_TRUE, _FALSE, _UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
_KNOWN: Final = frozenset(EventReason)
_STOPS: Final = {
    "WinRateReached": EventReason.WIN_RATE_REACHED,
    "Idle": EventReason.IDLE_SHUTDOWN,
    "BudgetExhausted": EventReason.BUDGET_EXHAUSTED,
}


def events(
    view: View, told: TrainingRunStatus, actions: tuple[Action, ...], *, new: Said
) -> tuple[RunEvent, ...]:
    """What happened: from the status that stands to the one ``told`` now.

    Args:
        view: of this look.
        told: the new status.
        actions: that are about to be done.
        new: notices and evaluations of the roles that were not told before.
    """
    if view.phase.stage is Stage.OVER:
        return tuple(_ignored(view, told))
    return (
        *_said(new),  # first: what roles said led to what follows
        *_stops(view, told),
        *_life(view, told),
        *_queue(view, told),
        *_admission(view, told),
        *_progress(view, told),
        *_trouble(view, told),
        *_interrupted(view),
        *_members(view),
        *_curriculum(view, told),
        *_rolling(view),
        *_storage(view, actions),
        *_scaling(view, actions),
        *_limit(view, told),
        *_draining(view, actions),
        *_requests(view, actions),
    )


def _life(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    if view.run.status.started_at is None and told.started_at is not None:
        yield RunEvent(EventReason.STARTED, f"{view.run.spec.games} games are to be played")
    before, after = _pair(view, told, ConditionType.SUSPENDED)
    if after is not None and (before is None or before.status is not after.status):
        if after.status is _TRUE:
            yield RunEvent(EventReason.SUSPENDED, after.message)
        elif after.status is _UNKNOWN:
            yield RunEvent(EventReason.SUSPENDING, after.message)
        elif before is not None:
            yield RunEvent(EventReason.RESUMED, "the run goes on from its checkpoint")
    before, after = _pair(view, told, ConditionType.SUCCEEDED)
    if after is not None and after.status is _TRUE:
        yield RunEvent(EventReason.COMPLETED, after.message)
    elif after is not None and after.status is _FALSE:
        yield RunEvent(EventReason.FAILED, after.message, warning=True)


def _stops(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """The operator decided to end or to stop the run, and why."""
    before, after = view.run.status.stop, told.stop
    if after is None or (before is not None and before.at == after.at):
        return
    reason = _STOPS[after.reason]
    yield RunEvent(reason, after.message, warning=reason is not EventReason.WIN_RATE_REACHED)


def _queue(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    before, after = _pair(view, told, ConditionType.QUEUE_AVAILABLE)
    if after is None or view.phase.ends:
        return
    was_lost = before is not None and _is_lost(before)
    if _is_lost(after) and not was_lost:
        yield RunEvent(EventReason.QUEUE_UNREACHABLE, after.message, warning=True)
    if after.status is _TRUE and was_lost:
        yield RunEvent(EventReason.QUEUE_RECOVERED, after.message)


def _admission(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """The run began to wait for Kueue, or was let begin."""
    before, after = _pair(view, told, ConditionType.READY)
    waited = before is not None and before.reason == Reason.WAITING_FOR_QUOTA
    if after is None or (after.reason == Reason.WAITING_FOR_QUOTA) == waited:
        return
    if not waited:
        yield RunEvent(EventReason.WAITING_FOR_QUOTA, after.message)
    elif held(view.observed) is None and Role.LEARNER in view.observed.roles:
        yield RunEvent(EventReason.ADMITTED, "the learner was let begin, and the rest follows")


def _progress(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """A standstill, and its end while the run still runs."""
    before, after = _pair(view, told, ConditionType.PROGRESSING)
    was_stalled = before is not None and _is_stalled(before)
    if after is None or _is_stalled(after) == was_stalled:
        return
    if _is_stalled(after):
        text = f"{after.message}: see the conditions, the roles' logs and the daemons"
        yield RunEvent(EventReason.STALLED, text, warning=True)
    elif view.phase.stage is Stage.RUNNING:
        yield RunEvent(EventReason.PROGRESSING, "games are played or trained again")


def _is_stalled(progressing: Condition) -> bool:
    return progressing.reason == Reason.PROGRESS_DEADLINE_EXCEEDED


def _is_lost(queue: Condition) -> bool:
    return queue.status is _FALSE and queue.reason != Reason.NOT_CREATED


def _trouble(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """A new thing that needs a person; the queue's and the roles' own words are told elsewhere."""
    before, after = _pair(view, told, ConditionType.DEGRADED)
    if after is None or not after.is_true or view.phase.stage is Stage.FAILED:
        return
    queue = told.condition(ConditionType.QUEUE_AVAILABLE)
    same = before is not None and before.is_true and before.message == after.message
    told_elsewhere = {queue.message} if queue is not None else set()
    told_elsewhere |= {words_of_trouble(*each) for each in view.troubles.items()}
    if view.signals is not None:
        told_elsewhere |= {words_of(notice) for notice in view.signals.notices}
    if same or after.message in told_elsewhere:
        return
    refused = view.phase.stage is Stage.REFUSED
    reason = EventReason.INVALID_SPEC if refused else EventReason.PROBLEM
    yield RunEvent(reason, after.message, warning=True)


def _interrupted(view: View) -> Iterator[RunEvent]:
    """Members had to leave their nodes; a learner's is no warning either: it goes on from what it
    saved."""
    for role, gone in view.interrupted.items():
        yield RunEvent(EventReason.INTERRUPTED, interruptions.words_of(role, gone))


def _members(view: View) -> Iterator[RunEvent]:
    """A role has a problem that it had not; whether it lasts is for the status to say.

    Redis is the queue's to tell, and an interruption is told as such.
    """
    for role, trouble in view.troubles.items():
        known = role is Role.REDIS or role in view.interrupted
        if trouble.told_at == view.now and not known:
            yield RunEvent(EventReason.PROBLEM, words_of_trouble(role, trouble), warning=True)


def _curriculum(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """One for each phase that has begun; a fast run may have had several since the last look."""
    before, after = view.run.status.curriculum, told.curriculum
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


def _ignored(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """The spec of a run that is over has changed, which changes nothing."""
    before, after = _pair(view, told, ConditionType.PROGRESSING)
    if after is None or after.reason != Reason.RUN_OVER:
        return
    if before is None or before.message != after.message:
        yield RunEvent(EventReason.INVALID_SPEC, after.message, warning=True)


def _rolling(view: View) -> Iterator[RunEvent]:
    """The members of the run are replaced, although nobody has changed its spec."""
    if view.rolling:
        text = (
            f"members are replaced, because the operator's default images changed: {view.rolling}"
        )
        yield RunEvent(EventReason.ROLLING, text)


def _storage(view: View, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
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


def _scaling(view: View, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    there = view.observed.roles.get(Role.DAEMON)
    for action in actions:
        if not isinstance(action, Apply) or action.workload.role is not Role.DAEMON:
            continue
        wanted = action.workload.replicas
        if there is None or wanted == there.replicas:
            continue
        reason = EventReason.SCALED_UP if wanted > there.replicas else EventReason.SCALED_DOWN
        inputs = f" ({view.scaled.inputs.described()})" if view.scaled.inputs else ""
        why = _asked_away(view, there) if wanted < there.replicas else ""
        why = why or f"{view.scaled.reason}{inputs}"
        yield RunEvent(reason, f"daemons from {there.replicas} to {wanted}: {why}")


def _limit(view: View, told: TrainingRunStatus) -> Iterator[RunEvent]:
    """What keeps the number of daemons from the rates' is another than before, or is gone.

    A drain limits for a moment whenever daemons go, and ScaledDown tells of it; a rate that is not
    known yet is no news.
    """
    before, after = _pair(view, told, ConditionType.SCALING_LIMITED)
    if before is None or after is None or view.phase.stage is not Stage.RUNNING:
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


def _asked_away(view: View, there: ObservedRole) -> str:
    """That daemons go because somebody asked for it, and not because fewer would do."""
    going = view.plan.removable if view.plan is not None else ()
    names = [member.name for member in asked_to_drain(view.run, there) if member.name in going]
    return f"{', '.join(names)} has drained, as was asked" if names else ""


def _draining(view: View, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    if view.phase.goal is Goal.COMPLETE and view.phase.stage is Stage.DRAINING:
        for action in actions:
            if isinstance(action, SetIntent):
                reached = view.phase.reason is not Reason.WIN_RATE_REACHED
                what = "the target" if reached else "stopWhen.winRate"
                yield RunEvent(EventReason.DRAINING, f"{what} is reached; running games end")


def _requests(view: View, actions: tuple[Action, ...]) -> Iterator[RunEvent]:
    """What people asked for by annotation, when it is followed."""
    for name in newly_drained(view.run, view.observed.daemons, view.signals):
        text = f"daemon {name} gets no more games, as was asked; it goes when its own have ended"
        yield RunEvent(EventReason.DRAIN_REQUESTED, text)
    for action in actions:
        if isinstance(action, RequestCheckpoint):
            text = f"the learner was told to save, as was asked ({action.token})"
            yield RunEvent(EventReason.CHECKPOINT_REQUESTED, text)


def _said(new: Said) -> Iterator[RunEvent]:
    """Notices and evaluations of the roles that were not there before."""
    for notice in new.notices:
        known = notice.reason in _KNOWN
        reason = notice.reason if known else EventReason.PROBLEM.value
        yield RunEvent(reason, words_of(notice), warning=notice.warning)
    for result in new.evaluations:
        text = (
            f"version {result.version} against {one_line(result.opponent, 64)}: {result.rate:.0%}"
            f" ({result.low:.0%} to {result.high:.0%}) over {result.games} games"
        )
        yield RunEvent(EventReason.EVALUATED, text)


def _pair(
    view: View, told: TrainingRunStatus, kind: ConditionType
) -> tuple[Condition | None, Condition | None]:
    return view.run.status.condition(kind), told.condition(kind)
