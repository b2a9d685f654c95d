"""Members that had to leave their nodes: counted once each, and no failures.

The status is the memory that lasts: how many, and when the last one was. The memory of a process
distinguishes those of the same second; an operator that has just started counts what is newer than
the last one in the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import RoleStatus

from trainingrun_reconciler.desired.observed import INTERRUPTION_SECONDS, Interruption, Observed
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role

_NAMED: Final = 3
DELETED: Final = "Deleted"
"""Why a member went that only its task may take away."""


def new_interruptions(
    run: TrainingRun, observed: Observed, counted_before: frozenset[Interruption] | None
) -> Mapping[Role, tuple[Interruption, ...]]:
    """Those that no reconcile has counted, by role; roles without one are left out.

    Args:
        run: its status says when the last one was that any operator has counted.
        observed: with the newest interruptions of each role.
        counted_before: by this process; None where this is its first reconcile.
    """
    found = {}
    for role in (each.role for each in ROLES.counted):
        there = observed.roles.get(role)
        seen = there.interruptions if there is not None else ()
        if counted_before is None:
            last = _last(run.status.role(role.value))
            new = tuple(each for each in seen if int(each.at) > last)
        else:
            new = tuple(each for each in seen if each not in counted_before)
        if new:
            found[role] = new
    return found


def all_counted(
    observed: Observed, counted_before: frozenset[Interruption] | None, *, now: float
) -> frozenset[Interruption]:
    """What the next reconcile must not count again, a role that is away for a while included."""
    seen = {each for there in observed.roles.values() for each in there.interruptions}
    before = counted_before or frozenset()
    return frozenset(seen.union(x for x in before if now - x.at < 2 * INTERRUPTION_SECONDS))


def counted(
    role: RoleStatus, standing: RoleStatus | None, new: tuple[Interruption, ...]
) -> RoleStatus:
    """The role's status with the interruptions so far; absent until there was one."""
    before = standing or role
    if not new:
        kept = {"interruptions": before.interruptions, "interrupted_at": before.interrupted_at}
        return role.model_copy(update=kept)
    last = max(_last(standing), *(int(each.at) for each in new))
    return role.model_copy(
        update={
            "interruptions": (before.interruptions or 0) + len(new),
            "interrupted_at": datetime.fromtimestamp(last, tz=UTC),
        }
    )


def describe(role: Role, gone: tuple[Interruption, ...]) -> str:
    """Say who had to leave its node and why, or that somebody deleted it."""
    if all(each.reason == DELETED for each in gone):
        names = ", ".join(each.member for each in gone[:_NAMED])
        return f"{role.value} {names} was deleted by somebody: another takes its place"
    names = ", ".join(each.member for each in gone[:_NAMED])
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    why = ", ".join(sorted({each.reason for each in gone}))
    if len(gone) == 1:
        return f"{role.value} {names} had to leave its node ({why}): another takes its place"
    who = f"{len(gone)} members of {role.value} ({names}{more})"
    return f"{who} had to leave their nodes ({why}): others take their place"


def _last(standing: RoleStatus | None) -> int:
    """Unix seconds of the last one that was counted; 0 before the first."""
    at = standing.interrupted_at if standing is not None else None
    return int(at.timestamp()) if at is not None else 0
