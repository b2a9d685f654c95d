"""Sockets that listen, and what the system must allow for a thousand of their clients."""

import contextlib
import resource
import socket
from typing import Final

from trainingrun_daemon.options import ServeError

BACKLOG: Final = 4096
"""Connections that the system keeps for us until we accept them (it may keep fewer)."""
WANTED_FILES: Final = 65_536
"""Open files that we ask for: one a client."""
_KEEPALIVE: Final = (
    ("TCP_KEEPIDLE", 30),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 60_000),
)
"""A client whose machine is gone is noticed within a minute, also while it waits in the queue."""


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of the host, all with the same port; raises ServeError."""
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # A free port is chosen once; the other addresses take the same.
            chosen = port or (listeners[0].getsockname()[1] if len(listeners) > 1 else 0)
            listener.bind((address[0], chosen, *address[2:]))
            keep_alive(listener)  # connections inherit it
            listener.settimeout(0)
            listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        close_all(listeners)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ServeError(
            f"cannot listen on {host}:{port} ({reason}); "
            "stop what listens there or give another --port"
        ) from error
    return listeners


def close_all(listeners: list[socket.socket]) -> None:
    """Close them."""
    for listener in listeners:
        listener.close()


def keep_alive(connection: socket.socket) -> None:
    """Let the system find out when the other side is gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        option = getattr(socket, name, None)  # not every system has each of them
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def raise_file_limit() -> None:
    """Allow this process as many open files as the system lets it, up to what we want."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
