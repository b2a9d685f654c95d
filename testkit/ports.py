"""Ports for servers that tests start."""

from __future__ import annotations

import socket
from random import SystemRandom

_PORTS = range(20_000, 30_000)


def free_port(*, neighbours: int = 0) -> int:
    """A port of the loopback interface that no one listens on, and this many after it.

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
