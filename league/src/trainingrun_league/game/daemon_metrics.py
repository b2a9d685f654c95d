"""What Prometheus reads of the daemons of a league; nothing before they were first asked."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import value

from trainingrun_league.game.daemons import Daemons


class DaemonMetrics(Collector):
    """See above."""

    def __init__(self, registry: CollectorRegistry, daemons: Daemons) -> None:
        self._daemons = daemons
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        counts, slots = self._daemons.counts, metrics.LEAGUE_DAEMON_SLOTS
        if counts is None:
            return
        found = GaugeMetricFamily(slots.name, slots.text, labels=slots.labels)
        found.add_metric(["held"], self._daemons.held)
        found.add_metric(["free"], counts.free)
        yield found
        yield value(metrics.LEAGUE_DAEMONS_AWAY, counts.away)

    def describe(self) -> Iterator[Metric]:
        """See ``MatchmakerMetrics``."""
        return iter(())
