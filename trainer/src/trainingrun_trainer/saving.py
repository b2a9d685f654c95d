"""Writing checkpoints beside the training.

Training waits for the copy of the tensors, never for the disk or the upload. A checkpoint that
comes due while one is being written takes its place in the queue of one; the newest wins.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from trainingrun_contracts.reports import CheckpointReport, Evaluation

from trainingrun_trainer.checkpoint.archive import CheckpointArchive
from trainingrun_trainer.checkpoint.manifest import Checkpoint, Progress
from trainingrun_trainer.checkpoint.store import StorageError

_log = logging.getLogger(__name__)

NOT_REMOVED: Final = "CheckpointsNotRemoved"
"""Reason of a failure that leaves older checkpoints behind; the new one is saved."""


class CheckpointWriter:
    """Write checkpoints to one place in a thread; report failures and train on."""

    def __init__(
        self,
        archive: CheckpointArchive,
        *,
        on_saved: Callable[[CheckpointReport], None],
        on_failure: Callable[[StorageError], None],
    ) -> None:
        self._archive = archive
        self._on_saved = on_saved
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._waiting: Checkpoint | None = None
        self._evaluations: tuple[Evaluation, ...] = ()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint-writer")
        self._work: Future[None] | None = None
        self.saved: Progress | None = None
        self.failure: StorageError | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the newest attempt to write failed."""
        return self.failure is not None

    def save(self, checkpoint: Checkpoint) -> None:
        """Have a checkpoint written soon."""
        with self._lock:
            self._waiting = checkpoint
            self._work = self._executor.submit(self._write_waiting)

    def evaluated(self, evaluations: tuple[Evaluation, ...]) -> None:
        """Have evaluations written beside the checkpoints that they belong to, soon."""
        with self._lock:
            if evaluations == self._evaluations:
                return
            self._evaluations = evaluations
            self._work = self._executor.submit(self._attach_safely)

    def wait(self) -> None:
        """Wait until all that was given is written, or has failed."""
        if self._work is not None:
            self._work.result()

    def finish(self) -> None:
        """Wait for the last write, then end the thread."""
        self.wait()
        self._executor.shutdown(wait=True)

    def _write_waiting(self) -> None:
        with self._lock:
            checkpoint, self._waiting = self._waiting, None
        if checkpoint is None:
            return  # a newer one took its place and is written already
        began = time.monotonic()
        try:
            uri = self._archive.save(checkpoint)
        except StorageError as error:
            self.failure = error
            self._on_failure(error)
            return
        self.saved, self.failure = checkpoint.manifest.progress, None
        self._on_saved(report_of(checkpoint, uri, seconds=time.monotonic() - began))
        try:
            self._archive.tidy(written=uri)
            self._attach_scores()
        except StorageError as error:
            message = f"older checkpoints stay: {error}"
            self._on_failure(StorageError(NOT_REMOVED, message))

    def _attach_safely(self) -> None:
        try:
            self._attach_scores()
        except StorageError as error:
            _log.warning("evaluations are not written beside their checkpoints: %s", error)

    def _attach_scores(self) -> None:
        """Also when nothing was evaluated since: the checkpoint that an evaluation belongs to may
        have been written after it."""
        if self._evaluations:
            self._archive.attach_due(self._evaluations)


class CheckpointWriters:
    """The run's storage, and the cache beside it where there is one.

    Both are written at once: the disk has the checkpoint while a slow upload still runs, so that a
    kill in between costs nothing. What counts as saved is the storage alone, because a cache goes
    with its machine.
    """

    def __init__(self, storage: CheckpointWriter, *, cache: CheckpointWriter | None = None) -> None:
        self._storage = storage
        self._cache = cache

    @property
    def saved(self) -> Progress | None:
        """How far the run had come in the newest checkpoint of the storage."""
        return self._storage.saved

    @property
    def has_failed(self) -> bool:
        """Whether the newest attempt to write to the storage failed."""
        return self._storage.has_failed

    @property
    def failure(self) -> StorageError | None:
        """Why the newest attempt to write to the storage failed; None when it did not."""
        return self._storage.failure

    def save(self, checkpoint: Checkpoint) -> None:
        """Have a checkpoint written soon."""
        if self._cache is not None:
            self._cache.save(checkpoint)
        self._storage.save(checkpoint)

    def evaluated(self, evaluations: tuple[Evaluation, ...]) -> None:
        """Have evaluations written beside the checkpoints that they belong to, soon."""
        for writer in self._all():
            writer.evaluated(evaluations)

    def wait(self) -> None:
        """Wait until all that was given is written, or has failed."""
        for writer in self._all():
            writer.wait()

    def finish(self) -> None:
        """Wait for the last write, then end the thread."""
        for writer in self._all():
            writer.finish()

    def _all(self) -> tuple[CheckpointWriter, ...]:
        return (self._storage,) if self._cache is None else (self._cache, self._storage)


def report_of(
    checkpoint: Checkpoint, uri: str, *, seconds: float | None = None
) -> CheckpointReport:
    """Return the report of a checkpoint; ``seconds`` is how long it took to be written."""
    manifest = checkpoint.manifest
    return CheckpointReport(
        uri=uri,
        step=manifest.progress.step,
        games=manifest.progress.games,
        saved_at=manifest.saved_at,
        sha256=checkpoint.sha256,
        size=manifest.size,
        seconds=None if seconds is None else round(seconds, 3),
    )


def newest_rate(evaluations: Iterable[Evaluation], opponents: Collection[str]) -> float | None:
    """Mean win rate of the newest weights that met every opponent; None while there are none."""
    rates: dict[int, dict[str, float]] = {}
    for each in evaluations:
        if each.opponent in opponents:
            rates.setdefault(each.version, {})[each.opponent] = each.rate
    whole = [version for version, found in rates.items() if len(found) == len(set(opponents))]
    if not whole:
        return None
    found = rates[max(whole)]
    return sum(found.values()) / len(found)
