"""A Redis of a run that other machines reach, too: one password, which its URL holds.

The one of a run on one machine listens there alone and has a user for each role; here the roles of
all machines are one trust: a machine that has the URL belongs to the run.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Callable
from typing import Final

from trainingrun_contracts.connection import AddressError, RedisAddress, parse_url
from trainingrun_reconciler.desired.redis_config import PERSISTENCE
from trainingrun_reconciler.roles.workload import Restart

from trainingrun.local.backoff import Rules
from trainingrun.local.files import write_atomically
from trainingrun.local.folder import RunFolder
from trainingrun.local.probes import HOST, PortProbe
from trainingrun.local.redis import find_redis_server
from trainingrun.local.supervisor import Launch, Supervisor

NAME: Final = "redis-0"
_GRACE_SECONDS: Final = 10.0
_EVERYWHERE: Final = "*"
_LOCAL_NAMES: Final = frozenset({"localhost", HOST, "::1"})


def address_to_serve(url: str) -> RedisAddress:
    """Read the URL under which others shall reach a Redis of ours.

    Raises:
        AddressError: it cannot be served: it names a user, no password, or TLS.
    """
    address = parse_url(url)
    if address.user not in (None, "default"):
        raise AddressError("it names a user, and a Redis that is started here has none")
    if not address.password:
        raise AddressError(
            "it has no password, so anybody could write to the run: write"
            " redis://:PASSWORD@HOST:PORT"
        )
    if address.is_encrypted:
        raise AddressError(
            "it asks for TLS, which a Redis that is started here does not speak: write redis://,"
            " or start a Redis of your own and leave redis out of --roles"
        )
    return address


def open_redis(
    folder: RunFolder, address: RedisAddress, on_change: Callable[[], None]
) -> Supervisor:
    """Start the server; it is ready when it listens.

    Raises:
        OSError: its configuration cannot be written.
        BackendError: there is no server.
    """
    config = folder.redis_data / "open.conf"
    password = hashlib.sha256((address.password or "").encode()).hexdigest()
    lines = (*PERSISTENCE, "protected-mode no", f"user default on #{password} ~* &* +@all", "")
    write_atomically(config, "\n".join(lines).encode())
    config.chmod(0o600)
    command = (
        *(find_redis_server(), str(config)),
        *("--bind", HOST if is_local(address.host) else _EVERYWHERE),
        *("--port", str(address.port), "--dir", str(folder.redis_data)),
    )
    launch = Launch(
        name=NAME,
        command=command,
        environment=dict(os.environ),
        log=folder.logs / f"{NAME}.log",
        probe=PortProbe(port=address.port),
        rules=Rules(Restart.ALWAYS, 0),
        grace_seconds=_GRACE_SECONDS,
    )
    return Supervisor(launch, template_hash="", on_change=on_change)


def is_local(host: str) -> bool:
    """Whether a host is this machine and no other can mean it."""
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
