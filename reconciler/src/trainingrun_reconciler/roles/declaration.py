"""What a role is: one frozen value that everything else reads.

Belongs here: the questions that rendering, observation, health, money, the local runtime and the
planner ask of a role, each of them a field or a function of the declaration. Does not belong here:
any answer (a module for each role gives its own), and what a role's process does.

Refused: a class for each role with methods to override. Answers would then hide in code paths, and
two roles could not be compared field by field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from trainingrun_api.conditions import ConditionType
from trainingrun_api.limits import Cost
from trainingrun_api.pod_template import Container, HasPods, PodTemplate
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Autoscaling, TrainingRunSpec
from trainingrun_contracts.reports import ActorReport, LearnerReport, Report

from trainingrun_reconciler.roles.amounts import resources
from trainingrun_reconciler.roles.daemon_token import token_of
from trainingrun_reconciler.roles.redis_rights import Rights
from trainingrun_reconciler.roles.workload import (
    Probe,
    Resources,
    Restart,
    Role,
    Storage,
    Workload,
)
from trainingrun_reconciler.settings import Settings

ImageName = Literal["daemon", "actor", "search", "trainer", "redis"]
"""A default image of the operator: a field of :class:`trainingrun_reconciler.settings.Images`."""


class Life(Enum):
    """When a role is there, and what its end means."""

    STORE = "store"
    """First to start, last to end: what the run is lies in it, also while the run rests."""
    TASK = "task"
    """Runs to an end, and its end is the run's: exit code 0 is success."""
    WORKER = "worker"
    """As many as there is work for; gone while the run rests."""


class Controller(Enum):
    """What makes a role's pods on a cluster."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    JOB = "Job"


class Service(Enum):
    """How others find the members of a role that listens."""

    EACH_MEMBER = "each-member"
    """By the address of each: a headless Service."""
    ANY_MEMBER = "any-member"
    """By one address that leads to any of them."""


class Entrance(Enum):
    """Who may connect to the port of a role."""

    NONE = "none"
    CLIENTS = "clients"
    """The roles that name it in ``connects_to``."""
    RUN = "run"
    """Every pod of the run, and the operator."""


class Account(Enum):
    """The ServiceAccount of a role's pods; none has a right in the cluster."""

    SHARED = "shared"
    OWN = "own"
    """One of its own, to which a cloud may give the right to the bucket."""


class Drain(Enum):
    """How a member is taken away without loss."""

    BY_SIGNAL = "by-signal"
    """It is terminated, and has its grace period for what it holds."""
    BY_SLOTS = "by-slots"
    """Its slots are withdrawn first, and it is terminated once it has no game."""


@dataclass(frozen=True)
class Noun:
    """What sentences call the members of a role: one of them, and several."""

    one: str
    many: str

    def count(self, number: int) -> str:
        """A number of them: "1 daemon", "3 daemons"."""
        return f"{number} {self.one if number == 1 else self.many}"


@dataclass(frozen=True)
class Section:
    """What the spec of a run says of a role's pods: what is asked of its own container, spot nodes,
    and the template that is laid over ours."""

    container: Container | None = None
    spot: str = "Never"
    template: PodTemplate | None = None

    @classmethod
    def of(cls, asked: HasPods, *, spot: str = "Never") -> Section:
        """What a section of the spec says."""
        return cls(asked.container, spot, asked.template)

    @property
    def image(self) -> str | None:
        """The image that is asked for; None where the operator's own is to be taken."""
        return self.container.image if self.container is not None else None

    def resources(self, defaults: Resources) -> Resources:
        """What a member gets: what is asked for, over the role's defaults."""
        return resources(self.container, defaults) if self.container is not None else defaults


@dataclass(frozen=True)
class Extent:
    """How large a run is now: the members of the role that is scaled, the games that they serve or
    play at once, and the cores of the one machine that it is on (None: a cluster)."""

    run: TrainingRun
    scaled: int
    slots: int
    cores: int | None = None
    answering: int | None = None
    """Members of the role whose number follows from its clients' waits; None: its fewest."""


@dataclass(frozen=True)
class Process:
    """How a member is started for one run; the fields are those of :class:`Workload`."""

    command: tuple[str, ...]
    resources: Resources
    grace_seconds: int = 30
    backoff_limit: int = 20
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    storage: Storage | None = None
    serves_tls: bool = False
    own_decks: tuple[str, ...] = ()
    league: str | None = None


