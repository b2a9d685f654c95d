"""Counts of reconciles and how long they took, for /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from trainingrun_contracts import metrics

from trainingrun_operator.controller.queue import Result


class Reconciles:
    """Counters in a ``registry`` of their own, so that two services of a process do not clash."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ended, seconds = metrics.RECONCILES, metrics.RECONCILE_SECONDS
        self._ended = Counter(ended.name, ended.text, ended.labels, registry=self.registry)
        self._seconds = Histogram(
            seconds.name, seconds.text, registry=self.registry, buckets=seconds.buckets
        )
        for result in Result:  # a rate needs the zero before the first failure
            self._ended.labels(result.value)

    def count(self, result: Result, seconds: float) -> None:
        """Take in one reconcile."""
        self._ended.labels(result.value).inc()
        self._seconds.observe(seconds)
