"""Where the server listens, and under which address searches find it.

``TRAININGRUN_INFERENCE_ADDRESS`` names both as ``host:port``; port 0 takes a free one. Without it
the host is the address by which this machine reaches the run's Redis, which others reach too: a
pod's own, or a machine's in the network of the others. A server whose Redis is on its own machine
cannot know how others see it: it is then for this machine alone, on a free port, as several runs
may be here, until the variable says more.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from msgspec import Struct
from trainingrun_contracts.connection import RedisAddress
from trainingrun_contracts.inference_frames import DEFAULT_PORT
from trainingrun_contracts.run_config import INFERENCE_ADDRESS_VARIABLE, ConfigError

_LOCAL_NAME: Final = "localhost"
_LONGEST: Final = 250


class Place(Struct, frozen=True):
    """A host that searches connect to, and a port; 0 is a free one."""

    host: str
    port: int

    @property
    def bound_host(self) -> str | None:
        """Where to listen: this machine alone, or None for every interface."""
        return self.host if _is_of_this_machine(self.host) else None

    def announced(self, port: int) -> str:
        """Return the address for searches, with the port that was bound."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


def place_of(text: str) -> Place:
    """Read ``host:port`` or ``host``.

    Raises:
        ConfigError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(DEFAULT_PORT)
    host = host.removeprefix("[").removesuffix("]")
    is_number = port.isascii() and port.isdigit() and int(port) < 2**16
    if not host or len(host) > _LONGEST or not is_number or any(each.isspace() for each in host):
        raise ConfigError(f"{INFERENCE_ADDRESS_VARIABLE}={text!r} is no address: write host:port")
    return Place(host, int(port))


def place_beside(redis: RedisAddress) -> Place:
    """Return the address by which this machine reaches Redis, with the usual port or, where that
    is of this machine alone, a free one.

    Raises:
        ConfigError: there is no way to it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            redis.host, redis.port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)  # sends nothing: it only finds the route
            host = str(probe.getsockname()[0])
    except OSError as error:
        raise ConfigError(
            f"no own address is found towards Redis at {redis.place} ({error.strerror}): set"
            f" {INFERENCE_ADDRESS_VARIABLE} to host:port"
        ) from error
    return Place(host, 0 if _is_of_this_machine(host) else DEFAULT_PORT)


def _is_of_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == _LOCAL_NAME
