"""A league's process as an operator renders its pod, on this machine: no kubelet, the same command.

The files of the pod's Secret are written below a folder, ports are free ones, and the pages stay
on all addresses, because on loopback they are served without TLS.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from testkit.ports import free_port
from testkit.servers.server_process import BedProcess

_SERVICES: Final = ("game", "matchmaker", "model", "elo", "replay")
READY_SECONDS: Final = 90.0


class RenderedLeague:
    """The process of one container, with the Secret that its pod mounts."""

    def __init__(
        self,
        container: Mapping[str, Any],
        secret: Mapping[str, str],
        folder: Path,
        *,
        web_port: int,
    ) -> None:
        self.folder = folder
        self.web_port, self.health_port = web_port, free_port()
        tokens = folder / "tokens"
        tokens.mkdir(parents=True)
        for name, value in secret.items():
            (tokens / name).write_bytes(base64.b64decode(value))
        self._command = [self._adapted(each, tokens) for each in container["command"]]
        self.ports = {each: free_port() for each in _SERVICES}
        self._command += [f"--port={name}={port}" for name, port in self.ports.items()]
        self._command += [f"--ready-file={self.ready_file}"]
        self._process: BedProcess | None = None

    @property
    def ready_file(self) -> Path:
        """What it writes when it serves."""
        return self.folder / "ready.json"

    @property
    def address(self) -> str:
        """Where the operator asks it."""
        return f"127.0.0.1:{self.web_port}"

    def _adapted(self, argument: str, tokens: Path) -> str:
        if argument == "python3":
            return sys.executable
        name, equals, value = argument.partition("=")
        ports = {"--web-port": self.web_port, "--health-port": self.health_port}
        if name in ports:
            return f"{name}={ports[name]}"
        if name == "--metrics-port":
            return f"{name}={free_port()}"
        for folder in ("/etc/league/tokens", "/etc/league/tls"):
            value = value.replace(folder, str(tokens))
        return f"{name}{equals}{value.replace('/data', str(self.folder / 'data'))}"

    def __enter__(self) -> Self:
        (self.folder / "data").mkdir(exist_ok=True)
        self._process = BedProcess(self._command, self.folder / "league.log", environment={})
        what = "the league is ready"
        self._process.wait_until(self.ready_file.exists, what, seconds=READY_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
