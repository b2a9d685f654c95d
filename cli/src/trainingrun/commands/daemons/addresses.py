"""Where a daemon listens, and the connection to it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from trainingrun.commands.errors import UserError

CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a daemon listens."""

    host: str
    port: int


def parse_address(text: str) -> Address:
    """Read HOST:PORT, also with an IPv6 host in brackets; raises UserError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"daemons: {text!r} is not HOST:PORT: write for example localhost:17171")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def require_listening(address: Address) -> None:
    """Check that something listens; raises UserError."""
    try:
        connect(address).close()
    except OSError as error:
        raise UserError(
            f"daemons: nothing answers at {address.host}:{address.port}"
            f" ({error.strerror or error}): start the daemon, or give another address"
        ) from error


def connect(address: Address) -> socket.socket:
    """Connect; raises OSError."""
    connection = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
