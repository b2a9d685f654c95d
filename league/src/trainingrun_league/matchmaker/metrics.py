"""What Prometheus reads of the Matchmaker: as ``GetQueueStats`` answers it, at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import value
from trainingrun_contracts.league.v1.matchmaker_pb2 import GetQueueStatsResponse


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
        yield value(metrics.LEAGUE_WAITING_PLAYERS, stats.waiting_players)
        yield value(metrics.LEAGUE_OLDEST_WAIT, stats.oldest_wait_seconds)
        yield value(metrics.LEAGUE_OPEN_MATCHES, stats.open_matches)
        yield value(metrics.LEAGUE_LEASED_MATCHES, stats.leased_matches)
        yield value(metrics.LEAGUE_WANTED_WORKERS, stats.wanted_workers)
        yield value(metrics.LEAGUE_REPORTED_MATCHES, stats.reported_matches)

    def describe(self) -> Iterator[Metric]:
        """None is read before the service has started."""
        return iter(())

    def close(self) -> None:
        """Be read no longer."""
        self._registry.unregister(self)
