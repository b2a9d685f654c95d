"""When to reconcile a run again, and when a finished one is to be deleted."""

from __future__ import annotations

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.desired.facts import Facts
from trainingrun_reconciler.desired.stage import Lifecycle, Stage


def has_expired(facts: Facts) -> bool:
    """Whether the time to live of a finished run is over."""
    expires = _expires_at(facts.run)
    return expires is not None and facts.now >= expires


def requeue_after(facts: Facts, lifecycle: Lifecycle) -> float | None:
    """Seconds until the next reconcile, if nothing changes before."""
    settings = facts.settings
    if lifecycle.stage is Stage.OVER:
        expires = _expires_at(facts.run)
        if expires is None:
            return settings.settled_interval
        return min(settings.settled_interval, max(0.0, expires - facts.now))
    settled = lifecycle.stage in {Stage.SUSPENDED, Stage.REFUSED}
    return settings.settled_interval if settled else settings.active_interval


def _expires_at(run: TrainingRun) -> float | None:
    """When the time to live of a finished run is over (Unix seconds)."""
    finished, keep = run.status.finished_at, run.spec.ttl_seconds_after_finished
    return finished.timestamp() + keep if keep is not None and finished is not None else None
