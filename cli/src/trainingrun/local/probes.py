"""How to see that a process serves: a port that accepts, or a file that is touched."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

HOST: Final = "127.0.0.1"
_CONNECT_SECONDS: Final = 2.0
_FRESH_SECONDS: Final = 60.0


class ReadinessProbe(Protocol):
    """Checks one process."""

    def begin(self) -> None:
        """Forget an earlier life."""

    async def is_serving(self) -> bool:
        """Return whether it serves now."""

    @property
    def endpoint(self) -> str | None:
        """``host:port`` where it serves, as soon as that is known."""


@dataclass
class PortProbe:
    """Serves when it accepts connections; the port is fixed, or the process writes it to a file."""

    port: int | None = None
    port_file: Path | None = None

    def begin(self) -> None:
        """Forget an earlier life: its port may belong to somebody else by now."""
        if self.port_file is not None:
            self.port = None
            self.port_file.unlink(missing_ok=True)

    async def is_serving(self) -> bool:
        """Return whether it accepts a connection."""
        if self.port is None:
            self.port = _number_in(self.port_file)
        if self.port is None:
            return False
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(HOST, self.port)
                writer.close()
                await writer.wait_closed()
                return True
        return False

    @property
    def endpoint(self) -> str | None:
        """Where it serves."""
        return f"{HOST}:{self.port}" if self.port is not None else None


@dataclass
class HealthFileProbe:
    """Serves while it touches its file."""

    path: Path

    def begin(self) -> None:
        """Forget an earlier life."""
        self.path.unlink(missing_ok=True)

    async def is_serving(self) -> bool:
        """Return whether the file was touched lately."""
        try:
            age = time.time() - self.path.stat().st_mtime
        except OSError:
            return False
        return age < _FRESH_SECONDS

    @property
    def endpoint(self) -> str | None:
        """It serves nothing."""
        return None


def _number_in(path: Path | None) -> int | None:
    try:
        text = path.read_text() if path is not None else ""
    except OSError:
        return None
    return int(text) if text.strip().isdigit() else None
