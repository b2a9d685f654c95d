"""What a member writes, kept in a file that cannot grow without bound.

The output goes through the runtime and not straight into a file, because a program's own handle
cannot be moved to a new file, and because the last line becomes the message of a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 10 * 1024 * 1024
_TAIL_BYTES: Final = 4096
_CHUNK_BYTES: Final = 65536
_LINE_LIMIT: Final = 500


class LogFile:
    """One member's log: the present file and the one before, at most ``limit`` bytes each."""

    def __init__(self, path: Path, *, limit: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._tail = b""

    @property
    def last_line(self) -> str:
        """The last line that is not empty, of the present life."""
        lines = self._tail.decode(errors="replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last if len(last) <= _LINE_LIMIT else last[: _LINE_LIMIT - 1] + "…"

    def begin(self, heading: str) -> None:
        """Begin a new life of the member."""
        self._tail = b""
        self._append(f"--- {heading}\n".encode())

    def write(self, chunk: bytes) -> None:
        """Append what the member wrote."""
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        self._append(chunk)

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Append everything that comes, until the stream ends."""
        while chunk := await stream.read(_CHUNK_BYTES):
            self.write(chunk)

    def _append(self, chunk: bytes) -> None:
        # A full disk costs the log and not the member, which would block on its output.
        with contextlib.suppress(OSError):
            with self._path.open("ab") as file:
                file.write(chunk)
                full = file.tell() >= self._limit
            if full:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
