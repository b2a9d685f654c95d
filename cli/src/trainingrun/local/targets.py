"""Where Prometheus finds the members of a local run: a port for each, and the list in a file.

The file has the form of Prometheus' file service discovery, which reads it again when it changes.
The labels are those that the chart's PodMonitor gives on a cluster, so that the dashboards fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from trainingrun.local.files import write_atomically
from trainingrun.local.probes import HOST
from trainingrun.local.redis import free_port

TargetGroup: TypeAlias = Mapping[str, Any]
NO_PORT: Final = 0
"""A role that is given this port serves no metrics."""


class MetricsTargets:
    """The ports of members that serve metrics; a member keeps its port when it starts again."""

    def __init__(self, file: Path, *, run: str) -> None:
        self._file = file
        self._run = run
        self._ports: dict[tuple[str, str], int] = {}

    def port_of(self, role: str, member: str) -> int:
        """Return the member's port, chosen at the first question.

        Raises:
            BackendError: no port is free.
            OSError: the list cannot be written.
        """
        key = role, member
        if key not in self._ports:
            self._ports[key] = free_port()
            write_atomically(self._file, self._document())
        return self._ports[key]

    def forget(self) -> None:
        """Remove all: no role serves."""
        self._ports.clear()
        self._file.unlink(missing_ok=True)

    def _document(self) -> bytes:
        groups = [
            target_group([f"{HOST}:{port}"], run=self._run, role=role, member=member)
            for (role, member), port in self._ports.items()
        ]
        return target_list(groups)


def target_group(addresses: Sequence[str], *, run: str, role: str, **more: str) -> TargetGroup:
    """Return addresses with their labels; ``more`` are labels that no dashboard selects by."""
    return {"targets": list(addresses), "labels": {"run": run, "role": role, **more}}


def target_list(groups: Sequence[TargetGroup]) -> bytes:
    """Return the file's content."""
    return json.dumps(groups, indent=2).encode() + b"\n"
