"""The backend of the machine that leads a run whose roles are on several machines.

Its own roles are processes here (:class:`LocalBackend`); of the others it believes what their
machines say, and asks for them by what it publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove, WorkloadAction
from trainingrun_reconciler.desired.observed import Member, ObservedRole, Problem
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role, Workload

from trainingrun.local.backend import LocalBackend
from trainingrun.local.machines import Machine


class DividedBackend:
    """See the module's docstring; ``others`` are the machines as they were heard last, of which
    those that are away have no members."""

    def __init__(
        self,
        own: LocalBackend,
        roles: frozenset[Role],
        others: Callable[[], tuple[Machine, ...]],
    ) -> None:
        self._own = own
        self._roles = roles
        self._others = others
        self._elsewhere: dict[Role, Workload] = {}
        self.wanted: dict[Role, Workload] = {}
        self.config = b""

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend."""
        elsewhere = {role: self._seen(each) for role, each in self._elsewhere.items()}
        return {**await self._own.observe(run), **elsewhere}

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """See Backend."""
        await self._own.prepare(run, shared)
        self.config = shared.config

    async def is_prepared(self, run: RunIdentity) -> bool:
        """See Backend."""
        return bool(self.config) and await self._own.is_prepared(run)

    def warning(self, run: RunIdentity) -> Problem | None:
        """See Backend."""
        return self._own.warning(run)

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """See Backend."""
        match action:
            case Apply(workload=workload):
                self.wanted[workload.role] = workload
                if workload.role not in self._roles:
                    self._elsewhere[workload.role] = workload
                    return
            case Remove(role=role):
                self.wanted.pop(role, None)
                if role not in self._roles:
                    self._elsewhere.pop(role, None)
                    return
            case _:
                pass
        await self._own.perform(run, action)

    async def redis_url(self, run: RunIdentity, shared: SharedResources) -> str | None:
        """See Backend."""
        return await self._own.redis_url(run, shared)

    def _seen(self, workload: Workload) -> ObservedRole:
        """A role of other machines: as many members as they want to have there."""
        found = [
            (machine.name, each)
            for machine in self._others()
            for each in machine.members
            if each.role == workload.role.value
        ]
        members = tuple(
            Member(
                name=f"{workload.role.value}-{index}.{machine}",
                ready=index < each.ready,
                problem=Problem("Crashing", f"{machine}: {each.problem}") if each.problem else None,
            )
            for machine, each in found
            for index in range(min(each.desired, 1024))
        )
        return ObservedRole(
            replicas=len(members) or workload.replicas,
            template_hash=workload.template_hash,
            members=members,
        )
