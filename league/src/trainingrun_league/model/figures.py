"""What the Model service shows of itself to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge
from trainingrun_contracts.league.v1 import model_pb2 as pb

from trainingrun_league.model.stages import Stage


class Figures:
    """The metrics of one service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = Gauge(
            "trainingrun_league_model_models",
            "Models of the league by stage.",
            ["stage"],
            registry=registry,
        )
        self._published = Counter(
            "trainingrun_league_model_publications_total",
            "Publications that were answered, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self._served = Counter(
            "trainingrun_league_model_served_bytes_total",
            "Bytes of policies that were downloaded.",
            registry=registry,
        )

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
