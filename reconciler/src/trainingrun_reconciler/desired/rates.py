"""Rates from counters: what a run does per second, from its signals at successive reconciles.

Kept apart from the autoscaling law, because status shows the same rates. A rate that is not known
is None and never 0: a counter that fell (Redis lost data), a reader that was away for too long and
a role that does not report all start a new measurement instead of showing a wild number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from trainingrun_contracts.reports import ActorReport, LearnerReport

from trainingrun_reconciler.desired.observed import Signals

AVERAGE_SECONDS: Final = 60.0
"""Time constant of the averages of counters, which come in bursts."""
LEARNER_SECONDS: Final = 20.0
"""Time constant of what the learner reports, which is an average of half a minute already."""
GAP_SECONDS: Final = 15.0
"""Reconciles further apart than this are not compared."""
SHORTEST_SECONDS: Final = 1.0
"""Reconciles closer together than this are not compared: counters come in bursts."""
_SETTLED: Final = 0.15
"""An average is shown once it rests on this much of its window (about ten seconds)."""


@dataclass(frozen=True)
class Average:
    """An exponentially weighted average over time that does not pretend to know its past."""

    total: float = 0.0
    weight: float = 0.0
    over: float = AVERAGE_SECONDS

    def with_sample(self, value: float, *, seconds: float) -> Average:
        """The average after ``value`` held for ``seconds``."""
        kept = math.exp(-seconds / self.over)
        return Average(
            self.total * kept + value * (1 - kept), self.weight * kept + 1 - kept, self.over
        )

    @property
    def value(self) -> float | None:
        """The average; None while it rests on too little."""
        return self.total / self.weight if self.weight >= _SETTLED else None


@dataclass(frozen=True)
class Sample:
    """The counters of one reconcile."""

    at: float
    produced: int
    consumed: int
    trained: int
    games: int
    epoch: int | None
    paused: Mapping[str, tuple[float, float]]  # actor -> (at, seconds paused since its start)

    @property
    def dropped(self) -> int:
        """Taken from the queue and not trained on."""
        return self.consumed - self.trained


@dataclass(frozen=True)
class RateMemory:
    """What is remembered between two reconciles; losing it costs a few seconds of ignorance."""

    last: Sample | None = None
    games: Average = Average()
    produced: Average = Average()
    consumed: Average = Average()
    trained: Average = Average()
    dropped: Average = Average()
    learner_rate: Average = Average(over=LEARNER_SECONDS)
    learner_busy: Average = Average(over=LEARNER_SECONDS)
    working_daemons: Average = Average()
    paused: tuple[tuple[float, float], ...] = field(default=())


@dataclass(frozen=True)
class Rates:
    """Averages over about a minute; None is unknown.

    ``learner_capacity`` is what the learner could take per second if it never waited for data: what
    it reports to train, over the part of the same half minute that it did not wait, and what is
    dropped beside that. ``produced_per_daemon`` is what a daemon gives per second while games run
    on all its slots: games on a slot count, so daemons without games, be it under
    back-pressure, while they drain or because actors are few, do not appear slow. Units: games or
    transitions per second; ``paused`` and ``learner_busy`` are fractions.
    """

    games: float | None = None
    produced: float | None = None
    consumed: float | None = None
    trained: float | None = None
    learner_busy: float | None = None
    learner_capacity: float | None = None
    produced_per_daemon: float | None = None
    paused: float | None = None


_CAPACITY_LIMIT: Final = 8.0
"""Capacity is believed up to this multiple of what was really trained."""


def measure(
    signals: Signals, memory: RateMemory, *, ready_daemons: int
) -> tuple[Rates, RateMemory]:
    """The rates at these signals, and what to remember for the next reconcile."""
    sample, last = _sample(signals), memory.last
    if last is not None and sample.at - last.at < SHORTEST_SECONDS and _follows(sample, last):
        return rates_of(memory), memory
    if last is None or sample.at - last.at > GAP_SECONDS or not _follows(sample, last):
        memory = RateMemory(last=sample)
        return rates_of(memory), memory
    memory = _with_counters(memory, sample, last)
    memory = _with_learner(memory, sample, last, signals)
    memory = _with_actors(memory, sample, last)
    memory = _with_daemons(memory, sample, last, _working(signals, ready_daemons))
    memory = replace(memory, last=sample)
    return rates_of(memory), memory


def rates_of(memory: RateMemory) -> Rates:
    """The rates that a memory holds."""
    produced, working = memory.produced.value, memory.working_daemons.value
    return Rates(
        games=memory.games.value,
        produced=produced,
        consumed=memory.consumed.value,
        trained=memory.trained.value,
        learner_busy=memory.learner_busy.value,
        learner_capacity=_capacity(memory),
        produced_per_daemon=produced / working if produced and working else None,
        paused=_mean([fraction for _, fraction in memory.paused]),
    )


def _capacity(memory: RateMemory) -> float | None:
    rate, busy = memory.learner_rate.value, memory.learner_busy.value
    if not rate or not busy:
        return None
    trained, dropped = memory.trained.value, memory.dropped.value or 0.0
    dropped_beside = dropped / trained if trained else 0.0
    return min(rate / busy, _CAPACITY_LIMIT * rate) * (1 + dropped_beside)


def _sample(signals: Signals) -> Sample:
    learner = learner_report(signals)
    return Sample(
        at=signals.at,
        produced=signals.ledger.produced,
        consumed=signals.ledger.trained + sum(signals.ledger.dropped.values()),
        trained=signals.ledger.trained,
        games=signals.games.get("played", 0),
        epoch=learner.epoch if learner else None,
        paused={
            report.member: (report.at, report.paused_seconds)
            for report in signals.reports
            if isinstance(report, ActorReport)
        },
    )


def learner_report(signals: Signals) -> LearnerReport | None:
    """The learner's own report; the one of the newest epoch when there are several."""
    found = [report for report in signals.reports if isinstance(report, LearnerReport)]
    return max(found, key=lambda report: report.epoch, default=None)


