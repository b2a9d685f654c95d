"""What Prometheus reads of the Matchmaker: as ``GetQueueStats`` answers it, at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from trainingrun_contracts.league.v1.matchmaker_pb2 import GetQueueStatsResponse

_PREFIX: Final = "trainingrun_league_matchmaker_"


class MatchmakerMetrics(Collector):
    """See above. A gauge that is set at each change was refused: one would be forgotten."""

    def __init__(
        self, registry: CollectorRegistry, stats: Callable[[], GetQueueStatsResponse]
    ) -> None:
        self._registry, self._stats = registry, stats
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        stats = self._stats()
        gauges = (
            ("waiting_players", "Players that wait for an opponent.", stats.waiting_players),
            ("oldest_wait_seconds", "Wait of the longest of them.", stats.oldest_wait_seconds),
            ("open_matches", "Matches that wait for a worker.", stats.open_matches),
            ("leased_matches", "Matches that a worker plays.", stats.leased_matches),
            ("wanted_workers", "Workers that play all within a minute.", stats.wanted_workers),
        )
        for name, said, value in gauges:
            yield GaugeMetricFamily(_PREFIX + name, said, value=value)
        reported = stats.reported_matches
        yield CounterMetricFamily(
            f"{_PREFIX}reported_matches", "Matches that were reported.", value=reported
        )

    def describe(self) -> Iterator[Metric]:
        """None is read before the service has started."""
        return iter(())

    def close(self) -> None:
        """Be read no longer."""
        self._registry.unregister(self)
