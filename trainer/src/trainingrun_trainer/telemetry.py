"""The learner's numbers for people's tools: Prometheus metrics and TensorBoard event files.

Metrics are computed from the status when they are asked for, so nothing has to be kept in step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from torch.utils.tensorboard import SummaryWriter
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import histogram, labelled, value
from trainingrun_contracts.reports import Evaluation

from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.status import Status


class MetricsPortTaken(Exception):
    """The metrics port cannot be listened on; the message is for the user."""


class StatusCollector(Collector):
    """The status as Prometheus metrics."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """See Collector. What is not known yet has no sample."""
        status, facts, rates = self._status, self._status.facts, self._status.rates()
        saved = facts.checkpoint
        yield labelled(metrics.TRANSITIONS, msgspec.structs.asdict(facts.totals))
        yield labelled(metrics.WAIT_SECONDS, status.seconds())
        yield labelled(metrics.WAIT_FRACTION, rates.waits)
        yield labelled(metrics.LOSS, facts.losses)
        yield labelled(
            metrics.CHECKPOINTS,
            {"saved": facts.checkpoints_saved, "failed": facts.checkpoints_failed},
        )
        yield histogram(metrics.POLICY_LAG, status.lags)
        yield histogram(metrics.UPDATE_SECONDS, status.update_seconds)
        single: dict[metrics.Metric, float | None] = {
            metrics.UPDATES: facts.updates,
            metrics.SKIPPED_STEPS: facts.skipped_steps,
            metrics.WEIGHTS_VERSION: facts.version,
            metrics.WEIGHTS_PUBLISH: facts.publish,
            metrics.TRAINED_PER_SECOND: rates.transitions_per_second,
            metrics.POLICY_LAG_MEAN: facts.policy_lag,
            metrics.POLICY_LAG_P95: facts.policy_lag_p95,
            metrics.QUEUE_DEPTH: facts.queued,
            metrics.QUEUE_CAPACITY: facts.queue_capacity,
            metrics.DEAD_LETTERS: facts.dead_letters,
            metrics.CHECKPOINT_AT: saved.saved_at if saved is not None else None,
            metrics.CHECKPOINT_BYTES: saved.size if saved is not None else None,
            metrics.CHECKPOINT_SECONDS: saved.seconds if saved is not None else None,
        }
        for metric, number in single.items():
            yield value(metric, number)


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
    """TensorBoard event files of one run.

    Curves of training are over updates; those of evaluations over the version that was evaluated,
    at the time at which it was. Tags are grouped by what stands before the slash.
    """

    def __init__(self, directory: Path) -> None:
        self._evaluated_until = float("-inf")
        self._writer = SummaryWriter(str(directory), max_queue=100, flush_secs=10)

    def write(self, values: dict[str, float], *, step: int) -> None:
        """Write one value per tag."""
        for tag, number in values.items():
            self._writer.add_scalar(tag, number, global_step=step)

    def write_update(self, status: Status, progress: Progress) -> None:
        """Write what an update left in the status."""
        self.write(curves_of(status, progress), step=progress.step)

    def write_evaluations(self, evaluations: Iterable[Evaluation]) -> None:
        """Write the evaluations that are newer than those of the last call."""
        new = [each for each in evaluations if each.at > self._evaluated_until]
        for each in new:
            found = {"win_rate": each.rate, "elo": each.elo}
            for name, number in found.items():
                if number is not None:
                    tag = f"evaluation_{name}/{each.opponent}"
                    self._writer.add_scalar(tag, number, each.version, walltime=each.at)
            self._evaluated_until = max(self._evaluated_until, each.at)

    def close(self) -> None:
        """Write out what is buffered."""
        self._writer.close()


def curves_of(status: Status, progress: Progress) -> dict[str, float]:
    """The value of each curve after an update; a curve without a value yet is left out."""
    facts, rates = status.facts, status.rates()
    found: dict[str, float | None] = {
        **{f"loss/{term}": number for term, number in facts.losses.items()},
        **{f"wait/{cause}": part for cause, part in rates.waits.items()},
        "throughput/transitions_per_second": rates.transitions_per_second,
        "throughput/games_per_second": rates.games_per_second,
        "queue/policy_lag": facts.policy_lag,
        "queue/policy_lag_p95": facts.policy_lag_p95,
        "queue/transitions": facts.queued,
        "progress/transitions": progress.transitions,
        "progress/games": progress.games,
    }
    return {tag: float(number) for tag, number in found.items() if number is not None}


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
