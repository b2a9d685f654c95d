"""What people asked of a run by annotation: which daemons to drain, and a checkpoint now.

Belongs here: what a request changes in a decision. Does not belong here: how the request is written
(``api.requests``), nor the order in which daemons leave when fewer are wanted
(``draining``). A daemon that was asked to go gets no more games, ends when its own are over, and
the law decides whether another takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from trainingrun_api.requests import checkpoint_request_in, drains_in
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.slots import DaemonSlot

from trainingrun_reconciler.desired.draining import DrainPlan, DrainRules
from trainingrun_reconciler.desired.observed import Member, ObservedRole, Signals


def requested_drains(run: TrainingRun, role: ObservedRole) -> tuple[Member, ...]:
    """Find the serving daemons whose drain is requested; one that started after the request is
    another."""
    asked = drains_in(run.metadata.annotations)
    return tuple(
        member
        for member in role.ready
        if member.name in asked and _is_meant(member, asked[member.name])
    )


def with_drains(
    plan: DrainPlan,
    asked: tuple[Member, ...],
    signals: Signals,
    rules: DrainRules,
    *,
    present: int,
    now: float,
) -> DrainPlan:
    """The plan in which those that were asked to go are drained, and go when they are free.

    ``present`` counts all members of the role. The number is only ever lowered by members that
    are still there, so that a reconcile which sees one twice does not take another away.
    """
    slots = dict(plan.slots)
    for member in asked:
        if member.endpoint in slots and not slots[member.endpoint].draining:
            slots[member.endpoint] = _draining_slot(member.endpoint, plan, signals, now=now)
    free = [member for member in asked if _may_go(member, signals, rules, now=now)]
    named = dict.fromkeys((*plan.removable, *(member.name for member in free)))
    return replace(
        plan,
        slots=slots,
        removable=tuple(named),
        replicas=min(plan.replicas, present - len(free)) if free else plan.replicas,
        waiting=plan.waiting + len([member for member in asked if member not in free]),
    )


def newly_drained(
    run: TrainingRun, role: ObservedRole | None, signals: Signals | None
) -> Iterator[str]:
    """Names of daemons that a request takes out of the game now, and that had games until now."""
    if role is None or signals is None:
        return
    for member in requested_drains(run, role):
        slot = signals.slots.get(member.endpoint or "")
        if slot is not None and not slot.draining:
            yield member.name


def requested_checkpoint(run: TrainingRun, signals: Signals) -> str | None:
    """Return the requested checkpoint, unless the learner knows of it already."""
    asked = checkpoint_request_in(run.metadata.annotations)
    return asked if asked and asked != signals.checkpoint_request else None


def _is_meant(member: Member, asked: datetime | None) -> bool:
    if asked is None or member.started_at is None:
        return True
    return datetime.fromtimestamp(member.started_at, tz=UTC) <= asked


def _draining_slot(endpoint: str, plan: DrainPlan, signals: Signals, *, now: float) -> DaemonSlot:
    old = signals.slots.get(endpoint)
    since = old.draining_since if old is not None and old.draining else None
    capacity = plan.slots[endpoint].capacity
    return DaemonSlot(
        capacity=capacity, draining=True, draining_since=now if since is None else since
    )


def _may_go(member: Member, signals: Signals, rules: DrainRules, *, now: float) -> bool:
    """Whether it is known to get no games, and has none or had its time to end them."""
    slot = signals.slots.get(member.endpoint or "")
    if slot is None or not slot.draining:
        return False
    over = slot.draining_since is not None and now - slot.draining_since >= rules.seconds
    return over or signals.busy.get(member.endpoint or "", 0) == 0
