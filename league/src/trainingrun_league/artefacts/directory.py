"""Artefacts as files of a directory.

A write goes to a file beside its place, is forced to the disk and then renamed, and the directory
is forced to the disk as well: after a loss of power a name has all of its bytes or is not there.

A process that is killed leaves what it was writing. The next one removes that before it writes: it
could be what fills the disk. Who writes holds a lock on the file, so that several processes may
share the directory. Refused: files without a name (``O_TMPFILE``), which not every file system has.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from trainingrun_league.artefacts.names import CHUNK_BYTES, check
from trainingrun_league.artefacts.place import Artefact
from trainingrun_league.disk_problems import problem_of
from trainingrun_league.durable import synchronise
from trainingrun_league.errors import Exhausted, NotFound, Unavailable

MOST_BYTES: Final = 8 << 30
"""Of one artefact."""
_UNFINISHED: Final = ".unfinished-"
_log: Final = logging.getLogger(__name__)


class Directory:
    """An ``ArtefactPlace`` in a directory, which is made when something is written."""

    def __init__(self, root: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._root = root
        self._most_bytes = most_bytes
        self._is_tidy = False

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """See ``ArtefactPlace``.

        Raises:
            Exhausted: it is larger than artefacts may be.
        """
        path = self._root / check(name)
        unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
        if not self._is_tidy:
            self._is_tidy = True
            await asyncio.to_thread(_remove_forsaken, self._root)
        try:
            file = await asyncio.to_thread(_open, unfinished)
            try:
                size = await self._fill(file, chunks)
                await asyncio.to_thread(_sync, file)
            finally:
                file.close()
            await asyncio.to_thread(_rename, unfinished, path)
        except OSError as error:
            raise self._unavailable("write", error) from error
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
        return size

    async def _fill(self, file: BinaryIO, chunks: AsyncIterator[bytes]) -> int:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._most_bytes:
                raise Exhausted(f"an artefact may have {self._most_bytes} bytes, this one has more")
            await asyncio.to_thread(file.write, chunk)
        return size

    async def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        """See ``ArtefactPlace``."""
        path = self._root / check(name)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound(f"there is no artefact {name}") from None
        except OSError as error:
            raise self._unavailable("read", error) from error
        try:
            file.seek(offset)
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise self._unavailable("read", error) from error
        finally:
            file.close()

    async def list(self, prefix: str) -> AsyncIterator[Artefact]:
        """See ``ArtefactPlace``."""
        for found in await asyncio.to_thread(lambda: sorted(_below(self._root), key=_name)):
            if found.name.startswith(prefix):
                yield found

    async def delete(self, name: str) -> None:
        """See ``ArtefactPlace``."""
        path = self._root / check(name)
        try:
            await asyncio.to_thread(_delete, path)
        except OSError as error:
            raise self._unavailable("delete", error) from error

    def _unavailable(self, verb: str, error: OSError) -> Unavailable:
        return Unavailable(
            f"the directory of artefacts {self._root} cannot be used to {verb}:"
            f" {problem_of(error)}; then try again"
        )


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("xb")
    with contextlib.suppress(OSError):  # a file system without locks: it is not removed there
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _remove_forsaken(root: Path) -> None:
    """Remove what processes that were killed have left; a write does without."""
    for folder, _, files in os.walk(root):
        for name in files:
            if not name.startswith(_UNFINISHED):
                continue
            path = Path(folder, name)
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                _log.warning("%s was left by a process that was killed: removed", path)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(unfinished: Path, path: Path) -> None:
    unfinished.replace(path)
    synchronise(path.parent)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        synchronise(path.parent)


def _below(root: Path) -> Iterator[Artefact]:
    for folder, _, files in os.walk(root):
        for file in files:
            path = Path(folder, file)
            if not file.startswith("."):
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue  # deleted meanwhile
                name = path.relative_to(root).as_posix()
                yield Artefact(name, found.st_size, found.st_mtime)


def _name(artefact: Artefact) -> str:
    return artefact.name
