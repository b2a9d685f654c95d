"""Metrics of calls, the same for every service."""

from __future__ import annotations

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class CallMetrics:
    """Counts the calls of one service; all services of a process share a registry."""

    def __init__(self, shared: SharedCallMetrics, service: str) -> None:
        self._shared, self._service = shared, service

    def record(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a call that ended."""
        self._shared.calls.labels(self._service, method, code.name).inc()
        self._shared.seconds.labels(self._service, method).observe(seconds)


class SharedCallMetrics:
    """The families. Methods are those of the protocol, so that the labels are a closed set."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "trainingrun_league_calls",
            "Calls that ended, by method and status code.",
            ("service", "method", "code"),
            registry=registry,
        )
        self.seconds = Histogram(
            "trainingrun_league_call_seconds",
            "Duration of calls, waits that a request asked for included.",
            ("service", "method"),
            buckets=_SECONDS,
            registry=registry,
        )

    def of(self, service: str) -> CallMetrics:
        """Return those of a service."""
        return CallMetrics(self, service)
