"""Processor and memory that the roles use, from the process table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """``cpu`` in cores (1.0 is one core), since the last measurement; ``memory`` resident, in
    bytes."""

    cpu: float
    memory: int


class UsageMeter:
    """Measures processes; remembers the last measurement, because a rate needs two."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def own(self) -> Usage:
        """Of this process."""
        return self._sum((os.getpid(),))

    def measure(self, pids: Mapping[str, Sequence[int]]) -> dict[str, Usage]:
        """Of the processes of each role."""
        alive = {pid for each in pids.values() for pid in each} | {os.getpid()}
        self._known = {pid: known for pid, known in self._known.items() if pid in alive}
        return {role: self._sum(each) for role, each in pids.items()}

    def _sum(self, pids: Sequence[int]) -> Usage:
        parts = [self._one(pid) for pid in pids]
        return Usage(sum(part.cpu for part in parts), sum(part.memory for part in parts))

    def _one(self, pid: int) -> Usage:
        try:
            process = self._known.setdefault(pid, psutil.Process(pid))
            return Usage(process.cpu_percent(None) / 100, process.memory_info().rss)
        except psutil.Error:
            self._known.pop(pid, None)
            return Usage(0.0, 0)
