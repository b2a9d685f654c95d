"""Rates from counters: what a run does per second, from successive looks at its signals.

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

from trainingrun_operator.desired.observed import Signals

AVERAGE_SECONDS: Final = 60.0
"""Time constant of all averages."""
GAP_SECONDS: Final = 15.0
"""Looks further apart than this are not compared."""
SHORTEST_SECONDS: Final = 1.0
"""Looks closer together than this are not compared: counters come in bursts."""
_SETTLED: Final = 0.15
"""An average is shown once it rests on this much of its window (about ten seconds)."""


@dataclass(frozen=True)
class Average:
    """An exponentially weighted average over time that does not pretend to know its past."""

    total: float = 0.0
    weight: float = 0.0

    def with_sample(self, value: float, *, seconds: float) -> Average:
        """The average after ``value`` held for ``seconds``."""
        kept = math.exp(-seconds / AVERAGE_SECONDS)
        return Average(self.total * kept + value * (1 - kept), self.weight * kept + 1 - kept)

    @property
    def value(self) -> float | None:
        """The average; None while it rests on too little."""
        return self.total / self.weight if self.weight >= _SETTLED else None


@dataclass(frozen=True)
class Sample:
    """The counters of one look."""

    at: float
    produced: int
    consumed: int
    trained: int
    games: int
    epoch: int | None
    paused: Mapping[str, tuple[float, float]]  # actor -> (at, seconds paused since its start)


@dataclass(frozen=True)
class RateMemory:
    """What is remembered between two looks; losing it costs a few seconds of ignorance."""

    last: Sample | None = None
    games: Average = Average()
    produced: Average = Average()
    consumed: Average = Average()
    trained: Average = Average()
    learner_busy: Average = Average()
    working_daemons: Average = Average()
    paused: tuple[tuple[float, float], ...] = field(default=())


@dataclass(frozen=True)
class Rates:
    """Averages over about a minute; None is unknown.

    ``learner_capacity`` is what the learner could train per second if it never waited for data;
    ``produced_per_daemon`` is what one ready daemon gives per second while actors are not paused
    by back-pressure. Units: games or transitions per second; ``paused`` and ``learner_busy`` are
    fractions.
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
"""Capacity is believed up to this multiple of what was really consumed."""


def measure(
    signals: Signals, memory: RateMemory, *, ready_daemons: int
) -> tuple[Rates, RateMemory]:
    """The rates at these signals, and what to remember for the next look."""
    sample, last = _sample(signals), memory.last
    if last is not None and sample.at - last.at < SHORTEST_SECONDS and _follows(sample, last):
        return rates_of(memory), memory
    if last is None or sample.at - last.at > GAP_SECONDS or not _follows(sample, last):
        memory = RateMemory(last=sample)
        return rates_of(memory), memory
    memory = _with_counters(memory, sample, last)
    memory = _with_learner(memory, sample, last, signals)
    memory = _with_actors(memory, sample, last, ready_daemons)
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
    consumed, busy = memory.consumed.value, memory.learner_busy.value
    if not consumed or not busy:
        return None
    return min(consumed / busy, _CAPACITY_LIMIT * consumed)


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
    )


def _with_learner(memory: RateMemory, sample: Sample, last: Sample, signals: Signals) -> RateMemory:
    report, seconds = learner_report(signals), sample.at - last.at
    if report is None or report.busy is None or sample.epoch != last.epoch:
        return replace(memory, consumed=Average(), learner_busy=Average())
    rate = (sample.consumed - last.consumed) / seconds
    return replace(
        memory,
        consumed=memory.consumed.with_sample(rate, seconds=seconds),
        learner_busy=memory.learner_busy.with_sample(report.busy, seconds=seconds),
    )


def _with_actors(
    memory: RateMemory, sample: Sample, last: Sample, ready_daemons: int
) -> RateMemory:
    fraction = _mean(
        [
            min(1.0, max(0.0, (paused - last.paused[actor][1]) / (at - last.paused[actor][0])))
            for actor, (at, paused) in sample.paused.items()
            if actor in last.paused and at > last.paused[actor][0]
        ]
    )
    if fraction is None:
        return memory
    seconds = sample.at - last.at
    recent = (*memory.paused, (sample.at, fraction))
    return replace(
        memory,
        paused=tuple(each for each in recent if sample.at - each[0] < AVERAGE_SECONDS),
        working_daemons=memory.working_daemons.with_sample(
            ready_daemons * (1 - fraction), seconds=seconds
        ),
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
