"""What a decision may ask for. Each action is idempotent: doing it twice is doing it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainingrun_contracts.curriculum import CurrentPhase
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.slots import DaemonSlot

from trainingrun_reconciler.roles.workload import Role, Workload


@dataclass(frozen=True)
class Apply:
    """Make this role exist as described: create it, scale it, or replace its members."""

    workload: Workload


@dataclass(frozen=True)
class Remove:
    """Make this role not exist; its members get their grace period.

    ``successor`` is what shall follow it. Where that would be refused, the backend says so and
    removes nothing.
    """

    role: Role
    successor: Workload | None = None


@dataclass(frozen=True)
class RemoveFirst:
    """When this role shrinks, take these members (they are idle) before any other."""

    role: Role
    members: tuple[str, ...]


@dataclass(frozen=True)
class PublishSlots:
    """Replace the published daemons by these."""

    slots: Mapping[str, DaemonSlot]


@dataclass(frozen=True)
class SetIntent:
    """Publish to all roles what the run should do now."""

    intent: Intent


@dataclass(frozen=True)
class SetTarget:
    """Publish the number of training games after which actors start none."""

    games: int


@dataclass(frozen=True)
class SetPhase:
    """Publish the phase of the curriculum to the actors."""

    phase: CurrentPhase


@dataclass(frozen=True)
class RequestCheckpoint:
    """Have the learner save soon; ``token`` identifies the request."""

    token: str


WorkloadAction = Apply | Remove | RemoveFirst
QueueAction = PublishSlots | SetIntent | SetTarget | SetPhase | RequestCheckpoint
Action = WorkloadAction | QueueAction
