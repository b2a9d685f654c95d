"""A league as a process on free ports: started, killed, and brought back on the same ones.

    with LeagueProcess(tmp_path / "league") as league:
        with league.blocking("elo") as channel:                  # a service's token
            EloServiceStub(channel).GetRankedPolicies(…)
        async with league.channel("game", subject="person/anna", audience="players") as channel:
            …
        league.kill()
        league.start()

TLS is on, as by default; the channels trust the league's authority.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import grpc
import grpc.aio
from trainingrun_contracts.league.channel import (
    ServiceAddress,
    given,
    open_blocking,
    open_channel,
)
from trainingrun_league.declaration import Audience
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.certificates import authority
from trainingrun_league.server.tokens import TokenKey
from trainingrun_league.settings import ServiceName

from testkit.ports import free_port
from testkit.servers.server_process import BedError, BedProcess

READY_SECONDS: Final = 60.0
AWAY: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)
"""What a call ends with while its service is killed and started again."""
_STARTS: Final = 3
NAME: Final = "test"
KEY: Final = "k" * 64


@dataclass
class LeagueProcess:
    """One process; several share a league where they have the same key, database and folder.

    Attributes:
        folder: of the league.
        environment: as on the command line.
        services: as on the command line.
        arguments: further ones.
        variables: of the environment, such as those of an S3 server.
        encrypted: whether it has TLS.
    """

    folder: Path
    environment: str = "connect_four"
    services: str = "all"
    arguments: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    encrypted: bool = True
    ports: Mapping[str, int] = field(
        default_factory=lambda: {each.value: free_port() for each in ServiceName}
    )
    metrics_port: int = field(default_factory=free_port)
    _process: BedProcess | None = None
    _has_served: bool = False

    @property
    def ready_file(self) -> Path:
        """What it writes when it serves."""
        return self.folder / "ready.json"

    @property
    def log(self) -> Path:
        """What all its starts have said."""
        return self.folder / "league.log"

    @property
    def ready(self) -> dict[str, Any]:
        """The addresses of what it serves."""
        found: dict[str, Any] = json.loads(self.ready_file.read_text())
        return found

    def command(self) -> list[str]:
        """Return its command line."""
        ports = [f"--port={name}={port}" for name, port in self.ports.items()]
        return [
            *(sys.executable, "-m", "trainingrun_league", "serve", "--name", NAME),
            *("--environment", self.environment, "--services", self.services),
            *("--folder", str(self.folder), "--ready-file", str(self.ready_file)),
            *("--metrics-port", str(self.metrics_port)),
            *(ports if self.encrypted else [*ports, "--insecure"]),
            *self.arguments,
        ]

    def launch(self) -> BedProcess:
        """Start the process and return it at once: for starts that are to fail."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ready_file.unlink(missing_ok=True)
        key = {"TRAININGRUN_LEAGUE_KEY": KEY}
        self._process = BedProcess(self.command(), self.log, environment=key | dict(self.variables))
        return self._process

    def start(self) -> None:
        """Start it and wait until it serves. A first start takes other ports where somebody took
        one of these since they were found free.

        Raises:
            BedError: it ended instead; the message holds the end of its log.
        """
        for attempt in range(_STARTS):
            process = self.launch()
            try:
                process.wait_until(
                    self.ready_file.exists, "the league is ready", seconds=READY_SECONDS
                )
            except BedError as error:
                self.kill()
                is_taken = "the port is in use" in str(error)
                if self._has_served or not is_taken or attempt == _STARTS - 1:
                    raise
                self.ports = {name: free_port() for name in self.ports}
            else:
                self._has_served = True
                return

    def kill(self) -> None:
        """kill -9; what it wrote stays."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def stop(self) -> int:
        """End it in order (SIGTERM) and return its exit code."""
        assert self._process is not None, "the league is not running"
        process, self._process = self._process, None
        process.stop()
        return process.end(seconds=1)

    @property
    def process(self) -> BedProcess:
        """The running process."""
        assert self._process is not None, "the league is not running"
        return self._process

    def token(
        self, *, subject: str = "service/test", audience: str = "services", seconds: float = 3600
    ) -> str:
        """Return a token of the league."""
        key = TokenKey(NAME, KEY.encode(), time.time)
        return key.issue(Caller(subject, Audience(audience)), seconds=seconds)

    def address(
        self, service: str, *, subject: str = "service/test", audience: str = "services"
    ) -> ServiceAddress:
        """Return what a client needs to call a service."""
        return ServiceAddress(
            f"127.0.0.1:{self.ports[service]}",
            given(self.token(subject=subject, audience=audience)),
            authority=authority(KEY.encode(), NAME) if self.encrypted else None,
            is_encrypted=self.encrypted,
        )

    def blocking(
        self, service: str, *, subject: str = "service/test", audience: str = "services"
    ) -> grpc.Channel:
        """Return a channel for code without an event loop; the caller closes it."""
        return open_blocking(self.address(service, subject=subject, audience=audience))

    def channel(
        self, service: str, *, subject: str = "service/test", audience: str = "services"
    ) -> grpc.aio.Channel:
        """Return a channel of the running loop, whose calls wait for a league that restarts."""
        address = self.address(service, subject=subject, audience=audience)
        return open_channel(address, waits=True)

    def metrics(self) -> str:
        """Return Prometheus' page."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
