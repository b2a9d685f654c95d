"""The machine that asks: how many cores a process may use, and how fast one is."""

from __future__ import annotations

import os
import time
from typing import Final

from trainingrun.estimate.this_machine import Host

_ROUNDS: Final = 5
_STEPS: Final = 40_000


def this_machine(loop_milliseconds: float) -> Host:
    """Return this machine, compared with one that takes ``loop_milliseconds`` for the loop."""
    return Host(cores=cores(), speed=loop_milliseconds / loop())


def cores() -> float:
    """Cores that this process may use."""
    return float(len(os.sched_getaffinity(0)))


def loop() -> float:
    """Milliseconds of processor time for a fixed piece of plain Python, the best of some."""
    return min(_once() for _ in range(_ROUNDS))


def _once() -> float:
    began, found, total = time.process_time(), dict[int, int](), 0
    for number in range(_STEPS):
        total = (total * 31 + number) & 0xFFFF
        found[total & 1023] = found.get(total & 1023, 0) + 1
    return 1000 * (time.process_time() - began)