def _follows(sample: Sample, last: Sample) -> bool:
    return (
        sample.produced >= last.produced
        and sample.consumed >= last.consumed
        and sample.games >= last.games
        and sample.at >= last.at
    )


def _with_counters(memory: RateMemory, sample: Sample, last: Sample) -> RateMemory:
    seconds = sample.at - last.at

    def risen(average: Average, new: int, old: int) -> Average:
        return average.with_sample((new - old) / seconds, seconds=seconds)

    return replace(
        memory,
        games=risen(memory.games, sample.games, last.games),
        produced=risen(memory.produced, sample.produced, last.produced),
        trained=risen(memory.trained, sample.trained, last.trained),
        dropped=risen(memory.dropped, sample.dropped, last.dropped),
    )


def _with_learner(memory: RateMemory, sample: Sample, last: Sample, signals: Signals) -> RateMemory:
    report, seconds = learner_report(signals), sample.at - last.at
    if report is None or report.busy is None or sample.epoch != last.epoch:
        unknown = Average(over=LEARNER_SECONDS)
        return replace(memory, consumed=Average(), learner_rate=unknown, learner_busy=unknown)
    rate = (sample.consumed - last.consumed) / seconds
    reported = rate if report.transitions_per_second is None else report.transitions_per_second
    return replace(
        memory,
        consumed=memory.consumed.with_sample(rate, seconds=seconds),
        learner_rate=memory.learner_rate.with_sample(reported, seconds=seconds),
        learner_busy=memory.learner_busy.with_sample(report.busy, seconds=seconds),
    )


def _with_actors(memory: RateMemory, sample: Sample, last: Sample) -> RateMemory:
    fraction = _mean(
        [
            min(1.0, max(0.0, (paused - last.paused[actor][1]) / (at - last.paused[actor][0])))
            for actor, (at, paused) in sample.paused.items()
            if actor in last.paused and at > last.paused[actor][0]
        ]
    )
    if fraction is None:
        return memory
    recent = (*memory.paused, (sample.at, fraction))
    return replace(
        memory, paused=tuple(each for each in recent if sample.at - each[0] < AVERAGE_SECONDS)
    )


def _with_daemons(memory: RateMemory, sample: Sample, last: Sample, working: float) -> RateMemory:
    seconds = sample.at - last.at
    return replace(
        memory, working_daemons=memory.working_daemons.with_sample(working, seconds=seconds)
    )


def _working(signals: Signals, ready_daemons: int) -> float:
    """How many daemons with games on all slots would be as busy as those there are."""
    parts = [
        min(1.0, signals.busy.get(endpoint, 0) / slot.capacity)
        for endpoint, slot in signals.slots.items()
        if slot.capacity
    ]
    return sum(parts) if parts else float(ready_daemons)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
