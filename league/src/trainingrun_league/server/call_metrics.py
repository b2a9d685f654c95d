"""Metrics of calls, the same for every service."""

from __future__ import annotations

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import counter, observed


class CallMetrics:
    """Counts the calls of one service; all services of a process share a registry."""

    def __init__(self, shared: SharedCallMetrics, service: str) -> None:
        self._shared, self._service = shared, service
        self._children: dict[tuple[str, grpc.StatusCode], tuple[Counter, Histogram]] = {}

    def record(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a call that ended."""
        found = self._children.get((method, code))
        if found is None:
            found = (
                self._shared.calls.labels(self._service, method, code.name),
                self._shared.seconds.labels(self._service, method),
            )
            self._children[method, code] = found  # of a closed set, as labels are
        calls, spent = found
        calls.inc()
        spent.observe(seconds)


class SharedCallMetrics:
    """The families. Methods are those of the protocol, so that the labels are a closed set."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = counter(metrics.LEAGUE_CALLS, registry)
        self.seconds = observed(metrics.LEAGUE_CALL_SECONDS, registry)

    def of(self, service: str) -> CallMetrics:
        """Return those of a service."""
        return CallMetrics(self, service)
