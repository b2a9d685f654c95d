"""What was seen of a run: its processes (from a backend) and its signals (from Redis)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trainingrun_contracts.curriculum import BegunPhase, CurrentPhase
from trainingrun_contracts.games import STARTED
from trainingrun_contracts.reports import (
    Champion,
    Evaluation,
    InferenceReport,
    Intent,
    Notice,
    Report,
)
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_reconciler.roles.workload import Role


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a member does not run: a CamelCase reason and the real message."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Member:
    """One process or pod. ``endpoint`` is ``host:port`` where the role serves one.

    A member that is being terminated is not ready, for as long as it is still there.
    """

    name: str
    ready: bool
    endpoint: str | None = None
    started_at: float | None = None
    restarts: int = 0
    problem: Problem | None = None
    capacity: int | None = None
    """Games that it serves at once, where it was asked; external daemons are."""


INTERRUPTION_SECONDS: Final = 3600.0
"""Interruptions are reported for this time; one that is not counted by then never will be."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """A member that had to leave its node, or was lost with it: a spot machine that is taken back,
    an eviction, a drain. ``at`` is Unix seconds, ``reason`` the word of what took it."""

    member: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A task that ended for good; ``code`` is its last exit code, where that is what ended it."""

    succeeded: bool
    reason: str = ""
    message: str = ""
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else keeps a task from beginning: since when (Unix seconds), and who and why."""

    since: float
    problem: Problem


@dataclass(frozen=True, slots=True)
class ObservedRole:
    """One role as the backend sees it; a role that does not exist has no entry at all.

    ``removing`` is True once the role was deleted and only its members' end is waited for.
    ``intact`` is False where something that belongs to the role beside its members is missing or
    was changed by somebody else; applying the role again repairs it.
    """

    replicas: int
    template_hash: str
    members: tuple[Member, ...] = ()
    finished: Finished | None = None
    removing: bool = False
    intact: bool = True
    held: Held | None = None
    """Why a task may not begin, or continue, although it exists."""
    interruptions: tuple[Interruption, ...] = ()
    """Those of the last hour that were seen, oldest first; their members may be gone already."""
    storage_lost: bool = False
    """Whether the claim that the role writes to is gone; it is made again, empty."""
    image: str = ""
    """What its members are made with, where the backend knows."""

    @property
    def ready(self) -> tuple[Member, ...]:
        """The members that serve."""
        return tuple(member for member in self.members if member.ready)


@dataclass(frozen=True, slots=True)
class Signals:
    """What Redis says about the run at one moment.

    ``busy`` counts live leases per endpoint, published or not. ``intent_since`` is when the intent
    last changed; None before the first change. ``target`` is what was published to the actors.
    """

    at: float
    intent: Intent
    intent_since: float | None
    target: int | None
    ledger: Ledger
    games: Mapping[str, int]
    reports: tuple[Report, ...] = ()
    servers: tuple[InferenceReport, ...] = ()
    """What inference servers report, those that are fresh."""
    pointer: Pointer | None = None
    evaluations: tuple[Evaluation, ...] = ()
    slots: Mapping[str, DaemonSlot] = field(default_factory=dict)
    busy: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    champion: Champion | None = None
    phase: CurrentPhase | None = None
    """The phase of the curriculum as it was published to the actors."""
    begun: Mapping[int, BegunPhase] = field(default_factory=dict)
    """The phases that have begun, by number, as the first game of each has recorded it."""
    digest: str = ""
    """Of all of this; it stands still while Redis says the same."""
    checkpoint_request: str = ""
    """The latest request for a checkpoint that was passed to the learner."""
    old_reports: int = 0
    """Reports of members that no longer report."""
    excess: tuple[str, ...] = ()
    """What was left out, because it is too large or of another type: ``part:bytes``."""

    @property
    def started(self) -> int:
        """Training games that have started."""
        return max(self.games.get(STARTED, 0), self.games.get("played", 0))

    @property
    def is_numbered(self) -> bool:
        """Whether games have numbers, by which they know their phase; those of actors of an older
        version have none."""
        return STARTED in self.games


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Redis could not be asked; ``reason`` is CamelCase, ``message`` a sentence for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Observed:
    """All that is known of a run now; the first argument of every decision."""

    roles: Mapping[Role, ObservedRole]
    signals: Signals | Unreachable | None = None
    external: ObservedRole | None = None
    """The daemons that exist without us; None where the run has its own."""

    @property
    def daemons(self) -> ObservedRole | None:
        """Those that shall serve the run's games, ours or external; None where none do."""
        return self.external if self.external is not None else self.roles.get(Role.DAEMON)

    @property
    def serving(self) -> Mapping[Role, ObservedRole]:
        """All roles, with external daemons (those of ``spec.daemon``) in the place of own ones."""
        if self.external is None:
            return self.roles
        return {**self.roles, Role.DAEMON: self.external}
