"""The actions of each stage of a run's life.

Every function looks at what there is and returns what is missing, so that an action that was done
is not asked for again, and an interrupted walk goes on where it was. Order matters only within one
answer; what must wait for an effect (a queue that answers, a learner that is gone, a daemon without
games) is left to a later look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.curriculum import CurrentPhase
from trainingrun_contracts.reports import Intent

from trainingrun_operator.desired.actions import (
    Action,
    Apply,
    PublishSlots,
    Remove,
    RemoveFirst,
    RequestCheckpoint,
    SetIntent,
    SetPhase,
    SetTarget,
)
from trainingrun_operator.desired.admission import is_queued, released
from trainingrun_operator.desired.draining import DrainPlan, DrainRules, plan_draining
from trainingrun_operator.desired.errands import is_recorder, recorder, take_the_place
from trainingrun_operator.desired.observed import Observed, ObservedRole, Signals
from trainingrun_operator.desired.requests import wanted_checkpoint
from trainingrun_operator.desired.rolling import Asked
from trainingrun_operator.desired.stage import Goal, Phase, Stage
from trainingrun_operator.desired.workload import Role, Workload
from trainingrun_operator.desired.workloads import workloads
from trainingrun_operator.settings import Settings


@dataclass(frozen=True)
class Situation:
    """All that the steps look at. ``daemons`` is how many are wanted in the end."""

    run: TrainingRun
    observed: Observed
    settings: Settings
    phase: Phase
    daemons: int
    plan: DrainPlan | None
    told: CurrentPhase | None = None
    """What the actors should be told of the curriculum."""
    wanted: Asked | None = None
    """What the spec asks for, where an earlier look has worked it out."""

    @property
    def signals(self) -> Signals | None:
        """What Redis says, when it could be asked."""
        return self.observed.signals if isinstance(self.observed.signals, Signals) else None


def steps(situation: Situation) -> tuple[Action, ...]:
    """What to do next, in this order."""
    match situation.phase.stage:
        case Stage.RUNNING:
            return tuple(_running(situation))
        case Stage.WAITING | Stage.REFUSED:
            return tuple(_waiting(situation))
        case Stage.DRAINING:
            return tuple(_draining(situation))
        case Stage.FLUSHING:
            return tuple(_flushing(situation))
        case Stage.EVALUATING:
            return tuple(_evaluating(situation))
        case Stage.RECORDING:
            return tuple(_recording(situation))
        case Stage.SUSPENDED | Stage.COMPLETE | Stage.FAILED | Stage.OVER:
            return tuple(_ended(situation))


def _running(situation: Situation) -> Iterator[Action]:
    wanted = _wanted(situation)
    if is_queued(situation.run, situation.observed):
        yield from _queued(situation, wanted)
        return
    yield from _apply(situation, wanted.get(Role.REDIS))
    ended = _learner_ended(situation)
    if ended:
        # Before the intent changes: under RUN, an ended learner has flushed nothing.
        yield from _remove(situation, Role.LEARNER)
    elif situation.signals is not None:
        yield from _intent(situation, Intent.RUN)
        if situation.signals.target != situation.run.spec.games:
            yield SetTarget(situation.run.spec.games)
        if situation.told is not None and situation.signals.phase != situation.told:
            yield SetPhase(situation.told)
        asked = wanted_checkpoint(situation.run, situation.signals)
        if asked is not None:
            yield RequestCheckpoint(asked)
    yield from _daemons(situation, wanted.get(Role.DAEMON))
    if situation.signals is None:
        return
    if not ended:
        yield from _learner(situation, wanted[Role.LEARNER])
    yield from _apply(situation, wanted[Role.ACTOR])
    yield from _apply(situation, wanted[Role.EVALUATOR])


def _queued(situation: Situation, wanted: dict[Role, Workload]) -> Iterator[Action]:
    """The learner waits for its admission; the rest stays as it is, or is given back."""
    if Role.REDIS in situation.observed.roles:
        yield from _apply(situation, wanted.get(Role.REDIS))
    leaving = released(situation.observed)
    if leaving and situation.signals is not None and situation.signals.slots:
        yield PublishSlots({})
    yield from _remove(situation, *leaving)
    yield from _learner(situation, wanted[Role.LEARNER])


def _waiting(situation: Situation) -> Iterator[Action]:
    """Only the queue is looked after, and only where there is something to wait for."""
    if situation.observed.roles:
        yield from _apply(situation, _wanted(situation).get(Role.REDIS))
    yield from _publish(situation)


def _draining(situation: Situation) -> Iterator[Action]:
    wanted = _wanted(situation)
    yield from _apply(situation, wanted.get(Role.REDIS))
    yield from _intent(situation, Intent.DRAIN)
    yield from _publish(situation)
    yield from _learner(situation, wanted[Role.LEARNER])


def _flushing(situation: Situation) -> Iterator[Action]:
    wanted = _wanted(situation)
    yield from _apply(situation, wanted.get(Role.REDIS))
    yield from _intent(situation, Intent.FLUSH)
    yield from _remove(situation, Role.ACTOR)
    if situation.phase.goal is Goal.SUSPEND:
        yield from _remove(situation, Role.EVALUATOR, Role.DAEMON)
    yield from _publish(situation)
    yield from _learner(situation, wanted[Role.LEARNER])


def _evaluating(situation: Situation) -> Iterator[Action]:
    wanted = _wanted(situation)
    yield from _apply(situation, wanted.get(Role.REDIS))
    yield from _intent(situation, Intent.EVALUATE)
    yield from _remove(situation, Role.ACTOR)
    if Role.DAEMON in wanted and Role.DAEMON not in situation.observed.roles:
        yield Apply(wanted[Role.DAEMON])
    yield from _publish(situation)
    yield from _apply(situation, wanted[Role.EVALUATOR])


def _recording(situation: Situation) -> Iterator[Action]:
    """Nothing is played any more; Redis holds what is to be written."""
    yield from _apply(situation, _wanted(situation).get(Role.REDIS))
    yield from _remove(situation, Role.ACTOR, Role.EVALUATOR, Role.DAEMON)
    run, settings, there = situation.run, situation.settings, situation.observed
    if not is_recorder(run, settings, there.roles.get(Role.LEARNER)):
        yield from take_the_place(there, recorder(run, settings))


def _ended(situation: Situation) -> Iterator[Action]:
    """Redis stays, it holds the ledger; so does what ended in the learner's place, which costs
    nothing."""
    yield from _remove(situation, Role.ACTOR, Role.EVALUATOR, Role.DAEMON)
    learner = situation.observed.roles.get(Role.LEARNER)
    if learner is not None and learner.finished is None:
        yield from _remove(situation, Role.LEARNER)
    if situation.signals is not None and situation.signals.slots:
        yield PublishSlots({})


def _wanted(situation: Situation) -> dict[Role, Workload]:
    made = workloads(
        situation.run,
        situation.settings,
        daemons=situation.daemons,
        external=situation.observed.external,
        wanted=situation.wanted,
    )
    return dict(made)


def _apply(situation: Situation, workload: Workload | None) -> Iterator[Action]:
    """Apply where there is a difference."""
    if workload is None:
        return
    there = situation.observed.roles.get(workload.role)
    same = (
        there is not None
        and there.replicas == workload.replicas
        and there.roll_hash == workload.roll_hash
        and there.intact
    )
    if not same:
        yield Apply(workload)


def _remove(situation: Situation, *roles: Role) -> Iterator[Action]:
    """Ask for the end of what is there and was not asked yet."""
    for role in roles:
        there = situation.observed.roles.get(role)
        if there is not None and not there.removing:
            yield Remove(role)


def _intent(situation: Situation, intent: Intent) -> Iterator[Action]:
    if situation.signals is not None and situation.signals.intent is not intent:
        yield SetIntent(intent)


def _learner(situation: Situation, workload: Workload) -> Iterator[Action]:
    """A learner that must be replaced goes first and comes back in a later look: a task's
    description cannot be changed while it runs."""
    there = situation.observed.roles.get(Role.LEARNER)
    if there is None:
        yield Apply(workload)
    elif there.finished is not None:
        return
    elif there.roll_hash != workload.roll_hash:
        if not there.removing:
            yield Remove(Role.LEARNER, successor=workload)
    elif not there.intact:
        yield Apply(workload)


def _learner_ended(situation: Situation) -> bool:
    learner = situation.observed.roles.get(Role.LEARNER)
    return learner is not None and learner.finished is not None


def _publish(situation: Situation) -> Iterator[Action]:
    signals, plan = situation.signals, situation.plan
    if signals is not None and plan is not None and dict(signals.slots) != dict(plan.slots):
        yield PublishSlots(plan.slots)


def _daemons(situation: Situation, workload: Workload | None) -> Iterator[Action]:
    """The daemons, at once where they grow, and drained first where they shrink.

    None are wanted where the run uses external ones; own ones from before go after their games.
    """
    there, plan = situation.observed.roles.get(Role.DAEMON), situation.plan
    if workload is None:
        yield from _publish(situation)
        if there is not None and _are_idle(situation, there):
            yield from _remove(situation, Role.DAEMON)
        return
    if there is None:
        yield Apply(workload)
        return
    if there.roll_hash != workload.roll_hash and situation.run.spec.daemon.jvm is not None:
        yield from _replace_idle(situation, there)
        return
    yield from _publish(situation)
    replicas = plan.replicas if plan is not None else max(there.replicas, workload.replicas)
    if plan is not None and plan.removable and replicas < there.replicas:
        yield RemoveFirst(Role.DAEMON, plan.removable)
    yield from _apply(situation, replace(workload, replicas=replicas))


def _replace_idle(situation: Situation, there: ObservedRole) -> Iterator[Action]:
    """A Forge build that is told to end drops its games. So all of them get no more first, and go
    together once they have none; the role comes back in a later look. One after the other was
    refused: those that wait for their turn would get games again."""
    signals, spec = situation.signals, situation.run.spec.daemon
    if signals is None or there.removing:
        return
    seconds = spec.autoscaling.scale_down.drain_seconds
    rules = DrainRules(capacity=spec.games_per_daemon, seconds=seconds)
    plan = plan_draining(there, signals, rules, wanted=0, now=signals.at)
    if dict(signals.slots) != dict(plan.slots):
        yield PublishSlots(plan.slots)
    elif not plan.waiting:
        yield from _remove(situation, Role.DAEMON)


def _are_idle(situation: Situation, role: ObservedRole) -> bool:
    """Whether no member has a game, nor can get one: none is published any more."""
    signals = situation.signals
    if signals is None:
        return False
    own = {member.endpoint for member in role.members if member.endpoint is not None}
    return not any(name in signals.slots or signals.busy.get(name, 0) for name in own)
