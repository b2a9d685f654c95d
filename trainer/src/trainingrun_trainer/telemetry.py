"""The learner's numbers for people's tools: Prometheus metrics and TensorBoard event files.

Metrics are computed from the status when they are asked for, so nothing has to be kept in step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from torch.utils.tensorboard import SummaryWriter
from trainingrun_contracts import metrics

from trainingrun_trainer.status import Status

_Definition = tuple[str, str, tuple[str, ...]]


class MetricsPortTaken(Exception):
    """The metrics port cannot be listened on; the message is for the user."""


class StatusCollector(Collector):
    """The status as Prometheus metrics."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """See Collector. What is not known yet is left out."""
        facts = self._status.facts
        fates = msgspec.structs.asdict(facts.totals)
        yield _counter(metrics.TRANSITIONS, [((fate,), n) for fate, n in fates.items()])
        seconds = self._status.seconds()
        yield _counter(metrics.WAIT_SECONDS, [((cause,), n) for cause, n in seconds.items()])
        yield _counter(metrics.UPDATES, [((), facts.updates)])
        yield _gauge(metrics.WEIGHTS_VERSION, [((), facts.version)])
        yield _gauge(metrics.LOSS, [((term,), value) for term, value in facts.losses.items()])
        if facts.policy_lag is not None:
            yield _gauge(metrics.POLICY_LAG, [((), facts.policy_lag)])
        if facts.checkpoint is not None:
            yield _gauge(metrics.CHECKPOINT_AGE, [((), facts.checkpoint.saved_at)])


def serve_metrics(status: Status, *, port: int) -> None:
    """Serve metrics on a port from a thread of its own, as long as the process lives.

    Raises:
        MetricsPortTaken: one cannot listen there.
    """
    registry = CollectorRegistry()
    registry.register(StatusCollector(status))
    try:
        start_http_server(port, registry=registry)
    except OSError as error:
        raise MetricsPortTaken(
            f"metrics port {port}: {error.strerror}: stop what listens there, or give another port"
        ) from error


class EventFiles:
    """TensorBoard event files of one run."""

    def __init__(self, directory: Path) -> None:
        self._writer = SummaryWriter(str(directory), max_queue=100, flush_secs=10)

    def write(self, values: dict[str, float], *, step: int) -> None:
        """Write one value per tag."""
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, global_step=step)

    def close(self) -> None:
        """Write out what is buffered."""
        self._writer.close()


class LossCurve:
    """The losses of every update as lines of JSON, every digit of them and no time: two runs in
    step with the same seed write the same bytes."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file

    def write(self, losses: dict[str, float], *, step: int, transitions: int) -> None:
        """Add one update."""
        line = {"step": step, "transitions": transitions, **dict(sorted(losses.items()))}
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def _counter(
    definition: _Definition, samples: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    name, text, labels = definition
    family = CounterMetricFamily(name.removesuffix("_total"), text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _gauge(
    definition: _Definition, samples: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    name, text, labels = definition
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family
