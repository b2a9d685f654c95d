"""What the live table and the plain lines show: one frozen value per reconcile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import TrainingRunStatus
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import ObservedRole, Signals
from trainingrun_reconciler.desired.rates import learner_report
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Life
from trainingrun_reconciler.roles.workload import Role

from trainingrun.commands.local.usage import Usage
from trainingrun.local.store import RecordedEvent


@dataclass(frozen=True)
class RoleLine:
    """One role: members, what they use, and what keeps one from running."""

    name: str
    desired: int
    ready: int
    restarts: int
    busy: int | None = None
    usage: Usage | None = None
    problem: str = ""


@dataclass(frozen=True)
class Snapshot:
    """All that is shown of a run at one moment; None is not known."""

    name: str
    now: float
    elapsed: float
    target: int
    high_water: int
    status: TrainingRunStatus
    roles: tuple[RoleLine, ...]
    runtime: Usage
    queued: int | None = None
    publish: int | None = None
    policy_lag: float | None = None
    learner_wait: float | None = None
    events: tuple[RecordedEvent, ...] = ()
    machines: tuple[str, ...] = ()
    """A line for each machine, where the run has several."""

    @property
    def played(self) -> int:
        """Training games that came to their end."""
        games = self.status.games
        return (games.played or 0) if games is not None else 0

    @property
    def games_per_second(self) -> float | None:
        """Over the last minute."""
        return self.status.games.per_second if self.status.games is not None else None

    @property
    def remaining_seconds(self) -> float | None:
        """Until the target is reached, at this rate."""
        rate = self.games_per_second
        return max(0, self.target - self.played) / rate if rate else None


def take_snapshot(
    view: RunView,
    usage: Mapping[str, Usage],
    runtime: Usage,
    events: Iterable[RecordedEvent],
    *,
    now: float,
    elapsed: float,
    machines: tuple[str, ...] = (),
) -> Snapshot:
    """Return the snapshot of one reconcile."""
    signals = view.observed.signals if isinstance(view.observed.signals, Signals) else None
    learner = learner_report(signals) if signals is not None else None
    return Snapshot(
        name=view.run.metadata.name,
        now=now,
        elapsed=elapsed,
        target=view.run.spec.games,
        high_water=ALGORITHMS.of(view.run.spec).queue_capacity(view.run.spec),
        status=view.status,
        roles=tuple(
            _line(role, view.observed.serving.get(role), view.status, usage.get(role.value))
            for role in (each.role for each in ALGORITHMS.roles_of(view.run))
            if role in view.observed.serving or _is_awaited(view.run, role)
        ),
        runtime=runtime,
        queued=signals.ledger.queued if signals is not None else None,
        publish=signals.pointer.publish if signals is not None and signals.pointer else None,
        policy_lag=learner.policy_lag if learner is not None else None,
        learner_wait=learner.waits.get("data") if learner is not None else None,
        events=tuple(events),
        machines=machines,
    )


def _is_awaited(run: TrainingRun, role: Role) -> bool:
    """Whether a role that is not there has a line; that of daemons only where there are any."""
    return ROLES[role].life is not Life.STORE and ROLES[role].exists(run)


def _line(
    role: Role, there: ObservedRole | None, status: TrainingRunStatus, usage: Usage | None
) -> RoleLine:
    if there is None:
        return RoleLine(role.value, 0, 0, 0)
    reported = status.role(role.value)
    problems = (each.problem for each in there.members if each.problem and not each.ready)
    problem = next(problems, None)
    return RoleLine(
        name=role.value,
        desired=0 if there.finished is not None else there.replicas,
        ready=len(there.ready),
        restarts=sum(member.restarts for member in there.members),
        busy=reported.busy if reported is not None else None,
        usage=usage,
        problem=problem.message if problem is not None else _ending(there),
    )


def _ending(there: ObservedRole) -> str:
    if there.finished is None:
        return ""
    return "done" if there.finished.succeeded else there.finished.message
