"""Counts of reconciles and how long they took, for /metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from trainingrun_contracts import metrics

from trainingrun_operator.controller.queue import Result

_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Reconciles:
    """Counters in a ``registry`` of their own, so that two services of a process do not clash."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name, text, labels = metrics.RECONCILES
        self._ended = Counter(name, text, labels, registry=self.registry)
        name, text, _ = metrics.RECONCILE_SECONDS
        self._seconds = Histogram(name, text, registry=self.registry, buckets=_BUCKETS)
        for result in Result:  # a rate needs the zero before the first failure
            self._ended.labels(result.value)

    def count(self, result: Result, seconds: float) -> None:
        """Take in one reconcile."""
        self._ended.labels(result.value).inc()
        self._seconds.observe(seconds)
