"""Ports for servers that tests start."""

from __future__ import annotations

import os
import socket
from random import SystemRandom
from typing import Final

_PORTS: Final = range(20_000, 30_000)
_PROCESSES: Final = 8
"""Of a test run, at most, that take their ports from parts of their own."""
_given: Final[set[int]] = set()


def free_port(*, neighbours: int = 0) -> int:
    """A port of the loopback interface that no one listens on, and this many after it.

    They are below those that the system gives out by itself: one of these is soon the near end of
    somebody's connection, or some server's, while the one that was killed is not back yet. For the
    same reason no port is given twice, and processes that test side by side have different ones.
    """
    for first in _candidates(neighbours):
        ports = range(first, first + neighbours + 1)
        try:
            for port in ports:
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _given.update(ports)
        return first
    raise RuntimeError(f"no {neighbours + 1} free ports side by side")


def _candidates(neighbours: int) -> list[int]:
    """Return first ports in a random order: those that were not given, or all where none is
    left."""
    mine = _range_of(os.environ.get("PYTEST_XDIST_WORKER", ""))
    mine = range(mine.start, mine.stop - neighbours)
    firsts = [port for port in mine if _given.isdisjoint(range(port, port + neighbours + 1))]
    if not firsts:
        _given.clear()
        firsts = list(mine)
    return SystemRandom().sample(firsts, len(firsts))


def _range_of(worker: str) -> range:
    number = worker.removeprefix("gw")
    if not number.isdigit():
        return _PORTS
    size = len(_PORTS) // _PROCESSES
    first = _PORTS.start + int(number) % _PROCESSES * size
    return range(first, first + size)
