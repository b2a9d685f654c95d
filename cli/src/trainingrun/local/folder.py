"""The folder of a local run: everything that outlives a process, and the lock on it.

.trainingrun/NAME/   status.json   the run with its identity and status
                     config.json   what all roles read
                     daemon.token  what the daemons ask for
                     redis/        queue, counters and weights
                     checkpoints/  unless the run keeps them elsewhere
                     logs/         one file per member
                     decks/        decks that the run brings itself
                     tapes/        some games, for people to watch
                     samples.jsonl the curves, for the report
                     metrics.json  where Prometheus finds the members, while they run
                     requests.json what people ask of the runtime that is running
                     submitted.yaml the run as a program submitted it, where one did
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


class FolderError(Exception):
    """The folder cannot be used; the message is for the person who started the run."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run; ``root`` is absolute."""

    root: Path

    @property
    def status(self) -> Path:
        """The TrainingRun as the runtime sees it."""
        return self.root / "status.json"

    @property
    def config(self) -> Path:
        """What all roles read."""
        return self.root / "config.json"

    @property
    def daemon_token(self) -> Path:
        """The token of the daemons, in a file that only the owner reads."""
        return self.root / "daemon.token"

    @property
    def redis_data(self) -> Path:
        """Data of Redis."""
        return self.root / "redis"

    @property
    def redis_config(self) -> Path:
        """Configuration of Redis; its secret is beside."""
        return self.redis_data / "redis.conf"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of runs that name no storage."""
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        """Logs of the members."""
        return self.root / "logs"

    @property
    def decks(self) -> Path:
        """Decks that the run brings itself."""
        return self.root / "decks"

    @property
    def tapes(self) -> Path:
        """Games that were written down for people."""
        return self.root / "tapes"

    @property
    def live(self) -> Path:
        """Health and port files of running members; worthless when they are gone."""
        return self.root / "live"

    @property
    def metrics(self) -> Path:
        """Targets for Prometheus."""
        return self.root / "metrics.json"

    @property
    def samples(self) -> Path:
        """The time series."""
        return self.root / "samples.jsonl"

    @property
    def events(self) -> Path:
        """The events of the run."""
        return self.root / "events.jsonl"

    @property
    def members(self) -> Path:
        """Who runs now, as the runtime last saw it."""
        return self.live / "members.json"

    @property
    def requests(self) -> Path:
        """What people ask of the running runtime."""
        return self.root / "requests.json"

    @property
    def submitted(self) -> Path:
        """The run as a program submitted it."""
        return self.root / "submitted.yaml"

    @property
    def lock(self) -> Path:
        """Held by the runtime."""
        return self.root / "lock"

    def make(self) -> None:
        """Make what is missing.

        Raises:
            FolderError: it cannot be written.
        """
        try:
            for folder in (self.redis_data, self.logs, self.live):
                folder.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            probe = self.root / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise FolderError(
                f"state folder {self.root} cannot be written ({_why(error)}): give another one"
                " with --state"
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone.

        Raises:
            FolderError: another runtime holds it.
        """
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderError(f"lock {self.lock}: {_why(error)}") from error
        try:
            if not _taken(descriptor, fcntl.LOCK_EX):
                raise FolderError(
                    f"run {self.root.name} is running already (process {_pid(descriptor)}, state"
                    f" folder {self.root}): stop it first, or give another --state"
                )
            # Those of an earlier process must not be taken for ours until we report our own.
            self.members.unlink(missing_ok=True)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def holder(self) -> str | None:
        """Return the process that holds the folder; None when none does."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY)
        except OSError:
            return None
        try:
            return None if _taken(descriptor, fcntl.LOCK_SH) else _pid(descriptor)
        finally:
            os.close(descriptor)

    def put_aside(self, *, now: datetime) -> Path | None:
        """Move the folder out of the way; gives where it went, or None when there was none.

        Raises:
            FolderError: it cannot be moved.
        """
        aside = self.root.with_name(f"{self.root.name}.old-{now:%Y%m%d-%H%M%S}")
        try:
            self.root.rename(aside)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FolderError(
                f"state folder {self.root} cannot be moved ({_why(error)}): move it by hand"
            ) from error
        return aside


def _taken(descriptor: int, how: int) -> bool:
    """Return whether the lock is ours now; it is given back when the descriptor is closed."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _pid(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"


def _why(error: OSError) -> str:
    return error.strerror or str(error)
