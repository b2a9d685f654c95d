"""The write-ahead files: what was answered is here first, and is read again at the start.

A group of records is written at once and synchronised to the disk once, before any of its calls is
answered. A file grows to a bound, then a new one begins with a ``Head``; a file whose items have
all been evicted is no longer needed (``archive``). The end of a file that was cut off in the
middle of a record is cut to its last whole one: no call was answered for it.

A file in which a group could not be written or synchronised is doubtful from there on: what the
disk has after a failed fsync is not known, and the next fsync of the same file may succeed without
having written it. So it is written no longer. The next group begins a new file, whose head says up
to which byte the one before counts: ids follow one another without gaps, and nothing that was
refused is found at the next start, whatever the disk has of it.

SQLite, which the league has, was refused for it: items are bytes that are written once, read at a
start and dropped by the hundred megabytes, and its write-ahead log would write each of them twice.

All methods block; one thread at a time may call them.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from errno import EDQUOT, EFBIG, ENOSPC
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from trainingrun_league.disk_problems import problem_of
from trainingrun_league.durable import synchronise
from trainingrun_league.errors import Conflict, Exhausted, LeagueError, Unavailable
from trainingrun_league.replay.records import (
    MAGIC,
    PREFIX_SIZE,
    Batch,
    Head,
    Record,
    RecordError,
    framed,
    opened,
    prefix,
)

_log = logging.getLogger(__name__)

SUFFIX: Final = ".journal"
FILE_BYTES: Final = 128 * 1024**2
_FULL: Final = frozenset({ENOSPC, EDQUOT, EFBIG})


@dataclass
class JournalFile:
    """A file of the journal.

    Attributes:
        path: of it; files are numbered in the order of their beginnings.
        first_id: of the items that are in it.
        experiences: in these items.
        size: bytes up to the end of its last whole record that counts.
        start: bytes of its head, of a file that this process began.
    """

    path: Path
    first_id: int
    experiences: int = 0
    size: int = 0
    start: int = 0


@dataclass
class Journal:
    """The files in a folder of which this process is the only user."""

    folder: Path
    file_bytes: int = FILE_BYTES
    files: list[JournalFile] = field(default_factory=list)
    _lock: BinaryIO | None = None
    _output: int | None = None

    @classmethod
    def open(cls, folder: Path, *, file_bytes: int = FILE_BYTES) -> Self:
        """Open the folder, which is made where there is none.

        Raises:
            Conflict: another process has it.
            Unavailable: it cannot be used.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("wb")
        except OSError as error:
            raise Unavailable(
                f"the folder of the journal, {folder}: {problem_of(error)}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise Conflict(f"{folder} is used by another Replay service; give each its own") from (
                error
            )
        return cls(folder, file_bytes, _lock=lock)

    def close(self) -> None:
        """Let go of the folder."""
        if self._output is not None:
            os.close(self._output)
            self._output = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def read(self) -> Iterator[Record]:
        """Yield all records, in order; what cannot be read is cut off or passed over, and logged.

        Raises:
            Unavailable: the files cannot be read.
        """
        try:
            paths = sorted(self.folder.glob(f"*{SUFFIX}"))
            for path, after in zip_longest(paths, paths[1:]):
                most = 0 if after is None else _bytes_before(after)
                yield from self._read_file(path, most=most, is_last=after is None)
        except OSError as error:
            raise Unavailable(f"the journal in {self.folder}: {problem_of(error)}") from error

    def _read_file(self, path: Path, *, most: int, is_last: bool) -> Iterator[Record]:
        """``most`` bytes of it count; 0: all."""
        total = path.stat().st_size
        reading = read_records(path)
        head, size = next(reading, (None, 0))
        if not isinstance(head, Head):
            self._pass_over(path, total, is_last=is_last)
            return
        file = JournalFile(path, head.next_id, size=size)
        self.files.append(file)
        yield head
        for record, end in reading:
            if most and end > most:
                break
            file.size = end
            if isinstance(record, Batch):
                file.experiences += int(record.items.experiences.sum())
            yield record
        if file.size < total and file.size == most:
            _log.warning("%s: %d bytes at its end were refused: left out", path, total - most)
        elif file.size < total:
            cut = total - file.size
            if not is_last:
                _log.error("%s: %d bytes after byte %d are damaged", path, cut, file.size)
                return
            _log.warning("%s: %d bytes at its end are no whole record: cut off", path, cut)
            os.truncate(path, file.size)

    def _pass_over(self, path: Path, size: int, *, is_last: bool) -> None:
        """A file without a beginning: of a start of a file that was cut off, or damaged."""
        if is_last:
            _log.warning("%s has no whole record: removed", path)
            path.unlink()
        else:
            _log.error("%s: its %d bytes do not begin like a journal: left out", path, size)

    # Writing.

    @property
    def is_full(self) -> bool:
        """Whether the next group goes into a new file, and needs its head."""
        return self._output is None or self.files[-1].size >= self.file_bytes

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def append(self, records: Sequence[Record], *, head: Head | None) -> None:
        """Write a group; it is durable when this returns. ``head`` must be there when the journal
        is full.

        Raises:
            Exhausted: the disk is full; nothing of the group is in the journal.
            Unavailable: it cannot be written; nothing of the group will be read.
        """
        try:
            if head is not None:
                self._begin(head)
            self._write(b"".join(map(framed, records)))
        except OSError as error:
            raise _translated(error, self.folder) from error
        self.files[-1].experiences += sum(
            int(each.items.experiences.sum()) for each in records if isinstance(each, Batch)
        )

    def _begin(self, head: Head) -> None:
        """Begin a new file; where it cannot be begun, the former one stays the last."""
        number = 1 + (int(self.files[-1].path.stem) if self.files else 0)
        path = self.folder / f"{number:012d}{SUFFIX}"
        before = self.files[-1].size if self.files else 0
        start = MAGIC + framed(msgspec.structs.replace(head, bytes_before=before))
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(output, start)
            os.fdatasync(output)
            synchronise(self.folder)
        except OSError:
            os.close(output)
            with contextlib.suppress(OSError):  # the next one has its name
                path.unlink()
            raise
        if self._output is not None:
            os.close(self._output)
        self._output = output
        self.files.append(JournalFile(path, head.next_id, size=len(start), start=len(start)))

    def _write(self, content: bytes) -> None:
        assert self._output is not None
        try:
            _write_all(self._output, content)
            os.fdatasync(self._output)
        except OSError:
            self._leave(self._output)
            self._output = None
            raise
        self.files[-1].size += len(content)

    def _leave(self, output: int) -> None:
        """Leave the last file, and give its room back as far as that can be done: one with nothing
        but its head goes, or a full disk would get one at each try."""
        file = self.files[-1]
        with contextlib.suppress(OSError):
            os.ftruncate(output, file.size)
        with contextlib.suppress(OSError):
            os.close(output)
        if file.size == file.start:
            with contextlib.suppress(OSError):
                file.path.unlink()
                self.files.pop()

    # What is no longer needed.

    def evicted(self, oldest_id: int) -> list[tuple[JournalFile, int]]:
        """Return the files whose items are all older, the oldest first, each with its last id."""
        pairs = zip(self.files, self.files[1:], strict=False)
        return [(file, after.first_id - 1) for file, after in pairs if after.first_id <= oldest_id]

    def remove(self, file: JournalFile) -> None:
        """Remove a file.

        Raises:
            Unavailable: it cannot be removed.
        """
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"{file.path}: {problem_of(error)}") from error
        self.files = [each for each in self.files if each is not file]


