"""The same as the table for logs and pipes: one line per reconcile."""

from __future__ import annotations

from collections.abc import Iterator

from trainingrun.commands.durations import described
from trainingrun.commands.local.snapshot import Snapshot
from trainingrun.local.store import RecordedEvent


def line_of(snapshot: Snapshot) -> str:
    """Return one moment as a line."""
    return "  ".join([f"[{described(snapshot.elapsed)}]", *_parts(snapshot)])


def line_of_event(recorded: RecordedEvent) -> str:
    """Return one event as a line."""
    mark = "! " if recorded.event.warning else "- "
    return f"{mark}{recorded.event.reason}: {recorded.event.message}"


def _parts(snapshot: Snapshot) -> Iterator[str]:
    status = snapshot.status
    yield status.summary or "starting"
    rate = snapshot.games_per_second
    speed = f" ({rate:.1f}/s)" if rate is not None else ""
    yield f"games {snapshot.played}/{snapshot.target}{speed}"
    if status.curriculum is not None:
        yield f"phase {status.curriculum.phase}"
    if snapshot.queued is not None:
        yield f"queue {snapshot.queued}/{snapshot.high_water}"
    if status.model is not None:
        yield f"version {status.model.version}"
    if snapshot.learner_wait is not None:
        yield f"learner waits {snapshot.learner_wait:.0%}"
    for each in status.evaluation:
        yield f"{each.opponent} {each.win_rate:.0%} ({each.low:.0%}-{each.high:.0%})"
    yield " ".join(f"{role.name} {role.ready}/{role.desired}" for role in snapshot.roles)
    yield from (f"[{each}]" for each in snapshot.machines)
