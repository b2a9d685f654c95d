"""What the learner is doing, as a value that other threads may read at any time.

The training thread writes; the reporter reads. Rates and fractions are of the last half minute,
because one update may take longer than one report interval.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from trainingrun_contracts import metrics
from trainingrun_contracts.distribution import Distribution
from trainingrun_contracts.reports import LEARNER_WAITS, CheckpointReport, LearnerState
from trainingrun_contracts.stream.accounts import Totals

WINDOW_SECONDS: Final = 30.0
PHASES: Final = LEARNER_WAITS


@dataclass(frozen=True)
class Facts:
    """A moment of the learner."""

    state: LearnerState = LearnerState.STARTING
    version: int = 0
    publish: int = 0
    updates: int = 0
    skipped_steps: int = 0
    roll_backs: int = 0
    adopted_from: str | None = None
    totals: Totals = field(default_factory=Totals)
    losses: dict[str, float] = field(default_factory=dict)
    policy_lag: float | None = None
    policy_lag_p95: float | None = None
    games: int | None = None
    queued: int | None = None
    queue_capacity: int | None = None
    dead_letters: int | None = None
    checkpoints_saved: int = 0
    checkpoints_failed: int = 0
    first_update_at: float | None = None
    checkpoint: CheckpointReport | None = None
    league: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rates:
    """What the last half minute was like; None where there is nothing to say yet.

    Attributes:
        waits: fraction of the time spent in each phase.
        busy: fraction of the time not spent waiting for data.
        transitions_per_second: trained.
        games_per_second: training games of all actors that ended.
    """

    waits: dict[str, float]
    busy: float | None
    transitions_per_second: float | None
    games_per_second: float | None = None


@dataclass(frozen=True)
class _Sample:
    at: float
    trained: int
    games: int | None
    seconds: dict[str, float]


class Status:
    """The facts and a stopwatch for the phases of the training thread.

    Attributes:
        lags: publications between acting and training, of all transitions trained.
        update_seconds: how long updates took.
    """

    def __init__(self) -> None:
        self.lags = Distribution(metrics.POLICY_LAG.buckets)
        self.update_seconds = Distribution(metrics.UPDATE_SECONDS.buckets)
        self._lock = threading.Lock()
        self._facts = Facts()
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._phase: tuple[str, float] | None = None
        self._samples: deque[_Sample] = deque()

    def set(self, **changes: Any) -> None:
        """Change some facts."""
        with self._lock:
            self._facts = replace(self._facts, **changes)

    def note_league(self, service: str, problem: str) -> None:
        """Keep what keeps a service of the league from answering; empty when it answers."""
        with self._lock:
            known = self._facts.league | {service: problem}
            self._facts = replace(self._facts, league=known)

    def note_lags(self, lags: npt.NDArray[np.integer[Any]]) -> None:
        """Take in the policy lag of every transition of an update, in publications."""
        found, times = np.unique(lags, return_counts=True)
        for lag, count in zip(found.tolist(), times.tolist(), strict=True):
            self.lags.observe(lag, times=count)
        self.set(policy_lag_p95=float(np.percentile(lags, 95)))

    @contextmanager
    def timing_update(self) -> Iterator[None]:
        """Take the time of the update inside."""
        began = time.monotonic()
        yield
        self.update_seconds.observe(time.monotonic() - began)

    def note_checkpoint(self, saved: CheckpointReport | None) -> None:
        """Take in a checkpoint that was written, or that one could not be."""
        with self._lock:
            facts = self._facts
            if saved is None:
                self._facts = replace(facts, checkpoints_failed=facts.checkpoints_failed + 1)
            else:
                number = facts.checkpoints_saved + 1
                self._facts = replace(facts, checkpoint=saved, checkpoints_saved=number)

    @property
    def facts(self) -> Facts:
        """The facts of this moment."""
        with self._lock:
            return self._facts

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time inside as this phase; phases do not nest."""
        with self._lock:
            self._phase = (name, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                self._seconds = self._spent(time.monotonic())
                self._phase = None

    def seconds(self) -> dict[str, float]:
        """Return seconds spent in each phase since the start, the running one included."""
        with self._lock:
            return self._spent(time.monotonic())

    def rates(self) -> Rates:
        """Take a sample and compare it with the one half a minute ago."""
        with self._lock:
            now = time.monotonic()
            sample = _Sample(now, self._facts.totals.trained, self._facts.games, self._spent(now))
            self._samples.append(sample)
            while len(self._samples) > 2 and now - self._samples[1].at >= WINDOW_SECONDS:
                self._samples.popleft()
            first, started = self._samples[0], self._facts.updates > 0
        return _rates(first, sample, started=started)

    def _spent(self, now: float) -> dict[str, float]:
        if self._phase is None:
            return dict(self._seconds)
        name, since = self._phase
        return {**self._seconds, name: self._seconds[name] + now - since}


def _rates(first: _Sample, last: _Sample, *, started: bool) -> Rates:
    elapsed = last.at - first.at
    if elapsed <= 0:
        return Rates({}, None, None)
    waits = {name: (last.seconds[name] - first.seconds[name]) / elapsed for name in PHASES}
    if not started:
        return Rates(waits, None, None)
    games = None
    if first.games is not None and last.games is not None:
        games = max(0, last.games - first.games) / elapsed
    rate = (last.trained - first.trained) / elapsed
    return Rates(waits, min(max(1 - waits["data"], 0.0), 1.0), rate, games)