def read_records(path: Path) -> Iterator[tuple[Record, int]]:
    """Yield the records of a file, of an archived one too, each with where it ends; up to its end
    or to the first that is damaged."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        while True:
            try:
                length, crc = prefix(file.read(PREFIX_SIZE))
                content = file.read(length)
                if len(content) < length:
                    return
                record = opened(content, crc)
            except RecordError:
                return
            yield record, file.tell()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file anew, whole or not at all; it is durable, with its folder's name, when this
    returns. Raises ``OSError``."""
    partial = path.with_name(f"{path.name}.new")
    try:
        output = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(output, content)
            os.fsync(output)
        finally:
            os.close(output)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        synchronise(folder)


def _bytes_before(path: Path) -> int:
    """Return how many bytes of the file before count, as a file says; 0 where it says nothing."""
    record, _ = next(read_records(path), (None, 0))
    return record.bytes_before if isinstance(record, Head) else 0


def _write_all(output: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(output, view) :]


def _translated(error: OSError, folder: Path) -> LeagueError:
    if error.errno in _FULL:
        return Exhausted(
            f"the disk with the journal, {folder}, is full: nothing was recorded; make room, or"
            " give the table a lower bound of bytes"
        )
    return Unavailable(
        f"the journal in {folder} cannot be written: {problem_of(error)}; then try again"
    )
