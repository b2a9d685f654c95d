"""A reference daemon as a process of its own, which may be killed and come back at its port."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trainingrun_protocol.access import TOKEN_VARIABLE

from testkit.ports import free_port
from testkit.tree import DECKS
from testkit.waiting import until

PROGRAM = Path(sys.executable).with_name("trainingrun-daemon")


@dataclass
class DaemonProcess:
    """One daemon; ``games`` is its Max concurrent, ``token`` what it asks for, if anything."""

    folder: Path
    games: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    token: str = ""

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, at the same port as before, and wait until it listens."""
        port_file = self.folder / f"port-of-{self.games}"
        port_file.unlink(missing_ok=True)
        command: list[str | Path] = [
            PROGRAM,
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--decks",
            DECKS,
            "--max-concurrent",
            str(self.games),
            "--port-file",
            port_file,
        ]
        with (self.folder / f"daemon-of-{self.games}.log").open("ab") as log:
            environment = {**os.environ, TOKEN_VARIABLE: self.token}
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(
            lambda: port_file.exists() and port_file.read_text().strip(),
            seconds=30,
            what="a daemon listens",
        )

    def kill(self) -> None:
        """kill -9; nothing when it is not running."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def daemons(folder: Path, *games: int, token: str = "") -> Iterator[list[DaemonProcess]]:
    """A started daemon for each of ``games``, which must differ; all are gone at the end."""
    started = [DaemonProcess(folder, each, token=token) for each in games]
    try:
        for each in started:
            each.start()
        yield started
    finally:
        for each in started:
            each.kill()
