"""What the service says of itself: rates over the last seconds, and the metrics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import labelled, value
from trainingrun_contracts.metrics import Kind, Metric

WINDOW_SECONDS: Final = 10
MOST_READERS: Final = 32
OTHER_READERS: Final = "other"

K = TypeVar("K")
N = TypeVar("N", int, float)


@dataclass
class Rate:
    """Events a second, over the last whole seconds."""

    clock: Callable[[], float]
    _seconds: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, count: int) -> None:
        """Count events of this moment."""
        now = int(self.clock())
        if self._seconds and self._seconds[-1][0] == now:
            count += self._seconds.pop()[1]
        self._seconds.append((now, count))
        self._forget(now)

    @property
    def per_second(self) -> float:
        """The mean over the window."""
        now = int(self.clock())
        self._forget(now)
        return sum(count for second, count in self._seconds if second < now) / WINDOW_SECONDS

    def _forget(self, now: int) -> None:
        while self._seconds and self._seconds[0][0] < now - WINDOW_SECONDS:
            self._seconds.popleft()


class Readers:
    """Experiences sampled by each reader since the start; names are bounded, since they come from
    outside and become labels."""

    def __init__(self) -> None:
        self.sampled: dict[str, int] = {}

    def add(self, reader: str, experiences: int) -> None:
        """A reader has sampled."""
        known = reader in self.sampled or len(self.sampled) < MOST_READERS
        name = reader if known else OTHER_READERS
        self.sampled[name] = self.sampled.get(name, 0) + experiences


@dataclass(frozen=True)
class Figures:
    """One moment of the service, for its metrics; counts are in experiences."""

    values: dict[Metric, float]
    held_seconds: dict[str, float]
    readers: dict[str, int]


def together(tables: Sequence[Figures]) -> Figures:
    """Return the figures of all tables as one: sums."""
    return Figures(
        values=_sums([each.values for each in tables]),
        held_seconds=_sums([each.held_seconds for each in tables]),
        readers=_sums([each.readers for each in tables]),
    )


def counted(figures: Figures) -> Figures:
    """Return the counters alone of a table that goes: sums over all tables never fall by it."""
    counters = {
        each: number for each, number in figures.values.items() if each.kind is Kind.COUNTER
    }
    return Figures(counters, figures.held_seconds, figures.readers)


def _sums(given: Sequence[dict[K, N]]) -> dict[K, N]:
    found: dict[K, N] = {}
    for each in given:
        for name, number in each.items():
            found[name] = found[name] + number if name in found else number
    return found


class ReplayMetrics(Collector):
    """Asks for the figures whenever Prometheus does: nothing is counted twice."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def describe(self) -> Iterator[Family]:
        """None: their names are known when they are collected."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        """Yield all metrics."""
        figures = self._figures()
        for metric, number in figures.values.items():
            yield value(metric, number)
        yield labelled(metrics.LEAGUE_REPLAY_HELD_SECONDS, figures.held_seconds)
        yield labelled(metrics.LEAGUE_REPLAY_READ, figures.readers)
