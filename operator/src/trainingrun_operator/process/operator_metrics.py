"""Metrics of the operator's own work: reconciles, actions, requests, status writes."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from trainingrun_contracts import metrics
from trainingrun_contracts.metrics import Metric
from trainingrun_reconciler.controller.loop import ACTIONS
from trainingrun_reconciler.controller.queue import Result
from trainingrun_reconciler.resources import RESOURCE_KINDS
from trainingrun_reconciler.store import ResourceKey

STATUS_RESULTS: Final = ("written", "stale", "later")


class OperatorMetrics:
    """Counters in a ``registry`` of their own, so that two services of a process do not clash."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reconciles = self._counter(metrics.RECONCILES)
        self._reconcile_seconds = self._histogram(metrics.RECONCILE_SECONDS)
        self._actions = self._counter(metrics.ACTIONS)
        self._requests = self._counter(metrics.API_REQUESTS)
        self._request_seconds = self._histogram(metrics.API_SECONDS)
        self._statuses = self._counter(metrics.STATUS_WRITES)
        self._failures = self._counter(metrics.PART_FAILURES)
        for result in Result:  # a rate needs the zero before the first failure
            for declared in RESOURCE_KINDS:
                self._reconciles.labels(result.value, declared.kind.name)
        for action in ACTIONS:
            self._actions.labels(action)
        for status in STATUS_RESULTS:
            self._statuses.labels(status)

    def observe_reconcile(self, key: ResourceKey, result: Result, seconds: float) -> None:
        """Count a reconcile and its duration."""
        self._reconciles.labels(result.value, key.kind).inc()
        self._reconcile_seconds.observe(seconds)

    def observe_action(self, action: str) -> None:
        """Count an action that was performed."""
        self._actions.labels(action).inc()

    def observe_request(self, verb: str, status: int, seconds: float) -> None:
        """Count a request to the API server; status 0 means that none answered."""
        self._requests.labels(verb, str(status)).inc()
        self._request_seconds.labels(verb).observe(seconds)

    def observe_failure(self, part: str) -> None:
        """Count a failure of a background task, which is restarted."""
        self._failures.labels(part).inc()

    def observe_status(self, result: str) -> None:
        """Count a status that differed from the stored one."""
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
