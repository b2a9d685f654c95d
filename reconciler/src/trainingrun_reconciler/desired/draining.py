"""Which daemons may take games, and which may go: a busy daemon is never taken away.

To shrink, daemons are first published as draining: Redis then gives no new leases on them. Only in
a later reconcile, when such a daemon is still published as draining and no lease on it lives, may
it be removed. All of this is read back from Redis, so an operator that restarts in
between continues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainingrun_contracts.slots import DaemonSlot

from trainingrun_reconciler.desired.observed import Member, ObservedRole, Signals


@dataclass(frozen=True)
class DrainPlan:
    """``slots`` to publish, ``removable`` members, and how many are ``waiting`` for their games.

    ``replicas`` is the number that may be asked for now; ``forced`` counts members among the
    removable that are busy, because their time to drain is over.
    """

    slots: Mapping[str, DaemonSlot]
    removable: tuple[str, ...]
    replicas: int
    waiting: int
    forced: int = 0


@dataclass(frozen=True)
class DrainRules:
    """``capacity`` is the games of one daemon; ``seconds`` is its time to finish them."""

    capacity: int
    seconds: float


def plan_draining(
    role: ObservedRole, signals: Signals, rules: DrainRules, *, desired: int, now: float
) -> DrainPlan:
    """How to come from the daemons there are to ``desired``, as far as one step may go now."""
    present = max(role.replicas, len(role.members))
    unborn = present - len(role.members)
    surplus = max(0, present - desired - unborn)
    leaving = sorted(role.members, key=lambda member: _order(member, signals))[:surplus]
    leaving_names = {member.name for member in leaving}
    slots = {
        member.endpoint: _slot(
            member.endpoint,
            signals,
            capacity=member.capacity or rules.capacity,
            draining=member.name in leaving_names,
            now=now,
        )
        for member in role.ready
        if member.endpoint is not None
    }
    free = [member for member in leaving if _is_free(member, signals, rules, now=now)]
    return DrainPlan(
        slots=slots,
        removable=tuple(member.name for member in free),
        replicas=max(desired, min(role.replicas, len(role.members) - len(free))),
        waiting=len(leaving) - len(free),
        forced=sum(_busy(member, signals) > 0 for member in free),
    )


def _order(member: Member, signals: Signals) -> tuple[bool, bool, int, float, str]:
    """Who leaves first: already draining, not serving, least busy, youngest."""
    slot = signals.slots.get(member.endpoint or "")
    return (
        not (slot is not None and slot.draining),
        member.ready,
        _busy(member, signals),
        -(member.started_at or 0.0),
        member.name,
    )


def _slot(
    endpoint: str, signals: Signals, *, capacity: int, draining: bool, now: float
) -> DaemonSlot:
    if not draining:
        return DaemonSlot(capacity=capacity)
    old = signals.slots.get(endpoint)
    since = old.draining_since if old is not None and old.draining else None
    return DaemonSlot(
        capacity=capacity, draining=True, draining_since=now if since is None else since
    )


def _is_free(member: Member, signals: Signals, rules: DrainRules, *, now: float) -> bool:
    """Whether no game is lost when this member goes, or its time to drain is over."""
    slot = signals.slots.get(member.endpoint or "")
    if slot is None:
        return _busy(member, signals) == 0
    if not slot.draining:
        return False
    over = slot.draining_since is not None and now - slot.draining_since >= rules.seconds
    return over or _busy(member, signals) == 0


def _busy(member: Member, signals: Signals) -> int:
    return signals.busy.get(member.endpoint or "", 0)
