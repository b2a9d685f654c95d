"""The learner's numbers for people's tools: Prometheus metrics and TensorBoard event files.

Metrics are computed from the status when they are asked for, so nothing has to be kept in step.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DataType
from tensorboard.summary.writer.record_writer import RecordWriter
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import histogram, labelled, value
from trainingrun_contracts.reports import Evaluation
from trainingrun_contracts.run_config import RunConfig, encode

from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.checkpoint.store import directory_of
from trainingrun_trainer.hyperparameters import session_event
from trainingrun_trainer.status import Status

TENSORBOARD_VARIABLE: Final = "TRAININGRUN_TENSORBOARD"
_WIN_RATE: Final = "evaluation_win_rate/"
_KNOWN_NAMES: Final = {"train/approx_kl": "kl", "train/clip_fraction": "clip_fraction"}
"""Curves that people know under the names of Stable-Baselines3."""
_HEAD: Final = struct.Struct("<QI")
"""Of a record: its bytes, and their sum."""
_MOST_RECORD_BYTES: Final = 16 * 1024 * 1024
_log: Final = logging.getLogger(__name__)


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
            metrics.ROLL_BACKS: facts.roll_backs,
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

    A full disk costs points of the curves and never the training. That is why TensorBoard's own
    writer is not used: its thread dies of a full disk, and everybody who writes after that with it.
    """

    def __init__(self, directory: Path) -> None:
        self._evaluated: set[tuple[int, str, float]] = written_evaluations(directory)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = directory / name
        self._has_begun = self._has_failed = False
        self._append([])

    def write(self, values: dict[str, float], *, step: int) -> None:
        """Write one value per tag."""
        now = time.time()
        self._append([_event(tag, number, step, now) for tag, number in values.items()])

    def restart(self, step: int) -> None:
        """Have what follows begin at a step: points at it and behind it, of an earlier start or of
        before going back to a checkpoint, are of updates that are gone, and TensorBoard drops
        them."""
        log = SessionLog(status=SessionLog.START)
        self._append([Event(wall_time=time.time(), step=step, session_log=log)])

    def write_update(self, status: Status, progress: Progress) -> None:
        """Write what an update left in the status."""
        self.write(curves_of(status, progress), step=progress.step)

    def write_evaluations(self, evaluations: Iterable[Evaluation]) -> None:
        """Write the evaluations that no event file of this directory holds yet."""
        for each in evaluations:
            key = _key(each)
            if key in self._evaluated:
                continue
            found = {"win_rate": each.rate, "elo": each.elo}
            self._append(
                _event(f"evaluation_{name}/{each.opponent}", number, each.version, each.at)
                for name, number in found.items()
                if number is not None
            )
            self._evaluated.add(key)

    def write_config(self, config: RunConfig) -> None:
        """Write the run configuration as a text and as hyper-parameters, once at each start."""
        document = encode(config).decode()
        text = "\n".join(f"    {line}" for line in document.splitlines())
        content = TensorProto(
            dtype=DataType.DT_STRING,
            string_val=[text.encode()],
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        )
        plugin = SummaryMetadata.PluginData(plugin_name="text")
        value = Summary.Value(
            tag="config/text_summary", tensor=content, metadata=SummaryMetadata(plugin_data=plugin)
        )
        event = Event(wall_time=time.time(), step=0, summary=Summary(value=[value]))
        self._append([event, session_event(config)])

    def close(self) -> None:
        """Nothing is kept back: what could be written is in the file."""

    def _append(self, events: Iterable[Event]) -> None:
        """Add whole records or nothing: what stands behind a torn one is never read."""
        records = io.BytesIO()
        writer = RecordWriter(records)
        first = [Event(wall_time=time.time(), file_version="brain.Event:2")]
        for event in events if self._has_begun else [*first, *events]:
            writer.write(event.SerializeToString())
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            append_whole(self._file, records.getvalue())
        except OSError as error:
            if not self._has_failed:
                _log.warning("curves for TensorBoard are not written: %s", error)
            self._has_failed = True
        else:
            self._has_begun, self._has_failed = True, False


def event_folder(config: RunConfig) -> Path | None:
    """Return where a run's event files stay: ``TRAININGRUN_TENSORBOARD``, else ``tensorboard``
    within the file storage, where the learner may write; with S3, within the cache on this
    machine's disk, or nowhere."""
    named = os.environ.get(TENSORBOARD_VARIABLE)
    if named:
        return Path(named)
    storage, cache = directory_of(config.checkpoint.storage), config.checkpoint.cache
    if storage is None and cache is not None:
        storage = Path(cache)
    return None if storage is None else storage / "tensorboard"


def written_evaluations(directory: Path) -> set[tuple[int, str, float]]:
    """Return the evaluations that event files of a directory hold: version, opponent and time. A
    file that cannot be read says nothing."""
    found: set[tuple[int, str, float]] = set()
    for path in sorted(directory.glob("events.out.tfevents.*")):
        with contextlib.suppress(Exception):  # whatever a torn or foreign file makes of its reader
            for record in _records(path):
                if _WIN_RATE.encode() not in record:  # decoding each takes minutes in a long run
                    continue
                event = Event.FromString(record)
                for each in event.summary.value:
                    if each.tag.startswith(_WIN_RATE):
                        opponent = each.tag.removeprefix(_WIN_RATE)
                        found.add((event.step, opponent, round(event.wall_time, 3)))
    return found


def _records(path: Path) -> Iterator[bytes]:
    """Yield the records of an event file up to the first that is torn; their sums are not
    checked."""
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            size, _ = _HEAD.unpack(head)
            if size > _MOST_RECORD_BYTES or len(record := file.read(size + 4)) < size + 4:
                return
            yield record[:size]


def add_evaluations(directory: Path, evaluations: Iterable[Evaluation]) -> None:
    """Write the evaluations that no event file of a directory holds yet, after its learner has
    ended; nothing new makes no file."""
    known = written_evaluations(directory)
    if new := [each for each in evaluations if _key(each) not in known]:
        EventFiles(directory).write_evaluations(new)


def _key(evaluation: Evaluation) -> tuple[int, str, float]:
    return (evaluation.version, evaluation.opponent, round(evaluation.at, 3))


def append_whole(path: Path, content: bytes) -> None:
    """Append all of it, or leave the file as it was.

    Raises:
        OSError: it could not be written.
    """
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            written = file.write(content)
            if written < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            file.truncate(before)
            raise


def _event(tag: str, number: float, step: int, at: float) -> Event:
    point = Summary.Value(tag=tag, simple_value=number)
    return Event(wall_time=at, step=step, summary=Summary(value=[point]))


def curves_of(status: Status, progress: Progress) -> dict[str, float]:
    """Return the value of each curve after an update; a curve without a value yet is left out."""
    facts, rates = status.facts, status.rates()
    found: dict[str, float | None] = {
        **{f"loss/{term}": number for term, number in facts.losses.items()},
        **{tag: facts.losses.get(term) for tag, term in _KNOWN_NAMES.items()},
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
        try:
            append_whole(self._file, msgspec.json.encode(line) + b"\n")
        except OSError as error:
            _log.warning("the losses of update %d are not written: %s", step, error)
