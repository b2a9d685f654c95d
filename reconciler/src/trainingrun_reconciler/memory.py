"""The in-memory backend and store: they ship with the product, for tests and for trying decisions.

Members become ready when :meth:`MemoryBackend.tick` is called, so a test decides how time goes.
Nothing here decides anything, and nothing here talks to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import TrainingRunStatus

from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove, RemoveFirst, WorkloadAction
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.observed import Finished, Member, ObservedRole, Problem
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Restart, Role, Workload
from trainingrun_reconciler.store import ResourceKey


@dataclass
class _Kept:
    """One role of one run: its workload, its members by name, and how it ended."""

    workload: Workload
    members: dict[str, Member] = field(default_factory=dict)
    finished: Finished | None = None
    made: int = 0
    first_to_go: tuple[str, ...] = ()

    def fit(self) -> None:
        """Add or take away members until their number is right."""
        while len(self.members) < self.workload.replicas:
            name = f"{self.workload.role.value}-{self.made}"
            port = self.workload.port
            endpoint = f"{name}:{port}" if port is not None else None
            self.members[name] = Member(name, ready=False, endpoint=endpoint)
            self.made += 1
        going = [name for name in self.first_to_go if name in self.members]
        going += [name for name in reversed(self.members) if name not in going]
        for name in going[: len(self.members) - self.workload.replicas]:
            del self.members[name]
        self.first_to_go = ()


class MemoryBackend:
    """A world of values. ``killed`` lists members that went, in order, for tests."""

    def __init__(self, *, redis_url: str | None = None) -> None:
        self._redis_url = redis_url
        self._runs: dict[str, dict[Role, _Kept]] = {}
        self.shared: dict[str, SharedResources] = {}
        self.killed: list[str] = []

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """The run's roles as they are now."""
        return self.roles(run.uid)

    def roles(self, uid: str) -> Mapping[Role, ObservedRole]:
        """The roles of a run, without waiting."""
        return {
            role: ObservedRole(
                replicas=kept.workload.replicas,
                template_hash=kept.workload.template_hash,
                members=tuple(kept.members.values()),
                finished=kept.finished,
                image=kept.workload.image,
            )
            for role, kept in self._runs.get(uid, {}).items()
        }

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """Keep what the roles share."""
        self.shared[run.uid] = shared

    async def is_prepared(self, run: RunIdentity) -> bool:
        """Whether anything is shared."""
        return run.uid in self.shared

    def warning(self, _run: RunIdentity) -> Problem | None:
        """Never one."""
        return None

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Do one action."""
        self.act(run.uid, action)

    def act(self, uid: str, action: WorkloadAction) -> None:
        """Do one action, without waiting."""
        roles = self._runs.setdefault(uid, {})
        match action:
            case Apply(workload=workload):
                self._apply(roles, workload)
            case Remove(role=role):
                gone = roles.pop(role, None)
                self.killed += list(gone.members) if gone is not None else []
            case RemoveFirst(role=role, members=members):
                if role in roles:
                    roles[role].first_to_go = members

    def _apply(self, roles: dict[Role, _Kept], workload: Workload) -> None:
        kept = roles.setdefault(workload.role, _Kept(workload))
        before = set(kept.members)
        if kept.workload.template_hash != workload.template_hash:
            kept.members.clear()
        kept.workload = workload
        if kept.finished is None:
            kept.fit()
        self.killed += sorted(before - set(kept.members))

    async def redis_url(self, _run: RunIdentity, shared: SharedResources) -> str | None:
        """The address that this backend was made with, or the run's own."""
        return shared.redis_url or self._redis_url

    def tick(self, uid: str) -> None:
        """Time goes by: members without a problem serve."""
        for kept in self._runs.get(uid, {}).values():
            for name, member in kept.members.items():
                kept.members[name] = replace(member, ready=member.problem is None)

    def fail(self, uid: str, role: Role, problem: Problem | None) -> None:
        """All members of a role have this problem, or none."""
        kept = self._runs[uid][role]
        for name, member in kept.members.items():
            kept.members[name] = replace(member, ready=False, problem=problem)

    def finish(self, uid: str, role: Role, finished: Finished) -> None:
        """A task ends for good."""
        kept = self._runs[uid][role]
        assert kept.workload.restart is Restart.UNTIL_SUCCESS, f"{role.value} is no task"
        kept.finished = finished
        kept.members.clear()


class MemoryRunStore:
    """TrainingRuns in a dictionary, ``runs``; ``events`` are kept in order."""

    def __init__(self) -> None:
        self.runs: dict[ResourceKey, TrainingRun] = {}
        self.events: list[tuple[ResourceKey, RunEvent]] = []
        self.writes = 0

    def put(self, run: TrainingRun) -> ResourceKey:
        """Add a run, or replace its spec as a user would."""
        key = _key(run)
        before = self.runs.get(key)
        if before is not None and before.metadata.uid == run.metadata.uid:
            metadata = before.metadata.model_copy(
                update={"generation": before.metadata.generation + 1}
            )
            run = run.model_copy(update={"metadata": metadata, "status": before.status})
        self.runs[key] = run
        return key

    async def get(self, key: ResourceKey) -> TrainingRun | None:
        """The run."""
        return self.runs.get(key)

    async def exists(self, run: TrainingRun) -> bool:
        """Whether it is there, and was not deleted."""
        there = self.runs.get(_key(run))
        if there is None or there.metadata.uid != run.metadata.uid:
            return False
        return there.metadata.deletion_timestamp is None

    async def write_status(self, run: TrainingRun, status: TrainingRunStatus) -> None:
        """Store the status if it differs and the run is still the same."""
        there = self.runs.get(_key(run))
        if there is None or there.metadata.uid != run.metadata.uid or there.status == status:
            return
        self.writes += 1
        self.runs[_key(run)] = there.model_copy(update={"status": status})

    async def emit(self, run: TrainingRun, event: RunEvent) -> None:
        """Keep the event."""
        self.events.append((_key(run), event))

    async def set_finalizer(self, run: TrainingRun, finalizer: str, *, present: bool) -> None:
        """Note the finalizer, or remove the run that only it has held."""
        there = self.runs.get(_key(run), run)
        others = tuple(each for each in there.metadata.finalizers if each != finalizer)
        held = (*others, finalizer) if present else others
        metadata = there.metadata.model_copy(update={"finalizers": held})
        self.runs[_key(run)] = there.model_copy(update={"metadata": metadata})
        if not held and metadata.deletion_timestamp is not None:
            self.runs.pop(_key(run))

    async def delete(self, run: TrainingRun) -> None:
        """Remove the run, or mark it where a finalizer holds it."""
        there = self.runs.get(_key(run))
        if there is None or not there.metadata.finalizers:
            self.runs.pop(_key(run), None)
            return
        marked = there.metadata.model_copy(update={"deletion_timestamp": datetime.now(UTC)})
        self.runs[_key(run)] = there.model_copy(update={"metadata": marked})


def _key(run: TrainingRun) -> ResourceKey:
    return ResourceKey(run.metadata.namespace, run.metadata.name)
