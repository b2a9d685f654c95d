"""Where checkpoints are kept: the seam, and the store on a file system.

A store moves bytes and knows nothing of what is in them. Foreign errors end here: callers see
:class:`StorageError` with a sentence for the person who runs this, or :class:`FileMissing`.

Writing on a file system: a temporary folder, every file fsynced, the manifest last, then one
rename; a kill at any moment leaves either the whole checkpoint or a temporary folder. What is
there is never written over: a moment without it would be a moment in which a kill loses it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path
from typing import ClassVar, Final, Protocol
from urllib.parse import unquote, urlsplit

from trainingrun_contracts.exit_codes import ExitCode

from trainingrun_trainer.checkpoint.manifest import MANIFEST_FILE

_TEMPORARY: Final = ".tmp-"
_PROBE: Final = ".writable"


class StorageError(Exception):
    """The storage cannot be used now; later it may be.

    ``StorageError`` (passing: an outage, a full disk, an expired token)
      ├─ ``StorageRefused`` (malformed or denied: somebody must change something)
      └─ ``StorageGone`` (not there)

    Attributes:
        reason: CamelCase, for notices: ``CheckpointStorageDenied`` and the like.
        exit_code: what a learner ends with that cannot do without it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StorageRefused(StorageError):
    """The storage is named wrongly or denies its use: no waiting cures it."""

    exit_code = ExitCode.WRONG


class StorageGone(StorageError):
    """The storage, or what should be in it, is not there."""

    exit_code = ExitCode.GONE


class FileMissing(Exception):
    """A checkpoint has no such file."""


class CheckpointStore(Protocol):
    """A place for checkpoints. Every method may raise StorageError."""

    def check(self) -> None:
        """See that one can list and write here."""

    def sweep(self, run: str) -> None:
        """Remove what a killed learner of this run left half written and unlisted."""

    def names(self) -> list[str]:
        """Return names of what is here, whole or not, in no order."""

    def read(self, name: str, file: str, *, limit: int) -> bytes:
        """Read one file of a checkpoint, up to one byte more than ``limit``. Raises FileMissing."""

    def write(self, name: str, files: dict[str, bytes]) -> None:
        """Write a checkpoint under a name that nothing has yet, the manifest last."""

    def put(self, name: str, file: str, content: bytes) -> None:
        """Write one small file beside a checkpoint's own, whole or not at all; do nothing where
        the checkpoint is gone."""

    def remove(self, name: str) -> None:
        """Remove a checkpoint, whole or not."""

    def uri(self, name: str) -> str:
        """Address of a checkpoint."""


class FileStore:
    """Checkpoints as folders of a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self) -> None:
        """See CheckpointStore."""
        probe = self._directory / f"{_PROBE}-{os.getpid()}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise _translated(error, self._directory) from error

    def sweep(self, run: str) -> None:
        """See CheckpointStore."""
        left = re.compile(re.escape(f"{_TEMPORARY}{run}-") + r"\d{10}\D.*")
        try:
            for path in self._directory.glob(f"{_TEMPORARY}*"):
                if left.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            raise _translated(error, self._directory) from error

    def names(self) -> list[str]:
        """See CheckpointStore."""
        try:
            return [
                path.name
                for path in self._directory.iterdir()
                if path.is_dir() and not path.name.startswith(".")
            ]
        except FileNotFoundError:
            return []  # a directory that somebody removed is made again by the next checkpoint
        except OSError as error:
            raise _translated(error, self._directory) from error

    def read(self, name: str, file: str, *, limit: int) -> bytes:
        """See CheckpointStore."""
        path = self._directory / name / file
        try:
            with path.open("rb") as opened:
                size = os.fstat(opened.fileno()).st_size
                return opened.read(min(limit, size) + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise FileMissing(f"{file} is missing") from error
        except OSError as error:
            raise _translated(error, path) from error

    def write(self, name: str, files: dict[str, bytes]) -> None:
        """See CheckpointStore."""
        temporary = self._directory / f"{_TEMPORARY}{name}-{os.getpid()}"
        try:
            temporary.mkdir(parents=True)
            for file in sorted(files, key=lambda file: file == MANIFEST_FILE):
                _write_synced(temporary / file, files[file])
            _sync_directory(temporary)
            temporary.rename(self._directory / name)
            _sync_directory(self._directory)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise _translated(error, self._directory) from error

    def put(self, name: str, file: str, content: bytes) -> None:
        """See CheckpointStore."""
        target = self._directory / name / file
        temporary = target.with_name(f".{file}-{os.getpid()}")
        try:
            _write_synced(temporary, content)
            temporary.rename(target)
        except FileNotFoundError:
            return  # it was removed meanwhile
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _translated(error, target) from error

    def remove(self, name: str) -> None:
        """See CheckpointStore."""
        gone = self._directory / f"{_TEMPORARY}{name}-removed"
        try:
            (self._directory / name).rename(gone)
            shutil.rmtree(gone)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _translated(error, self._directory / name) from error

    def uri(self, name: str) -> str:
        """See CheckpointStore."""
        return (self._directory / name).absolute().as_uri()


def directory_of(storage: str) -> Path | None:
    """Return the directory that a ``file://`` storage names; None for other storages.

    Raises:
        StorageError: it is a file URL that names another host or no absolute path.
    """
    parts = urlsplit(storage)
    if parts.scheme != "file":
        return None
    path = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost") or not path.is_absolute():
        raise StorageRefused(
            "CheckpointStorageInvalid",
            f"checkpoint storage {storage}: give an absolute path, as in file:///checkpoints",
        )
    return path


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_DENIED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_PLACE: Final = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)


def _translated(error: OSError, path: Path) -> StorageError:
    where = f"checkpoint storage {path}: {error.strerror or error}"
    if error.errno in _DENIED:
        advice = "give this user the right to write there, or name another directory"
        return StorageRefused("CheckpointStorageDenied", f"{where}: {advice}")
    if error.errno in _FULL:
        advice = "free some space, or name another directory"
        return StorageError("CheckpointStorageFull", f"{where}: {advice}")
    if error.errno in _NO_PLACE:
        advice = "name a directory that can be made"
        return StorageRefused("CheckpointStorageUnusable", f"{where}: {advice}")
    return StorageError("CheckpointStorageUnusable", f"{where}: see whether the disk answers")
