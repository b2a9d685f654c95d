"""What Prometheus reads of the daemons of a league; nothing before they were first asked."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from trainingrun_contracts import metrics

from trainingrun_league.game.daemons import Daemons


class DaemonMetrics(Collector):
    """See above."""

    def __init__(self, registry: CollectorRegistry, daemons: Daemons | None) -> None:
        """A league whose games are played in its own process has no daemons, and no numbers."""
        self._daemons = daemons
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        slots, away = _family(metrics.LEAGUE_DAEMON_SLOTS), _family(metrics.LEAGUE_DAEMONS_AWAY)
        if self._daemons is not None and (counts := self._daemons.counts) is not None:
            slots.add_metric(["held"], self._daemons.held)
            slots.add_metric(["free"], counts.free)
            away.add_metric([], counts.away)
        yield slots
        yield away

    def describe(self) -> Iterator[Metric]:
        """See ``MatchmakerMetrics``."""
        return iter(())


def _family(metric: metrics.Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
