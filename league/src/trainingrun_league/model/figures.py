"""What the Model service shows of itself to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import counter, gauge
from trainingrun_contracts.league.v1 import model_pb2 as pb

from trainingrun_league.model.stages import Stage


class Figures:
    """The metrics of one service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = gauge(metrics.LEAGUE_MODELS, registry)
        self._published = counter(metrics.LEAGUE_PUBLICATIONS, registry)
        self._served = counter(metrics.LEAGUE_SERVED_BYTES, registry)

    def set_stages(self, counts: Mapping[Stage, int]) -> None:
        """Show how many models have each stage."""
        for stage, count in counts.items():
            self._stages.labels(stage.value).set(count)

    def published(self, outcome: pb.PublishPolicyResponse.Outcome.ValueType) -> None:
        """Count an answered publication."""
        name = pb.PublishPolicyResponse.Outcome.Name(outcome)
        self._published.labels(name.removeprefix("OUTCOME_").lower().replace("_", "-")).inc()

    def served(self, size: int) -> None:
        """Count bytes that were sent."""
        self._served.inc(size)
