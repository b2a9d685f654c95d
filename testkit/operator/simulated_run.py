"""A run as a value that plays itself: members from the in-memory backend, signals made from them.

The simulation obeys the contracts of the real roles: leases only on published daemons that do not
drain, actors drained only when their games have ended, a learner that ends well only under FLUSH.
Who takes these parts is asked of the run's algorithm; where no role has slots, games run on those
that fill the queue. It checks the laws after every action: no daemon with a game is taken away,
bounds hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from trainingrun_api.conditions import ConditionStatus, ConditionType
from trainingrun_api.run import TrainingRun, parse
from trainingrun_contracts.curriculum import CurrentPhase
from trainingrun_contracts.reports import (
    ActorReport,
    ActorState,
    CheckpointReport,
    Evaluation,
    EvaluatorReport,
    EvaluatorState,
    InferenceReport,
    Intent,
    LearnerReport,
    LearnerState,
    Report,
)
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.run_roles import RunRoles
from trainingrun_reconciler.desired.actions import (
    Action,
    Apply,
    PublishSlots,
    Remove,
    RemoveFirst,
    SetIntent,
    SetPhase,
    SetTarget,
)
from trainingrun_reconciler.desired.decide import Decision, Memory, decide
from trainingrun_reconciler.desired.errands import is_recorder
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.external import Answer, endpoints, external_role, is_asked
from trainingrun_reconciler.desired.observed import (
    Finished,
    Interruption,
    Observed,
    ObservedRole,
    Signals,
    Unreachable,
)
from trainingrun_reconciler.memory import MemoryBackend
from trainingrun_reconciler.roles.declaration import Drain
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings

UID = "uid-1"
RECORDED = Finished(succeeded=True)
GAME_TICKS = 3
TRANSITIONS = 100


def document(**spec: Any) -> dict[str, Any]:
    """A TrainingRun as YAML would give it; ``spec`` replaces whole parts."""
    base: dict[str, Any] = {
        "games": 1000,
        "decks": [{"name": "red_aggro"}, {"name": "white_weenie"}],
        "daemon": {"gamesPerDaemon": 4, "autoscaling": {"minReplicas": 2, "maxReplicas": 5}},
        "learner": {"batchTransitions": 1024},
    }
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "run", "namespace": "default", "uid": UID, "generation": 1},
        "spec": {**base, **spec},
    }


def training_run(**spec: Any) -> TrainingRun:
    """A valid TrainingRun."""
    return parse(document(**spec))


@dataclass
class SimulatedRun:
    """One run in its world. ``step`` reconciles once; ``limit`` actions at most are done."""

    run: TrainingRun
    settings: Settings = field(default_factory=Settings)
    now: float = 1_000_000.0
    backend: MemoryBackend = field(default_factory=MemoryBackend)
    memory: Memory = field(default_factory=Memory)
    intent: Intent = Intent.RUN
    since: float | None = None
    target: int | None = None
    phase: CurrentPhase | None = None
    slots: dict[str, DaemonSlot] = field(default_factory=dict)
    games: dict[str, list[int]] = field(default_factory=dict)  # endpoint -> ticks left per game
    played: int = 0
    lost: int = 0  # games whose daemon or actors went
    produced: int = 0
    trained: int = 0
    version: int = 0
    pointer: Pointer | None = None
    evaluations: list[Evaluation] = field(default_factory=list)
    reachable: bool = True
    stuck_games: bool = False
    league: dict[str, str] = field(default_factory=dict)
    """What its learner says of the services of its league."""
    learner_hangs: bool = False  # it neither trains nor ends
    recorder: Finished | None = RECORDED  # how it ends; None: it hangs
    capacity: int | None = None  # transitions that the learner trains per tick; None: all
    answers: dict[str, Answer] = field(default_factory=dict)  # of external daemons
    servers: tuple[InferenceReport, ...] = ()  # of inference
    interruptions: dict[Role, tuple[Interruption, ...]] = field(default_factory=dict)
    events: list[RunEvent] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    @property
    def roles(self) -> RunRoles:
        """The roles of the run, by their part in its life."""
        return ALGORITHMS.roles_of(self.run)

    @property
    def learner(self) -> Role:
        """Who trains."""
        return self.roles.learner.role

    @property
    def has_slots(self) -> bool:
        """Whether games run on members that are drained by their slots."""
        return any(each.drain is Drain.BY_SLOTS and each.serves(self.run) for each in self.roles)

    @property
    def queued(self) -> int:
        """Transitions in the queue."""
        return self.produced - self.trained

    def change(self, **spec: Any) -> None:
        """Edit the spec as a user would."""
        self.run = self.run.model_copy(
            update={
                "spec": self.run.spec.model_copy(update=spec),
                "metadata": self.run.metadata.model_copy(
                    update={"generation": self.run.metadata.generation + 1}
                ),
            }
        )

    def ready(self, role: Role) -> int:
        """Members of a role that serve."""
        found = self.backend.roles(UID).get(role)
        return len(found.ready) if found is not None else 0

    def observed(self) -> Observed:
        """What an operator sees now."""
        roles, external = self._roles(), self._external()
        if not self.ready(Role.REDIS):
            return Observed(roles, None, external)
        if not self.reachable:
            words = "Redis at r:6379 cannot be reached"
            return Observed(roles, Unreachable("Unreachable", words), external)
        return Observed(roles, self._signals(), external)

    def _roles(self) -> dict[Role, ObservedRole]:
        """As the backend reports them, with the members that their nodes have lost."""
        return {
            role: replace(there, interruptions=self.interruptions.get(role, ()))
            for role, there in self.backend.roles(UID).items()
        }

    def _external(self) -> ObservedRole | None:
        """The daemons that exist without the operator, as they answer now."""
        names = endpoints(self.run) if is_asked(self.run) else ()
        return external_role(names, self.answers) if names else None

    def look(self) -> Decision:
        """Decide, without doing anything."""
        return decide(self.run, self.observed(), self.settings, self.memory, now=self.now)

    def step(self, *, limit: int | None = None, forget: bool = False) -> Decision:
        """Decide, act and let two seconds go by. With ``limit`` the operator dies after this many
        actions: its status is not written and its memory is lost."""
        decision = self.look()
        dies = limit is not None and limit < len(decision.actions)
        for action in decision.actions[:limit]:
            self._act(action)
        if dies or forget:
            self.memory = Memory()
        else:
            self.memory = decision.memory
        if not dies:
            self.run = self.run.model_copy(update={"status": decision.status})
            self.events += decision.events
        self.tick()
        return decision

    def until(self, reached: Callable[[SimulatedRun], bool], *, steps: int = 120) -> None:
        """Step until the condition holds."""
        for _ in range(steps):
            if reached(self):
                return
            self.step()
        raise AssertionError(f"{self.run.status.summary}; wants {self.look().actions}")

    def settle(self, *, steps: int = 60) -> None:
        """Step until two reconciles in a row have nothing to do."""
        quiet = 0
        for _ in range(steps):
            quiet = quiet + 1 if not self.step().actions else 0
            if quiet == 2:
                return
        raise AssertionError(f"still acting after {steps} looks: {self.look().actions}")

    def _act(self, action: Action) -> None:
        self.actions.append(action)
        match action:
            case SetIntent(intent=intent):
                self.intent, self.since = intent, self.now
            case SetTarget(games=games):
                self.target = games
            case SetPhase(phase=phase):
                self.phase = phase
            case PublishSlots(slots=slots):
                self.slots = dict(slots)
            case Apply() | Remove() | RemoveFirst():
                self._change_members(action)

    def _change_members(self, action: Apply | Remove | RemoveFirst) -> None:
        before = len(self.backend.killed)
        self.backend.act(UID, action)
        if isinstance(action, Apply):
            self._check_bounds(action.workload)
        shrinks = isinstance(action, Apply) and not self.stuck_games
        for name in self.backend.killed[before:] if shrinks else ():
            assert not self.games.get(f"{name}:17171"), f"{name} was taken away with games"

    def _check_bounds(self, made: Workload) -> None:
        scaled, scaling = self.roles.scaled, self.roles.scaling
        if scaled is None or scaling is None or made.role != scaled.role:
            return
        there = self.backend.roles(UID)[made.role].replicas
        most = scaling.bounds(self.run.spec).max_replicas
        assert there <= max(most, there if self.stuck_games else 0), there

    def tick(self) -> None:
        """Two seconds go by."""
        self.now += 2.0
        self.backend.tick(UID)
        self._play()
        self._train()
        self._evaluate()

    def _play(self) -> None:
        alive, players = self._hosts(), sum(self.ready(each.role) for each in self.roles.producers)
        for endpoint in list(self.games):
            if endpoint not in alive or not players:
                self.lost += len(self.games.pop(endpoint))
                continue
            left = [ticks if self.stuck_games else ticks - 1 for ticks in self.games[endpoint]]
            ended = sum(ticks <= 0 for ticks in left)
            self.played += ended
            self.produced += ended * TRANSITIONS
            self.games[endpoint] = [ticks for ticks in left if ticks > 0]
        paused = self.queued >= 2 * self.run.spec.learner.batch_transitions
        if not players or self.intent is not Intent.RUN or not self.reachable or paused:
            return
        for host, capacity in alive.items():
            running = self.games.setdefault(host, [])
            running += [GAME_TICKS] * (capacity - len(running))

    def _hosts(self) -> dict[str, int]:
        """Where games run now, and how many may begin there: a daemon that drains ends its own."""
        there = self.backend.roles(UID)
        if not self.has_slots:
            found = [each.role for each in self.roles.producers if each.role in there]
            return {each.name: 4 for role in found for each in there[role].ready}
        scaled = self.roles.scaled
        members = there[scaled.role].ready if scaled is not None and scaled.role in there else ()
        alive = {each.endpoint for each in members if each.endpoint is not None}
        alive |= {name for name, answer in self.answers.items() if not answer.error}
        return {name: self._free(name) for name in sorted(alive)}

    def _free(self, endpoint: str) -> int:
        slot = self.slots.get(endpoint)
        return slot.capacity if slot is not None and not slot.draining else 0

    def _train(self) -> None:
        if not self.ready(self.learner) or not self.reachable or self.learner_hangs:
            return
        if self.intent is Intent.EVALUATE:
            self._record()
            return
        flushes = self.intent is Intent.FLUSH
        batch = min(self.queued, self.capacity) if self.capacity and not flushes else self.queued
        self.trained += batch
        self.version += bool(batch)
        self.pointer = Pointer(1, self.version, self.version, "a" * 64, self.now)
        if flushes:
            self.backend.finish(UID, self.learner, Finished(succeeded=True))

    def _record(self) -> None:
        there = self.backend.roles(UID)[self.learner]
        assert is_recorder(self.run, self.settings, there), "a learner trains what is evaluated"
        assert set(self.run.spec.evaluation_opponents) <= {
            each.opponent for each in self.evaluations if each.version == self.version
        }, "there is nothing to record yet"
        if self.recorder is not None:
            self.backend.finish(UID, self.learner, self.recorder)

    def _evaluate(self) -> None:
        evaluators = sum(self.ready(each.role) for each in self.roles.evaluators)
        if not evaluators or self.intent is not Intent.EVALUATE:
            return
        if self.pointer is None or (self.has_slots and not self.slots):
            return
        done = {each.opponent for each in self.evaluations if each.version == self.pointer.version}
        for opponent in self.run.spec.evaluation_opponents:
            if opponent not in done:
                self.evaluations.append(self._evaluation(opponent))

    def _evaluation(self, opponent: str) -> Evaluation:
        assert self.pointer is not None
        return Evaluation(
            at=self.now,
            version=self.pointer.version,
            training_games=self.played,
            opponent=opponent,
            games=100,
            wins=90,
            draws=0,
            rate=0.9,
            low=0.83,
            high=0.94,
        )

    def _signals(self) -> Signals:
        return Signals(
            at=self.now,
            intent=self.intent,
            intent_since=self.since,
            target=self.target,
            ledger=Ledger(
                produced=self.produced,
                trained=self.trained,
                queued=self.queued,
                dropped={"stale": 0, "duplicate": 0, "poison": 0, "spool": 0},
                lost=0,
            ),
            games={"played": self.played},
            servers=self.servers,
            reports=tuple(self._reports()),
            pointer=self.pointer,
            evaluations=tuple(self.evaluations),
            slots=dict(self.slots),
            busy={endpoint: len(games) for endpoint, games in self.games.items()},
            phase=self.phase,
        )

    def _reports(self) -> list[Report]:
        roles = self.backend.roles(UID)
        busy = sum(len(games) for games in self.games.values())
        state = ActorState.PLAYING if self.intent is Intent.RUN or busy else ActorState.DRAINED
        reports: list[Report] = [
            ActorReport(
                member=each.name,
                at=self.now,
                state=state,
                running=busy,
                games=0,
                decisions=0,
                transitions=0,
                paused_seconds=0.0,
                spooled=0,
                weights_version=self.version,
                weights_publish=self.version,
            )
            for role in (each.role for each in self.roles.producers)
            for each in (roles[role].ready if role in roles else ())
        ]
        if self.ready(self.learner):
            reports.append(self._learner_report())
        reports += [
            EvaluatorReport(f"{role}-0", self.now, EvaluatorState.WAITING, 0, 0, self.version)
            for role in (each.role.value for each in self.roles.evaluators)
            if self.ready(Role(role))
        ]
        return reports

    def _learner_report(self) -> LearnerReport:
        return LearnerReport(
            member=f"{self.learner.value}-0",
            at=self.now,
            state=LearnerState.TRAINING,
            epoch=1,
            version=self.version,
            publish=self.version,
            trained=self.trained,
            busy=0.5,
            league=self.league,
            checkpoint=CheckpointReport(
                "file:///checkpoints/1", self.version, self.played, self.now, "b" * 64
            ),
        )


def running(**spec: Any) -> SimulatedRun:
    """A run that plays and trains."""
    world = SimulatedRun(training_run(**spec))
    for _ in range(12):
        world.step()
    assert world.played > 0, "the run did not start"
    assert world.trained > 0, "the run did not train"
    return world


def evaluation_of(world: SimulatedRun, *, low: float, opponent: str = "random") -> Evaluation:
    """A result of the newest weights, of now."""
    games = world.played
    return Evaluation(world.now, world.version, games, opponent, 100, 90, 0, 0.9, low, 0.97)


def holds(
    kind: ConditionType, status: ConditionStatus = ConditionStatus.TRUE
) -> Callable[[SimulatedRun], bool]:
    """Whether a condition of a run has this status, said about the spec as it is."""

    def check(world: SimulatedRun) -> bool:
        found = world.run.status.condition(kind)
        generation = world.run.metadata.generation
        return (
            found is not None and found.status is status and found.observed_generation == generation
        )

    return check


def completed(world: SimulatedRun) -> bool:
    """Whether the run succeeded and nothing is left to do."""
    return holds(ConditionType.COMPLETE)(world) and not world.look().actions