@dataclass(frozen=True)
class Availability:
    """When a role counts as available: at least ``least`` of the wanted members serve.

    ``who`` and ``do`` are for sentences: "3 of 4 actors play". A role without a ``condition`` of
    its own counts for ``Ready`` alone.
    """

    who: str
    do: str
    least: Callable[[int], int] = lambda wanted: wanted
    condition: ConditionType | None = None


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How many members a role has where rates decide it (``desired.scale``): as many as keep the
    learner fed, within ``bounds``.

    ``games`` are those that a member serves or plays at once. ``drain_seconds`` is how long one
    that is drained by its slots may take to end them; one whose program drops them when it is
    terminated (``drops_games``) is only replaced when it has none.
    """

    noun: Noun
    bounds: Callable[[TrainingRunSpec], Autoscaling]
    games: Callable[[TrainingRunSpec], int]
    drain_seconds: Callable[[TrainingRunSpec], float]
    drops_games: Callable[[TrainingRunSpec], bool] = lambda _spec: False


@dataclass(frozen=True, kw_only=True)
class WaitScaling:
    """How many members a role has where it follows from how long their clients wait for answers
    (``desired.waits``), within ``bounds``: the fewest and the most."""

    noun: Noun
    bounds: Callable[[TrainingRunSpec], tuple[int, int]]


def _always(_run: TrainingRun) -> bool:
    return True


def _never(_run: TrainingRun) -> bool:
    return False


def _one(_extent: Extent) -> int:
    return 1


@dataclass(frozen=True, kw_only=True)
class RoleDeclaration:
    """One role of a run, complete.

    Fields that most roles share have a default; everything that opens something (a port, a way
    out, an account, a user of Redis) is closed unless a role asks for it.
    """

    role: Role
    purpose: str
    """One sentence for people."""
    life: Life
    controller: Controller = Controller.DEPLOYMENT
    exists: Callable[[TrainingRun], bool] = _always
    """Whether the members are ours to make; of some runs, others make the daemons or the Redis."""
    is_external: Callable[[TrainingRun], bool] = _never
    """Whether others make them: the role serves the run all the same, and is reported with it."""
    members: Callable[[Extent], int] = _one
    process: Callable[[TrainingRun, Settings], Process]
    section: Callable[[TrainingRunSpec], Section]
    template_at: str = ""
    """Where its pod template stands in the spec; empty: in the section of its own name."""
    image: ImageName
    """Its image where the spec names none."""

    # -- what it reads, and who reads it
    reads_config: bool = True
    """It reads the run configuration, touches a health file, and serves metrics."""
    redis: Rights | None = None
    """Of its own user of a managed Redis; None where it does not talk to Redis."""
    report: type[Report] | None = None
    """What it reports of itself in Redis."""
    probe: Probe = Probe.HEALTH_FILE

    # -- network
    port: int | None = None
    service: Service | None = None
    entrance: Entrance = Entrance.NONE
    connects_to: tuple[Role, ...] = ()
    is_confined: bool = False
    """Whether it may connect to nothing but name resolution and what it ``connects_to``."""

    # -- place
    account: Account = Account.SHARED
    waits_for_quota: bool = False
    """Whether a run cannot begin without it, so that a queue must admit it."""
    is_spread: bool = False
    """Whether members keep apart from one another, and nodes are drained a quarter at a time."""

    # -- life
    drain: Drain = Drain.BY_SIGNAL
    scaling: Scaling | None = None
    """Where rates decide how many members it has; None where ``members`` alone says it."""
    by_waits: WaitScaling | None = None
    """Where its clients' waits decide it."""
    produces: bool = False
    """Whether it fills the queue: nothing is flushed before its members report that they are
    drained (``ActorReport``)."""
    evaluates: bool = False
    """Whether it stays for the last evaluation, when nothing is trained; one that reports as an
    evaluator (``EvaluatorReport``) ends it."""
    availability: Availability | None = None
    """None where the run is ready without it."""
    price: Callable[[Cost], float] | None = None
    """Of an hour of one member, by the prices of a spec; None where it has none."""

    @property
    def needs_port(self) -> bool:
        """Whether anybody is to reach it by its port."""
        is_asked = self.probe is not Probe.HEALTH_FILE
        return is_asked or self.service is not None or self.entrance is not Entrance.NONE

    @property
    def fault(self) -> str:
        """What of the declaration cannot work, as the end of a sentence; empty where all can."""
        if self.port is None and self.needs_port:
            return "is to be reached, and has no port"
        if self.produces and self.report is not ActorReport:
            return "fills the queue, and does not report as an actor does, so it cannot be drained"
        if self.life is Life.TASK and self.report is not LearnerReport:
            return "is the task of a run, and does not report as a learner does"
        if self.drain is Drain.BY_SLOTS and self.scaling is None:
            return "is drained by its slots, and does not say how many it has (scaling)"
        return ""

    def serves(self, run: TrainingRun) -> bool:
        """Whether a run has this role, its members ours or external."""
        return self.exists(run) or self.is_external(run)

    @property
    def serves_metrics(self) -> bool:
        """Whether its metrics can be scraped."""
        return self.reads_config

    @property
    def template_path(self) -> str:
        """Where users give its pod template."""
        return self.template_at or f"spec.{self.role.value}.template"

    @property
    def knows_token(self) -> bool:
        """Whether its members ask for the token of the daemons, or show it."""
        return self.role == Role.DAEMON or Role.DAEMON in self.connects_to

    @property
    def restart(self) -> Restart:
        """What happens when one of its processes ends."""
        return Restart.UNTIL_SUCCESS if self.controller is Controller.JOB else Restart.ALWAYS

    def workload(self, run: TrainingRun, settings: Settings, *, replicas: int) -> Workload:
        """A number of members of this role for one run."""
        process = self.process(run, settings)
        return Workload(
            role=self.role,
            replicas=replicas,
            image=self.section(run.spec).image or getattr(settings.images, self.image),
            command=process.command,
            resources=process.resources,
            restart=self.restart,
            probe=self.probe,
            port=self.port,
            grace_seconds=process.grace_seconds,
            backoff_limit=process.backoff_limit,
            uses_config=self.reads_config,
            environment=process.environment,
            secrets=process.secrets,
            pull_policy=run.spec.image_pull_policy,
            storage=process.storage,
            serves_tls=process.serves_tls,
            own_decks=process.own_decks,
            league=process.league,
            daemon_token=token_of(run) if self.knows_token else None,
        )
