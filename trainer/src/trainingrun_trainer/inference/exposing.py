"""The server's numbers as Prometheus metrics and as its report."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from time import monotonic, time

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import histogram, labelled, value
from trainingrun_contracts.reports import InferenceReport
from trainingrun_contracts.run_config import ConfigError

from trainingrun_trainer.inference.computing import Computing
from trainingrun_trainer.inference.figures import Figures

Reports = Callable[[], InferenceReport]


def reports_of(member: str, address: str, computing: Computing, figures: Figures) -> Reports:
    """Return what makes a report of now."""

    def report() -> InferenceReport:
        rates, pointer = figures.rates(now=monotonic()), computing.pointer
        return InferenceReport(
            member=member,
            at=time(),
            address=address,
            publish=-1 if pointer is None else pointer.publish,
            version=-1 if pointer is None else pointer.version,
            positions=figures.positions,
            connections=figures.connections,
            device=computing.device.name,
            machine=platform.node(),
            positions_per_second=rates.positions_per_second,
            wait_seconds_p50=rates.wait_seconds_p50,
            wait_seconds_p95=rates.wait_seconds_p95,
            batch_seconds=rates.batch_seconds,
            fill=rates.fill,
            cache_hits=rates.cache_hits,
        )

    return report


class FiguresCollector(Collector):
    """The figures as metrics, made anew whenever they are asked for."""

    def __init__(self, figures: Figures, computing: Computing) -> None:
        self._figures = figures
        self._computing = computing

    def collect(self) -> Iterator[Family]:
        """See Collector. What is not known yet has no sample."""
        figures, pointer = self._figures, self._computing.pointer
        rates = figures.rates(now=monotonic())
        known = figures.positions - figures.computed
        yield labelled(metrics.SERVER_POSITIONS, {"network": figures.computed, "cache": known})
        yield labelled(metrics.SERVER_FAILURES, figures.failures)
        yield histogram(metrics.SERVER_WAIT_SECONDS, figures.wait_seconds)
        yield histogram(metrics.SERVER_BATCH_SECONDS, figures.batch_seconds)
        yield histogram(metrics.SERVER_BATCH_ROWS, figures.batch_rows)
        single: dict[metrics.Metric, float | None] = {
            metrics.SERVER_POSITIONS_PER_SECOND: rates.positions_per_second,
            metrics.SERVER_FILL: rates.fill,
            metrics.SERVER_CONNECTIONS: figures.connections,
            metrics.WEIGHTS_VERSION: None if pointer is None else pointer.version,
            metrics.WEIGHTS_PUBLISH: None if pointer is None else pointer.publish,
        }
        for metric, number in single.items():
            yield value(metric, number)


def serve_metrics(figures: Figures, computing: Computing, *, port: int) -> None:
    """Serve metrics on a port from a thread of its own; 0 means not at all.

    Raises:
        ConfigError: the port cannot be listened on.
    """
    if not port:
        return
    registry = CollectorRegistry()
    registry.register(FiguresCollector(figures, computing))
    try:
        start_http_server(port, registry=registry)
    except OSError as error:
        raise ConfigError(f"metrics port {port} cannot be used: {error.strerror}") from error
