"""A run in virtual time: daemons, games, actors under back-pressure, a queue, and a learner.

One tick is a second and nothing here waits. What the operator would see (members, ``Signals``) is
made from the state, and what it would do (publish slots, change the number) is taken as the real
roles take it:

* a daemon serves after its start-up delay; games are leased on published daemons that do not drain;
* actors start no new game from the high water mark down to the low one, games that run go on;
* what is being trained counts as queued until the learner is done with it, whole batches at a time;
* a number that falls takes away the members named first, then those that do not serve yet.

Which numbers are asked for is in ``autoscaler_laws``, what happens to the world in
``autoscaler_traces``. Refused: a fluid learner that trains what trickles in; it hides that the
batch in training fills half of the queue.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from trainingrun_contracts.reports import ActorReport, ActorState, Intent, LearnerReport, Report
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES, LOW_WATER_BATCHES
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_reconciler.desired.observed import Member, ObservedRole, Signals

from benchmarks.autoscaler.traces import Trace

SEGMENT_DELAY: Final = 5
"""Seconds from a decision to its segment in the queue, on average."""
REPORT_SECONDS: Final = 30
"""The learner's rates are of so many last seconds."""
_NO_DROPS: Final = {"stale": 0, "duplicate": 0, "poison": 0, "spool": 0}


@dataclass(eq=False)
class Daemon:
    """One daemon; ``games`` run on it now, ``life`` tells games of before a crash from new ones."""

    name: str
    started_at: int
    ready_at: int
    games: int = 0
    life: int = 0
    leaves_at: int | None = None

    @property
    def endpoint(self) -> str:
        """Its address; names are enough here."""
        return self.name


@dataclass
class Learner:
    """Trains whole batches. ``left`` of the batch in training; 0 while it waits for data."""

    batch: int
    fresh: float = 0.0
    left: float = 0.0
    trained: int = 0
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=REPORT_SECONDS))

    @property
    def queued(self) -> float:
        """Transitions in the queue, those in training included."""
        return self.fresh + (self.batch if self.left > 0 else 0)

    def second(self, capacity: float) -> float:
        """Train for one second; gives the part of it that was not spent waiting."""
        time, before = 1.0, self.trained
        while time > 1e-9 and capacity > 0:
            if self.left <= 0:
                if self.fresh < self.batch:
                    break
                self.fresh -= self.batch
                self.left = float(self.batch)
            spent = min(time, self.left / capacity)
            self.left = max(0.0, self.left - spent * capacity)
            time -= spent
            if self.left <= 1e-6:
                self.left, self.trained = 0.0, self.trained + self.batch
        busy = 1.0 - time
        self.recent.append((busy, self.trained - before))
        return busy

    def restart(self) -> None:
        """What was in training is queued again; the report starts anew."""
        self.fresh += self.batch if self.left > 0 else 0
        self.left = 0.0
        self.recent.clear()


@dataclass
class Figures:
    """What a law is judged by. Seconds, daemon-seconds and counts."""

    starved: float = 0.0
    active: float = 0.0
    paid: float = 0.0
    killed_games: int = 0
    busy_killed: int = 0
    events: int = 0
    over: float = 0.0
    """The highest number of daemons over what was needed then, as a part of it."""
    ages: list[float] = field(default_factory=list)


