"""Who runs now, beside the status: for ``trainingrun top`` and programs in other processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import Signals

from trainingrun.local.files import write_atomically
from trainingrun.sdk import Member


def note_members(path: Path, view: RunView) -> None:
    """Write the members of this moment; a full disk leaves the older ones standing."""
    with contextlib.suppress(OSError):
        write_atomically(path, msgspec.json.encode(tuple(members_of(view))))


def members_of(view: RunView) -> Iterator[Member]:
    """Yield every process of the run as it was last seen."""
    signals = view.observed.signals if isinstance(view.observed.signals, Signals) else None
    for role, there in view.observed.serving.items():
        for member in there.members:
            slot = signals.slots.get(member.endpoint or "") if signals is not None else None
            started = member.started_at
            yield Member(
                role=role.value,
                name=member.name,
                ready=member.ready,
                restarts=member.restarts,
                started_at=datetime.fromtimestamp(started, tz=UTC) if started else None,
                endpoint=member.endpoint,
                busy=signals.busy.get(member.endpoint or "", 0)
                if signals is not None and slot is not None
                else None,
                draining=slot is not None and slot.draining,
                problem=member.problem.message if member.problem is not None else "",
            )
