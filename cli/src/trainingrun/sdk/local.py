"""Training runs of this machine: folders that ``trainingrun local`` makes and reconciles.

A run is reconciled by one process. Requests (suspend, drain, save) are written beside it and
followed by that process; without one, they are refused.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import yaml
from trainingrun_api.requests import CHECKPOINT, DRAIN, WAKE, text_of, with_drain
from trainingrun_api.resource import SpecError
from trainingrun_api.run import DEFINITION, TrainingRun, parse

from trainingrun.local.folder import FolderError, RunFolder
from trainingrun.local.requests import Requests, read_requests, write_requests
from trainingrun.local.store import adopted, is_complete, saved_run
from trainingrun.sdk import (
    Ended,
    Event,
    LocalPlace,
    LogLine,
    LogQuery,
    Member,
    NotFound,
    NotReachable,
    Refused,
)
from trainingrun.sdk.documents import Document, sent_document
from trainingrun.sdk.following import followed, pause
from trainingrun.sdk.local_logs import local_logs
from trainingrun.sdk.run_tables import mark_run_tables
from trainingrun.sdk.values import EVERY_LINE, Watching
from trainingrun.sdk.waiting import check_condition, holds, wait_until

_PROGRAM: Final = "trainingrun"
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.1
_ASIDE: Final = ".old-"


class LocalRuns:
    """Implements ``trainingrun.sdk.TrainingRuns``."""

    def __init__(self, place: LocalPlace) -> None:
        self._place = place

    @property
    def place(self) -> LocalPlace:
        """See TrainingRuns."""
        return self._place

    @property
    def title(self) -> str:
        """See TrainingRuns."""
        return f"this machine, {self._place.state}"

    def __enter__(self) -> Self:
        """See TrainingRuns."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """See TrainingRuns."""
        self.close()

    def close(self) -> None:
        """See TrainingRuns; there is nothing to let go of."""

    def submit(self, run: TrainingRun | Mapping[str, Any]) -> TrainingRun:
        """See TrainingRuns; starts a process of its own, which continues when this one ends."""
        document = sent_document(run, DEFINITION)
        name = document["metadata"]["name"]
        folder = self._folder(name)
        done = self._complete(name, document)
        if done is not None:
            return done
        holder = folder.holder()
        if holder is not None:
            raise Refused(
                f"{name} is running already (process {holder}): suspend it, or wait for its end"
            )
        with _translated(name):
            folder.make()
            folder.submitted.write_text(yaml.safe_dump(document, sort_keys=False))
            output = folder.logs / "local.log"
            process = self._started(folder, output)
        return self._begun(name, process, output)

    def check(self, run: TrainingRun | Mapping[str, Any]) -> None:
        """See TrainingRuns; what a file says is all that can be checked here."""
        sent_document(run, DEFINITION)

    def get(self, name: str) -> TrainingRun:
        """See TrainingRuns."""
        with _translated(name):
            found = saved_run(self._folder(name))
        if found is None:
            known = ", ".join(run.metadata.name for run in self.list())
            there = f"found: {known}" if known else "none found"
            raise NotFound(f"no local run {name} in {self._place.state}: {there}")
        return found

    def list(self) -> tuple[TrainingRun, ...]:
        """See TrainingRuns; those that were put aside, or cannot be read, are left out."""
        names = sorted(path.parent.name for path in self._place.state.glob("*/status.json"))
        found = (self._readable(name) for name in names if _ASIDE not in name)
        return tuple(run for run in found if run is not None)

    def wait(
        self,
        name: str,
        condition: str = "Complete",
        *,
        status: bool = True,
        timeout: float | None = None,
    ) -> TrainingRun:
        """See TrainingRuns."""
        check_condition(condition, DEFINITION)

        def is_met(run: TrainingRun) -> bool:
            if holds(run, condition, status=status):
                return True
            if self._folder(name).holder() is None and not self._holds_now(name, condition, status):
                raise Ended(
                    f"{name} {condition}={status}: never, because its process has ended: start it"
                    f" again with {_PROGRAM} local, or read its log"
                )
            return False

        return wait_until(
            lambda: self.get(name), is_met, Watching(timeout, 0.5), what=f"{condition}={status}"
        )

    def events(self, name: str, *, follow: bool = False) -> Iterator[Event]:
        """See TrainingRuns."""
        self.get(name)
        folder = self._folder(name)
        if follow:
            return followed(lambda: _events(folder))
        return iter(_events(folder))

    def members(self, name: str) -> tuple[Member, ...]:
        """See TrainingRuns."""
        self.get(name)
        folder = self._folder(name)
        if folder.holder() is None:
            return ()
        try:
            return msgspec.json.decode(folder.members.read_bytes(), type=tuple[Member, ...])
        except (OSError, msgspec.DecodeError):
            return ()

    def logs(self, name: str, query: LogQuery = EVERY_LINE) -> Iterator[LogLine]:
        """See TrainingRuns."""
        self.get(name)
        return local_logs(self._folder(name), query)

    def suspend(self, name: str) -> None:
        """See TrainingRuns; the process stays, and :meth:`resume` continues the run in it."""
        self._ask(name, suspend=True)

    def resume(self, name: str) -> None:
        """See TrainingRuns."""
        woken = {WAKE: text_of(datetime.now(UTC))} if self._active(name).status.stop else {}
        self._ask(name, suspend=False, annotations=woken)

    def drain(self, name: str, daemon: str) -> None:
        """See TrainingRuns."""
        run = self._active(name)
        known = sorted(each.name for each in self.members(name) if each.role == "daemon")
        if daemon not in known:
            there = f"found: {', '.join(known)}" if known else "none found"
            raise Refused(f"{name} has no daemon {daemon}: {there}")
        old = {**run.metadata.annotations, **read_requests(self._folder(name)).annotations}
        self._ask(name, annotations={DRAIN: with_drain(old, daemon, at=datetime.now(UTC))})

    def request_checkpoint(self, name: str) -> int | None:
        """See TrainingRuns."""
        model = self._active(name).status.model
        if model is None or model.version is None:
            return None
        self._ask(name, annotations={CHECKPOINT: text_of(datetime.now(UTC))})
        return model.version

    def stop(self, name: str, *, now: bool = False) -> None:
        """Have the process of a run save and end, and wait until it has.

        Only on this machine: a run on a cluster has no process to stop; it is suspended.

        Args:
            name: of the run.
            now: end at once; what is newer than the last checkpoint is played again.

        Raises:
            Refused: no process reconciles it.
        """
        self._active(name)
        folder = self._folder(name)
        holder = folder.holder()
        if holder is not None and holder.isdigit():
            _ended(name, folder, int(holder), now=now)

    def delete(self, name: str) -> None:
        """See TrainingRuns."""
        run = self.get(name)
        folder = self._folder(name)
        holder = folder.holder()
        if holder is not None and holder.isdigit():
            _ended(name, folder, int(holder))
        with _translated(name), folder.locked():
            folder.put_aside(now=datetime.now(UTC))
        if run.spec.replay is not None:
            mark_run_tables(self._place.state)

    def _folder(self, name: str) -> RunFolder:
        return RunFolder((self._place.state / name).absolute())

    def _readable(self, name: str) -> TrainingRun | None:
        try:
            return saved_run(self._folder(name))
        except FolderError:
            return None

    def _holds_now(self, name: str, condition: str, status: bool) -> bool:  # noqa: FBT001
        """Return whether it holds in the last status of a process that ended between two polls."""
        return holds(self.get(name), condition, status=status)

    def _active(self, name: str) -> TrainingRun:
        run = self.get(name)
        if self._folder(name).holder() is None:
            raise Refused(
                f"{name} is not running on this machine: start it with {_PROGRAM} local -f FILE"
            )
        return run

    def _complete(self, name: str, document: Document) -> TrainingRun | None:
        """Return the run there, when it has played all that the document asks for.

        Raises:
            Refused: the document changes what cannot change during a run.
        """
        saved = self._readable(name)
        if saved is None:
            return None
        try:
            run = adopted(parse(document), saved, now=datetime.now(UTC))
        except SpecError as error:
            raise Refused(
                f"{name}: {error}; the run there has the old value: write that, or delete the run"
            ) from error
        return saved if is_complete(run) else None

    def _ask(
        self,
        name: str,
        *,
        suspend: bool | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        self._active(name)
        folder = self._folder(name)
        asked = read_requests(folder)
        with _translated(name):
            write_requests(
                folder,
                Requests(
                    suspend=asked.suspend if suspend is None else suspend,
                    annotations={**asked.annotations, **(annotations or {})},
                ),
            )

    def _started(self, folder: RunFolder, output: Path) -> subprocess.Popen[bytes]:
        beside = Path(sys.executable).with_name(_PROGRAM)
        program = str(beside) if beside.exists() else shutil.which(_PROGRAM) or _PROGRAM
        command = [
            program,
            "local",
            "-f",
            str(folder.submitted),
            "--plain",
            "--state",
            str(folder.root.parent),
            "--report",
            str(folder.root / "report"),
        ]
        if self._place.decks is not None:
            command += ["--decks", str(self._place.decks.absolute())]
        with output.open("wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        # It outlives us, or ends before: then somebody has to take notice, or it stays a zombie.
        threading.Thread(target=process.wait, name=f"waits for {process.pid}", daemon=True).start()
        return process

    def _begun(self, name: str, process: subprocess.Popen[bytes], output: Path) -> TrainingRun:
        """Return the run once its process reconciles it."""
        folder, deadline = self._folder(name), time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            code = process.poll()
            found = self._readable(name)
            if found is not None and (folder.holder() is not None or code == 0):
                return found
            if code:
                raise Refused(f"{name} did not start: {_last_line(output)}")
            pause(_POLL_SECONDS)
        raise NotReachable(f"{name} did not start within {_START_SECONDS:g} s: see {output}")


def _ended(name: str, folder: RunFolder, pid: int, *, now: bool = False) -> None:
    """Ask the process of a run to save and end, and wait until it has."""
    deadline = time.monotonic() + _END_SECONDS
    try:
        os.kill(pid, signal.SIGTERM)
        if now:  # a second signal of the same number may be merged with the first
            os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Refused(f"{name} is run by process {pid} of another user: ask them") from error
    while folder.holder() is not None:
        if time.monotonic() > deadline:
            raise NotReachable(f"{name}: process {pid} has not ended: see {folder.logs}")
        pause(_POLL_SECONDS)


def _events(folder: RunFolder) -> Sequence[Event]:
    found = []
    for path in (folder.events.with_name(f"{folder.events.name}.1"), folder.events):
        try:
            lines = path.read_bytes().splitlines()
        except OSError:
            continue
        found += [event for line in lines if (event := _event(line)) is not None]
    return found


def _event(line: bytes) -> Event | None:
    try:
        return msgspec.json.decode(line, type=Event)
    except msgspec.DecodeError:
        return None  # a line that a full disk has cut


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing (log in {path})"


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Errors of the folder as ours."""
    try:
        yield
    except FolderError as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise NotReachable(f"{name}: its folder cannot be written: {error.strerror}") from error
