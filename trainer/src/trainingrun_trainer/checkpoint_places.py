"""Where a run's checkpoints are kept: opened, waited for at the start, and written to."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.exit_codes import FINAL
from trainingrun_contracts.reports import Notice, queue_notice

from trainingrun_trainer.checkpoint.archive import (
    CheckpointArchive,
    Owner,
    open_archive,
    open_cache,
)
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.reporter import Reporter
from trainingrun_trainer.saving import NOT_REMOVED, CheckpointWriter, CheckpointWriters
from trainingrun_trainer.start_context import StartContext
from trainingrun_trainer.status import Status

_log = logging.getLogger(__name__)
_BACKOFF: Final = Backoff(first=0.5, longest=15.0)


@dataclass(frozen=True)
class CheckpointPlaces:
    """Where checkpoints are kept; the cache only beside a bucket."""

    storage: CheckpointArchive
    cache: CheckpointArchive | None = None

    @property
    def nearest_first(self) -> tuple[CheckpointArchive, ...]:
        """The cache first, which is on this machine."""
        return (self.storage,) if self.cache is None else (self.cache, self.storage)

    def newest_epoch(self) -> int:
        """Return the highest epoch of a checkpoint of any place; a place that fails says
        nothing."""
        found = 0
        for place in self.nearest_first:
            with contextlib.suppress(StorageError):
                found = max(found, place.newest_epoch())
        return found


def usable_places(start: StartContext) -> CheckpointPlaces:
    """Return the places, once they are known to work; publish a notice about one that does not.

    A storage that does not answer is waited for; one that is named wrongly, refuses or is gone ends
    the start. Neither does where this machine has a checkpoint to resume from: then the bucket
    did work, and training continues without it.

    Raises:
        StorageError: it cannot be used, or did not answer within the patience.
    """
    config, run = start.config.checkpoint, start.config.run
    owner = Owner(run, start.config.run_id, start.config.namespace)
    cache = open_cache(config, run=run, owner=owner)
    try:
        if cache is not None:
            cache.check()
    except StorageError as error:
        _notify(start, reason="CheckpointCacheUnusable", message=str(error))
        cache = None
    try:
        places = CheckpointPlaces(open_archive(config, run=run, owner=owner), cache)
    except StorageError as error:
        _notify(start, reason=error.reason, message=str(error))
        raise
    _wait_for_storage(start, places)
    return places


def _wait_for_storage(start: StartContext, places: CheckpointPlaces) -> None:
    until, reported = time.monotonic() + start.patience.storage_seconds, ""
    for failures in count(1):
        try:
            places.storage.check()
        except StorageError as error:
            if reported != error.reason:
                _notify(start, reason=error.reason, message=str(error))
                reported = error.reason
            if places.cache is not None and places.cache.newest_valid().checkpoint is not None:
                _log.warning("resuming from the checkpoints of this machine: %s", error)
                return
            if error.exit_code in FINAL or time.monotonic() >= until:
                raise
            _log.warning("waiting for the storage: %s", error)
            start.link.wait(_BACKOFF.seconds(failures))
        else:
            return


def _notify(start: StartContext, *, reason: str, message: str) -> None:
    """Publish a notice before there is a reporter."""
    pipe: Any = start.link.client.pipeline(transaction=True)
    notice = Notice(time.time(), "learner", start.member, reason, message)
    queue_notice(pipe, start.keys.notices, notice)
    start.link.persist(pipe.execute, what="publishing a notice about the storage", patience=5)


def writers_to(places: CheckpointPlaces, status: Status, reporter: Reporter) -> CheckpointWriters:
    """Return what writes checkpoints to the places, and reports what becomes of them."""
    storage = CheckpointWriter(
        places.storage,
        on_saved=status.note_checkpoint,
        on_failure=lambda error: _note_failure(status, reporter, error),
    )
    if places.cache is None:
        return CheckpointWriters(storage)
    cache = CheckpointWriter(
        places.cache,
        on_saved=lambda report: _log.info("kept %s", report.uri),
        on_failure=lambda error: reporter.notify("CheckpointCacheUnusable", str(error)),
    )
    return CheckpointWriters(storage, cache=cache)


def _note_failure(status: Status, reporter: Reporter, error: StorageError) -> None:
    if error.reason != NOT_REMOVED:
        status.note_checkpoint(None)
    reporter.notify(error.reason, str(error))
