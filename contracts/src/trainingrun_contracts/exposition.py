"""From the registry's definitions and plain numbers to what Prometheus reads.

Metrics are computed when they are asked for, so that nothing has to be kept in step: ``family`` and
its like make one family of samples; a label that the definition does not know is a bug and raises.
What happens too often to be kept (calls) is counted where it happens, in what ``counter``,
``gauge`` and ``observed`` make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family

from trainingrun_contracts.distribution import Distribution
from trainingrun_contracts.metrics import Kind, Metric


def value(metric: Metric, number: float | None) -> Family:
    """Return a family with one sample without labels; without any while the number is not known."""
    return family(metric, [] if number is None else [((), number)])


def family(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    """Return a family of counters or gauges: the values of the labels, and the number, of each
    sample."""
    name = metric.name.removesuffix("_total")
    made: CounterMetricFamily | GaugeMetricFamily
    match metric.kind:
        case Kind.COUNTER:
            made = CounterMetricFamily(name, metric.text, labels=metric.labels)
        case Kind.GAUGE:
            made = GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
        case Kind.HISTOGRAM:
            raise ValueError(f"{metric.name} is a histogram: it needs a distribution")
    for labels, number in samples:
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {labels}")
        made.add_metric(labels, number)
    return made


def labelled(metric: Metric, samples: Mapping[str, float]) -> Family:
    """Return a family with one label, by its value."""
    return family(metric, [((label,), number) for label, number in samples.items()])


def histogram(metric: Metric, distribution: Distribution) -> Family:
    """Return a family with one histogram."""
    made = HistogramMetricFamily(metric.name, metric.text)
    bounds = [*(f"{bound:.12g}" for bound in distribution.buckets), "+Inf"]
    counts: Iterable[int] = distribution.cumulated
    made.add_metric([], list(zip(bounds, counts, strict=True)), distribution.sum)
    return made


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """Return a counter of a registry's that is counted up by hand."""
    return Counter(metric.name, metric.text, metric.labels, registry=registry)


def gauge(metric: Metric, registry: CollectorRegistry) -> Gauge:
    """Return a gauge of a registry's that is set by hand."""
    return Gauge(metric.name, metric.text, metric.labels, registry=registry)


def observed(metric: Metric, registry: CollectorRegistry) -> Histogram:
    """Return a histogram of a registry's, of values that it observes one by one."""
    return Histogram(
        metric.name, metric.text, metric.labels, registry=registry, buckets=metric.buckets
    )