class World:
    """The state of one run; :meth:`second` lets time go by."""

    def __init__(self, trace: Trace, *, seed: int) -> None:
        self.trace = trace
        self.now = 0
        self.figures = Figures()
        self.learner = Learner(trace.batch)
        self.members: list[Daemon] = []
        self.published: Mapping[str, DaemonSlot] = {}
        self.replicas = 0
        self.is_full = False
        self._random = Random(seed)
        self._made = 0
        self._ends: list[tuple[float, int, Daemon, int]] = []
        self._paused_seconds = 0.0
        self._produced = 0.0
        self._on_way: deque[float] = deque([0.0] * SEGMENT_DELAY)
        self._epoch = 1

    # --- what happens -----------------------------------------------------------------------------

    def second(self) -> None:
        """One second of everything."""
        self.now += 1
        self._losses()
        self._end_games()
        self._pressure()
        self._start_games()
        self._produce()
        self._train()
        self.figures.paid += len(self.members)

    def ask(self, replicas: int, first: Iterable[str] = ()) -> None:
        """The number of daemons that shall be there, and which go first if it falls."""
        if replicas != self.replicas:
            self.figures.events += 1
        self.replicas = replicas
        going = {name: place for place, name in enumerate(first)}
        while len(self.members) > replicas:
            last = min(
                self.members,
                key=lambda each: (
                    going.get(each.name, len(going)),
                    each.ready_at <= self.now,
                    -each.started_at,
                ),
            )
            self.members.remove(last)
            self.figures.killed_games += last.games
            self.figures.busy_killed += last.games > 0
            last.life += 1
        self._fill()

    def _fill(self) -> None:
        while len(self.members) < self.replicas:
            delay = self._random.uniform(*self.trace.start_seconds)
            self._made += 1
            self.members.append(Daemon(f"d{self._made}", self.now, self.now + round(delay)))

    def _losses(self) -> None:
        """Crashes start again in place; spot machines go for good, with or without a notice."""
        for share in self.trace.crashes(self.now):
            for each in self._random.sample(self.members, round(share * len(self.members))):
                each.games, each.life = 0, each.life + 1
                each.ready_at = self.now + round(self._random.uniform(*self.trace.start_seconds))
        for share in self.trace.reclaimed(self.now):
            for each in self._random.sample(self.members, round(share * len(self.members))):
                each.leaves_at = self.now + self._random.randint(5, 120)
        gone = [each for each in self.members if each.leaves_at == self.now]
        for each in gone:
            each.life += 1
            self.members.remove(each)
        self._fill()

    def _end_games(self) -> None:
        while self._ends and self._ends[0][0] <= self.now:
            _, _, daemon, life = heapq.heappop(self._ends)
            if daemon.life == life:
                daemon.games -= 1

    def _pressure(self) -> None:
        batch, queued = self.trace.batch, self.learner.queued
        low = queued > LOW_WATER_BATCHES * batch
        self.is_full = queued >= HIGH_WATER_BATCHES * batch or (self.is_full and low)

    def _start_games(self) -> None:
        free = 0
        for each in self.members:
            slot = self.published.get(each.endpoint)
            if slot is None or slot.draining or each.ready_at > self.now:
                continue
            room = slot.capacity - each.games
            free += room
            if not self.is_full:
                for _ in range(room):
                    self._start(each)
        if self.is_full:
            self._paused_seconds += free / max(1, self.trace.slots * len(self.members))

    def _start(self, daemon: Daemon) -> None:
        daemon.games += 1
        self._made += 1
        end = self.now + self.trace.game_seconds(self.now, self._random)
        heapq.heappush(self._ends, (end, self._made, daemon, daemon.life))

    def _produce(self) -> None:
        games = sum(each.games for each in self.members)
        self._on_way.append(games * self.trace.per_game(self.now))
        arrived = self._on_way.popleft()
        self._produced += arrived
        self.learner.fresh += arrived

    def _train(self) -> None:
        capacity = self.trace.capacity(self.now)
        if not capacity:
            if self.trace.capacity(self.now - 1):
                self.learner.restart()
                self._epoch += 1
            return
        busy = self.learner.second(capacity)
        self.figures.active += 1
        self.figures.starved += 1 - busy
        self.figures.ages.append(self.learner.queued / capacity)
        need = self.trace.needed(self.now)
        self.figures.over = max(self.figures.over, len(self.members) / need - 1)

    # --- what the operator sees -------------------------------------------------------------------

    def role(self) -> ObservedRole:
        """The daemons as a backend shows them."""
        members = tuple(
            Member(
                each.name,
                ready=each.ready_at <= self.now,
                endpoint=each.endpoint,
                started_at=float(each.started_at),
            )
            for each in self.members
        )
        return ObservedRole(self.replicas, "hash", members)

    def signals(self) -> Signals | None:
        """What Redis says; None while it cannot be asked."""
        if self.trace.is_dark(self.now):
            return None
        queued = int(self.learner.queued)
        produced = self.learner.trained + queued
        return Signals(
            at=float(self.now),
            intent=Intent.RUN,
            intent_since=None,
            target=None,
            ledger=Ledger(produced, self.learner.trained, queued, _NO_DROPS, 0),
            games={},
            reports=tuple(self._reports()),
            slots=self.published,
            busy={each.endpoint: each.games for each in self.members},
        )

    def _reports(self) -> Iterable[Report]:
        now = float(self.now)
        recent = self.learner.recent
        if self.trace.capacity(self.now) and recent and not self.trace.is_mute(self.now):
            busy = sum(busy for busy, _ in recent) / len(recent)
            rate = sum(trained for _, trained in recent) / len(recent)
            yield LearnerReport(
                "l",
                now,
                "training",
                self._epoch,
                1,
                1,
                self.learner.trained,
                transitions_per_second=rate,
                busy=busy,
                waits={"data": 1 - busy},
            )
        yield ActorReport("a", now, ActorState.PLAYING, 1, 1, 1, 1, self._paused_seconds, 0, 1, 1)
