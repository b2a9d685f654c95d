"""What the operator counts of its own work, for /metrics: looks, actions, requests, statuses."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from trainingrun_contracts import metrics
from trainingrun_contracts.metrics import Metric

from trainingrun_operator.controller.loop import ACTIONS
from trainingrun_operator.controller.queue import Result

STATUS_RESULTS: Final = ("written", "stale", "later")


class Meters:
    """Counters in a ``registry`` of their own, so that two services of a process do not clash."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._looks = self._counter(metrics.RECONCILES)
        self._look_seconds = self._histogram(metrics.RECONCILE_SECONDS)
        self._actions = self._counter(metrics.ACTIONS)
        self._requests = self._counter(metrics.API_REQUESTS)
        self._request_seconds = self._histogram(metrics.API_SECONDS)
        self._statuses = self._counter(metrics.STATUS_WRITES)
        self._failures = self._counter(metrics.PART_FAILURES)
        for result in Result:  # a rate needs the zero before the first failure
            self._looks.labels(result.value)
        for action in ACTIONS:
            self._actions.labels(action)
        for told in STATUS_RESULTS:
            self._statuses.labels(told)

    def looked(self, result: Result, seconds: float) -> None:
        """Take in one reconcile."""
        self._looks.labels(result.value).inc()
        self._look_seconds.observe(seconds)

    def acted(self, action: str) -> None:
        """Take in one action that was done."""
        self._actions.labels(action).inc()

    def asked(self, verb: str, status: int, seconds: float) -> None:
        """Take in one answer of the API server; status 0 where none came."""
        self._requests.labels(verb, str(status)).inc()
        self._request_seconds.labels(verb).observe(seconds)

    def failed(self, part: str) -> None:
        """Take in a failure of a part that runs in the background; it is started again."""
        self._failures.labels(part).inc()

    def told(self, result: str) -> None:
        """Take in one status that differed from the one that stood."""
        self._statuses.labels(result).inc()

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.text, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.name,
            metric.text,
            metric.labels,
            registry=self.registry,
            buckets=metric.buckets,
        )
