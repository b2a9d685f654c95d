"""The actions of each stage of a run's life.

Every function compares what there is and returns what is missing, so that an action that was done
is not asked for again, and an interrupted walk continues where it was. Order matters only within
one answer; what must wait for an effect (a queue that answers, a learner that is gone, a daemon
without games) is left to a later reconcile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trainingrun_contracts.reports import Intent

from trainingrun_reconciler.desired.actions import (
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
from trainingrun_reconciler.desired.admission import is_queued, released
from trainingrun_reconciler.desired.assessment import Assessment
from trainingrun_reconciler.desired.draining import DrainRules, plan_draining
from trainingrun_reconciler.desired.errands import is_recorder, recorder, take_the_place
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.requests import requested_checkpoint
from trainingrun_reconciler.desired.size import drain_rules
from trainingrun_reconciler.desired.stage import Goal, Stage
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Drain, Life, RoleDeclaration
from trainingrun_reconciler.roles.workload import Role, Workload


def steps(view: Assessment) -> tuple[Action, ...]:
    """What to do next, in this order."""
    match view.lifecycle.stage:
        case Stage.RUNNING:
            return tuple(_running(view))
        case Stage.WAITING | Stage.REFUSED:
            return tuple(_waiting(view))
        case Stage.DRAINING:
            return tuple(_draining(view))
        case Stage.FLUSHING:
            return tuple(_flushing(view))
        case Stage.EVALUATING:
            return tuple(_evaluating(view))
        case Stage.RECORDING:
            return tuple(_recording(view))
        case Stage.SUSPENDED | Stage.COMPLETE | Stage.FAILED | Stage.OVER:
            return tuple(_ended(view))


def _running(view: Assessment) -> Iterator[Action]:
    desired = _desired(view)
    if is_queued(view.facts):
        yield from _queued(view, desired)
        return
    yield from _stores(view, desired)
    if view.facts.has_learner_ended:
        # Before the intent changes: under RUN, an ended learner has flushed nothing.
        yield from _remove(view, view.facts.roles.learner.role)
    elif view.signals is not None:
        yield from _intent(view, Intent.RUN)
        if view.signals.target != view.run.spec.games:
            yield SetTarget(view.run.spec.games)
        if view.current_phase is not None and view.signals.phase != view.current_phase:
            yield SetPhase(view.current_phase)
        asked = requested_checkpoint(view.run, view.signals)
        if asked is not None:
            yield RequestCheckpoint(asked)
    yield from _with_slots(view, desired)
    if view.signals is None:
        return
    if not view.facts.has_learner_ended:
        yield from _learner(view, desired)
    yield from _players(view, desired)


def _players(
    view: Assessment, desired: dict[Role, Workload], *, evaluating: bool = False
) -> Iterator[Action]:
    """The workers that come and go by a signal: all, or those of the last evaluation."""
    for each in ROLES:
        is_asked = each.evaluates or not evaluating
        if each.life is not Life.WORKER or each.drain is not Drain.BY_SIGNAL or not is_asked:
            continue
        if each.role in desired:
            yield from _apply(view, desired[each.role])
        else:
            yield from _remove(view, each.role)


def _leaving(*, evaluating: bool = False) -> tuple[Role, ...]:
    """The workers that go, in order; those of the last evaluation stay for it."""
    return tuple(each.role for each in ROLES.workers if not (evaluating and each.evaluates))


def _queued(view: Assessment, desired: dict[Role, Workload]) -> Iterator[Action]:
    """The learner waits for its admission; the rest stays as it is, or is given back."""
    if any(each.role in view.observed.roles for each in view.facts.roles.stores):
        yield from _stores(view, desired)
    leaving = released(view.facts)
    if leaving and view.signals is not None and view.signals.slots:
        yield PublishSlots({})
    yield from _remove(view, *leaving)
    yield from _learner(view, desired)


def _waiting(view: Assessment) -> Iterator[Action]:
    """Only the queue is managed, and only where there is something to wait for."""
    if view.observed.roles:
        yield from _stores(view, _desired(view))
    yield from _publish(view)


def _draining(view: Assessment) -> Iterator[Action]:
    desired = _desired(view)
    yield from _stores(view, desired)
    yield from _intent(view, Intent.DRAIN)
    yield from _publish(view)
    yield from _learner(view, desired)


def _flushing(view: Assessment) -> Iterator[Action]:
    desired = _desired(view)
    yield from _stores(view, desired)
    yield from _intent(view, Intent.FLUSH)
    yield from _remove(view, *_leaving(evaluating=view.lifecycle.goal is not Goal.SUSPEND))
    yield from _publish(view)
    yield from _learner(view, desired)


def _evaluating(view: Assessment) -> Iterator[Action]:
    desired = _desired(view)
    yield from _stores(view, desired)
    yield from _intent(view, Intent.EVALUATE)
    yield from _remove(view, *_leaving(evaluating=True))
    for each in _drained_by_slots():
        is_missing = each.role in desired and each.role not in view.observed.roles
        if each.evaluates and is_missing:
            yield Apply(desired[each.role])
    yield from _publish(view)
    yield from _players(view, desired, evaluating=True)


def _recording(view: Assessment) -> Iterator[Action]:
    """Nothing is played now; Redis holds what is to be written."""
    yield from _stores(view, _desired(view))
    yield from _remove(view, *_leaving())
    run, settings = view.run, view.facts.settings
    if not is_recorder(run, settings, view.facts.learner):
        yield from take_the_place(view.observed, recorder(run, settings))


def _ended(view: Assessment) -> Iterator[Action]:
    """The store stays, it holds the ledger; so does what ended in the learner's place, which costs
    nothing."""
    yield from _remove(view, *_leaving())
    if not view.facts.has_learner_ended:
        yield from _remove(view, view.facts.roles.learner.role)
    if view.signals is not None and view.signals.slots:
        yield PublishSlots({})


def _desired(view: Assessment) -> dict[Role, Workload]:
    made = workloads(
        view.run,
        view.facts.settings,
        scaled=view.scaled.replicas,
        external=view.observed.external,
        inputs=view.rollout_inputs,
        answering=view.answering.replicas if view.answering is not None else None,
    )
    return dict(made)


def _stores(view: Assessment, desired: dict[Role, Workload]) -> Iterator[Action]:
    """What the run is lies in them: they are there from first to last, where they are ours."""
    for each in view.facts.roles.stores:
        if each.role in desired:
            yield from _apply(view, desired[each.role])


def _apply(view: Assessment, workload: Workload) -> Iterator[Action]:
    """Apply where there is a difference."""
    there = view.observed.roles.get(workload.role)
    same = (
        there is not None
        and there.replicas == workload.replicas
        and there.template_hash == workload.template_hash
        and there.intact
    )
    if not same:
        yield Apply(workload)


def _remove(view: Assessment, *roles: Role) -> Iterator[Action]:
    """Ask for the end of what is there and was not asked yet."""
    for role in roles:
        there = view.observed.roles.get(role)
        if there is not None and not there.removing:
            yield Remove(role)


def _intent(view: Assessment, intent: Intent) -> Iterator[Action]:
    if view.signals is not None and view.signals.intent is not intent:
        yield SetIntent(intent)


def _learner(view: Assessment, desired: dict[Role, Workload]) -> Iterator[Action]:
    """A learner that must be replaced goes first and comes back in a later reconcile: a task's
    description cannot be changed while it runs."""
    there, workload = view.facts.learner, desired[view.facts.roles.learner.role]
    if there is None:
        yield Apply(workload)
    elif there.finished is not None:
        return
    elif there.template_hash != workload.template_hash:
        if not there.removing:
            yield Remove(workload.role, successor=workload)
    elif not there.intact:
        yield Apply(workload)


def _publish(view: Assessment) -> Iterator[Action]:
    signals, plan = view.signals, view.plan
    if signals is not None and plan is not None and dict(signals.slots) != dict(plan.slots):
        yield PublishSlots(plan.slots)


def _with_slots(view: Assessment, desired: dict[Role, Workload]) -> Iterator[Action]:
    """The roles whose members go by their slots, at once where they grow, drained first where they
    shrink.

    None are ours where the run uses external daemons; own ones from before go after their games.
    """
    ours = [
        each
        for each in _drained_by_slots()
        if each.role in desired or each.role in view.observed.roles
    ]
    if not ours:
        yield from _publish(view)
    for each in ours:
        if each.role in desired:
            yield from _sized(view, each, desired[each.role])
        else:
            yield from _publish(view)
            yield from _remove_idle(view, each.role)


def _drained_by_slots() -> tuple[RoleDeclaration, ...]:
    return tuple(each for each in ROLES if each.drain is Drain.BY_SLOTS)


def _sized(view: Assessment, declared: RoleDeclaration, workload: Workload) -> Iterator[Action]:
    """The members of a role with slots, as many as the plan has now."""
    there, plan, scaling = view.observed.roles.get(declared.role), view.plan, declared.scaling
    if there is None:
        yield Apply(workload)
        return
    is_changed = there.template_hash != workload.template_hash
    if is_changed and scaling is not None and scaling.drops_games(view.run.spec):
        yield from _replace_idle(view, declared.role, there, drain_rules(scaling, view.run))
        return
    yield from _publish(view)
    replicas = plan.replicas if plan is not None else max(there.replicas, workload.replicas)
    if plan is not None and plan.removable and replicas < there.replicas:
        yield RemoveFirst(declared.role, plan.removable)
    yield from _apply(view, replace(workload, replicas=replicas))


def _replace_idle(
    view: Assessment, role: Role, there: ObservedRole, rules: DrainRules
) -> Iterator[Action]:
    """A member that is terminated drops its games. So first all of them get no new ones, and they
    go together once they have none; the role comes back in a later reconcile. One after the other
    was refused: those that wait for their turn would get games again."""
    signals = view.signals
    if signals is None or there.removing:
        return
    plan = plan_draining(there, signals, rules, desired=0, now=signals.at)
    if dict(signals.slots) != dict(plan.slots):
        yield PublishSlots(plan.slots)
    elif not plan.waiting:
        yield from _remove(view, role)


def _remove_idle(view: Assessment, role: Role) -> Iterator[Action]:
    there = view.observed.roles.get(role)
    if there is not None and _are_idle(view, there):
        yield from _remove(view, role)


def _are_idle(view: Assessment, role: ObservedRole) -> bool:
    """Whether no member has a game, nor can get one: none is published."""
    signals = view.signals
    if signals is None:
        return False
    own = {member.endpoint for member in role.members if member.endpoint is not None}
    return not any(name in signals.slots or signals.busy.get(name, 0) for name in own)
