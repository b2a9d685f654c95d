"""The local store: one TrainingRun in memory and in ``status.json``; events in a bounded file.

The file holds the whole object, identity included, so that the next runtime continues the same
run (same keys in Redis, same checkpoints). A disk that is full does not end a run: what could not
be written is in memory, and the next change writes all of it.
"""

from __future__ import annotations

import json
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun, check_update, parse
from trainingrun_api.status import TrainingRunStatus
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.store import ResourceKey

from trainingrun.local.files import write_atomically
from trainingrun.local.folder import FolderError, RunFolder
from trainingrun.local.requests import forget_requests, read_requests

NAMESPACE: Final = "local"
_EVENTS_KEPT: Final = 50
_EVENTS_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True)
class RecordedEvent:
    """An event with its time."""

    at: datetime
    event: RunEvent


class LocalStore:
    """A :class:`RunStore` of one run."""

    def __init__(
        self,
        run: TrainingRun,
        folder: RunFolder,
        *,
        on_event: Callable[[RecordedEvent], None] = lambda _: None,
        on_problem: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._folder = folder
        self._on_event = on_event
        self._on_problem = on_problem
        self._has_failed = False
        self._stops = False
        self._suspend = run.spec.suspend
        forget_requests(folder)
        self.events: deque[RecordedEvent] = deque(maxlen=_EVENTS_KEPT)
        write_atomically(folder.status, document_of(run))

    @property
    def run(self) -> TrainingRun:
        """The run as it is now."""
        return self._run

    @property
    def key(self) -> ResourceKey:
        """The run's key."""
        return ResourceKey(self._run.metadata.namespace, self._run.metadata.name)

    def suspend(self) -> None:
        """Ask for a stop without loss."""
        self._stops = True
        self._take_requests()

    def all_gone(self) -> None:
        """Record that no process is left; what the roles did stays."""
        status = self._run.status
        gone = tuple(
            each.model_copy(update={"desired": 0, "ready": 0, "busy": None})
            for each in status.roles
        )
        without = status.model_copy(update={"roles": gone})
        self._run = self._run.model_copy(update={"status": without})
        self._save()

    async def get(self, key: ResourceKey) -> TrainingRun | None:
        """Return the run, when it is this one, with what people ask of it now."""
        self._take_requests()
        return self._run if key == self.key else None

    async def exists(self, _run: TrainingRun) -> bool:
        """Always: a folder's run goes with its process."""
        return True

    async def write_status(self, _run: TrainingRun, status: TrainingRunStatus) -> None:
        """Keep the status."""
        self._run = self._run.model_copy(update={"status": status})
        self._save()

    async def emit(self, _run: TrainingRun, event: RunEvent) -> None:
        """Pass an event to the observer, and record it."""
        recorded = RecordedEvent(datetime.now(UTC), event)
        self.events.append(recorded)
        self._write(lambda: _append(self._folder.events, recorded))
        self._on_event(recorded)

    async def set_finalizer(self, run: TrainingRun, finalizer: str, *, present: bool) -> None:
        """Nothing: a folder cannot be held, and its checkpoints stay with it."""

    async def delete(self, run: TrainingRun) -> None:
        """Nothing: on a laptop, results stay until somebody removes the folder."""

    def _take_requests(self) -> None:
        asked, run = read_requests(self._folder), self._run
        wanted = self._suspend if asked.suspend is None else asked.suspend
        spec = run.spec.model_copy(update={"suspend": self._stops or wanted})
        annotations = {**run.metadata.annotations, **asked.annotations}
        metadata = run.metadata.model_copy(update={"annotations": annotations})
        self._run = run.model_copy(update={"spec": spec, "metadata": metadata})

    def _save(self) -> None:
        self._write(lambda: write_atomically(self._folder.status, document_of(self._run)))

    def _write(self, write: Callable[[], None]) -> None:
        """Write, or report once that it cannot be done."""
        try:
            write()
        except OSError as error:
            if not self._has_failed:
                self._on_problem(
                    f"state folder {self._folder.root}: {error.strerror}: free some space; the run"
                    " continues, and its status is written when there is room"
                )
            self._has_failed = True
        else:
            self._has_failed = False


def document_of(run: TrainingRun) -> bytes:
    """Return the whole object as JSON, never suspended: a stop holds for one process only."""
    spec = run.spec.model_copy(update={"suspend": False})
    document = run.model_copy(update={"spec": spec}).model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    return json.dumps(document, indent=2).encode()


def saved_run(folder: RunFolder) -> TrainingRun | None:
    """Return the run that lives in a folder; None when there is none.

    Raises:
        FolderError: the file is not what we wrote.
    """
    try:
        return parse(json.loads(folder.status.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, SpecError) as error:
        raise FolderError(
            f"{folder.status} cannot be read ({str(error).splitlines()[0]}): start over with"
            " --fresh, which keeps the old folder beside"
        ) from error


def adopted(run: TrainingRun, saved: TrainingRun | None, *, now: datetime) -> TrainingRun:
    """Return the run with the identity and status of the saved one, or with a new identity.

    Raises:
        SpecError: the file now asks for something that cannot change during a run.
    """
    if saved is None:
        identity = {
            "namespace": NAMESPACE,
            "uid": uuid.uuid4().hex,
            "creation_timestamp": now,
            "generation": 1,
        }
        return run.model_copy(update={"metadata": run.metadata.model_copy(update=identity)})
    check_update(saved.spec, run.spec)
    changed = saved.spec != run.spec
    metadata = saved.metadata.model_copy(
        update={"generation": saved.metadata.generation + int(changed)}
    )
    # Starting a run that had stopped by itself resumes it; idle time is counted anew.
    status = saved.status.model_copy(update={"stop": None, "progressed_at": None})
    return run.model_copy(update={"metadata": metadata, "status": status})


_ENDS: Final = (ConditionType.COMPLETE, ConditionType.FAILED)


def is_complete(run: TrainingRun) -> bool:
    """Return whether the run is complete and has played all games that its spec asks for now."""
    games = run.status.games
    return run.status.is_complete and games is not None and (games.played or 0) >= run.spec.games


def reopened(run: TrainingRun) -> TrainingRun:
    """Return the run, no longer over: a higher target or a second try resumes from its
    checkpoint."""
    conditions = tuple(each for each in run.status.conditions if each.type not in _ENDS)
    status = run.status.model_copy(update={"conditions": conditions, "finished_at": None})
    return run.model_copy(update={"status": status})


def _append(path: Path, recorded: RecordedEvent) -> None:
    line = {
        "at": recorded.at.isoformat(timespec="seconds"),
        "reason": str(recorded.event.reason),
        "message": recorded.event.message,
        "warning": recorded.event.warning,
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
        full = file.tell() > _EVENTS_BYTES
    if full:
        path.replace(path.with_name(f"{path.name}.1"))
