"""A queue, a learner and daemons in simulated time, driven by the real rates and the real law.

Daemons take 20 to 90 s to start, actors pause at high water and resume at half of it, the learner
takes what there is. One look every five seconds. Figures: how long the learner starved, and what
was paid compared with a number of daemons that is right at every moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from trainingrun_contracts.api.spec import Autoscaling
from trainingrun_contracts.reports import ActorReport, Intent, LearnerReport, Report
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_operator.desired.observed import Signals
from trainingrun_operator.desired.rates import RateMemory, measure
from trainingrun_operator.desired.scale import ScaleDecision, ScaleInputs, ScaleMemory, scale

LOOK_SECONDS = 5
SLOTS = 8
_START_SECONDS = (20, 90)


@dataclass
class World:
    """Rates are transitions per second; ``learner`` and ``daemon`` are functions of time."""

    learner: Callable[[int], float] = lambda now: 1500.0
    daemon: Callable[[int], float] = lambda now: 60.0
    reports: Callable[[int], bool] = lambda now: True
    epoch: Callable[[int], int] = lambda now: 1
    high_water: int = 16384


@dataclass
class Trace:
    """One run of the law over a world."""

    world: World
    spec: Autoscaling
    seed: int = 1
    now: int = 0
    queued: float = 0.0
    produced: float = 0.0
    trained: float = 0.0
    ready_at: list[int] = field(default_factory=list)
    paused: bool = False
    paused_seconds: float = 0.0
    busy: float = 0.0
    starved: float = 0.0
    paid: float = 0.0
    ideal: float = 0.0
    rates: RateMemory = field(default_factory=RateMemory)
    memory: ScaleMemory = field(default_factory=ScaleMemory)
    decisions: list[ScaleDecision] = field(default_factory=list)

    def run(self, seconds: int) -> Trace:
        """Let time go by."""
        random = Random(self.seed)
        self.ready_at = self.ready_at or [0] * self.spec.min_replicas
        for _ in range(seconds):
            self.now += 1
            self._second()
            if self.now % LOOK_SECONDS == 0:
                self._look(random)
        return self

    @property
    def replicas(self) -> int:
        """Daemons that are asked for now."""
        return len(self.ready_at)

    @property
    def extra_cost(self) -> float:
        """Daemon-hours above the ideal, as a fraction of it."""
        return self.paid / self.ideal - 1

    def _second(self) -> None:
        ready = sum(at <= self.now for at in self.ready_at)
        self.paused = self.queued >= self.world.high_water * (0.5 if self.paused else 1.0)
        made = 0.0 if self.paused else ready * self.world.daemon(self.now)
        capacity = self.world.learner(self.now)
        taken = min(capacity, self.queued + made)
        self.queued += made - taken
        self.produced += made
        self.trained += taken
        self.paused_seconds += self.paused
        self.busy = taken / capacity if capacity else 0.0
        self.starved += 1 - self.busy if capacity else 0.0
        self.paid += len(self.ready_at) / 3600
        self.ideal += capacity / self.world.daemon(self.now) / 3600

    def _look(self, random: Random) -> None:
        signals = self._signals()
        ready = sum(at <= self.now for at in self.ready_at)
        rates, self.rates = measure(signals, self.rates, ready_daemons=ready)
        inputs = ScaleInputs(
            at=signals.at,
            replicas=self.replicas,
            slots=SLOTS,
            queued=signals.ledger.queued,
            high_water=self.world.high_water,
            capacity=rates.learner_capacity,
            produced_per_daemon=rates.produced_per_daemon,
            paused=rates.paused,
        )
        decision = scale(
            self.spec, inputs, self.memory, replicas=self.replicas, now=float(self.now)
        )
        self.memory = decision.memory
        self.decisions.append(decision)
        while self.replicas < decision.replicas:
            self.ready_at.append(self.now + random.randint(*_START_SECONDS))
        del self.ready_at[decision.replicas :]

    def _signals(self) -> Signals:
        now, reports = float(self.now), list[Report]()
        if self.world.reports(self.now) and self.world.learner(self.now):
            reports.append(
                LearnerReport("l", now, "training", self.world.epoch(self.now), 1, 1, 1,
                              busy=self.busy)
            )  # fmt: skip
        reports.append(ActorReport("a", now, "playing", 1, 1, 1, 1, self.paused_seconds, 0, 1, 1))
        none = {"stale": 0, "duplicate": 0, "poison": 0, "spool": 0}
        trained, queued = int(self.trained), int(self.queued)
        return Signals(
            at=now,
            intent=Intent.RUN,
            intent_since=None,
            target=None,
            ledger=Ledger(trained + queued, trained, queued, none, 0),
            games={},
            reports=tuple(reports),
        )
