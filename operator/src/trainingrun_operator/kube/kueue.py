"""Whether the cluster has a Kueue that could admit what waits; asked only while something waits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from trainingrun_api.run import QUEUE_LABEL
from trainingrun_reconciler.desired.observed import ObservedRole, Problem
from trainingrun_reconciler.errors import NotFoundError
from trainingrun_reconciler.problems import WAITING
from trainingrun_reconciler.roles.workload import Role

from trainingrun_operator.kube.client import Client

GROUP: Final = "kueue.x-k8s.io"
MISSING: Final = "QueueControllerMissing"
_REMEMBERED_SECONDS: Final = 15.0


class Kueue:
    """What discovery says of Kueue, remembered for a moment."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: tuple[float, bool] | None = None

    async def explained(self, roles: Mapping[Role, ObservedRole]) -> Mapping[Role, ObservedRole]:
        """Return the roles; a wait that no admission can ever end is marked as a problem."""
        if not any(_waits(role) for role in roles.values()) or await self._is_served():
            return roles
        return {name: _given_up(role) if _waits(role) else role for name, role in roles.items()}

    async def _is_served(self) -> bool:
        now = time.monotonic()
        if self._known is None or now - self._known[0] >= _REMEMBERED_SECONDS:
            try:
                await self._client.get(f"/apis/{GROUP}")
                self._known = (now, True)
            except NotFoundError:
                self._known = (now, False)
        return self._known[1]


def _waits(role: ObservedRole) -> bool:
    problems = [member.problem for member in role.members]
    problems.append(role.held.problem if role.held is not None else None)
    return any(problem is not None and problem.reason == WAITING for problem in problems)


def _given_up(role: ObservedRole) -> ObservedRole:
    held = role.held
    return replace(
        role,
        held=replace(held, problem=_unserved(held.problem)) if held is not None else None,
        members=tuple(
            replace(member, problem=_unserved(member.problem)) if member.problem else member
            for member in role.members
        ),
    )


def _unserved(problem: Problem) -> Problem:
    if problem.reason != WAITING:
        return problem
    return Problem(
        MISSING,
        f"{problem.message.partition(':')[0]}, and nothing will admit it: the cluster does not"
        f" serve {GROUP}: install Kueue, or remove the label {QUEUE_LABEL}",
    )
