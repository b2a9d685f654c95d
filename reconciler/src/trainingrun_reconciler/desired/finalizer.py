"""The end of a run whose checkpoints go with it: ``reclaimPolicy: Delete``.

The only finalizer that the operator ever sets, and only for who asks: it keeps the TrainingRun
until its members are gone and a last program (``errands``) has removed its checkpoints. After a
deadline, or when it fails for good, the run goes all the same, and an event says what is left: a
bucket that is gone must not keep an object, and with it a namespace, for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trainingrun_api.conditions import EventReason
from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.desired.actions import Remove, WorkloadAction
from trainingrun_reconciler.desired.errands import cleaner, take_the_place
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.observed import Observed
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Workload
from trainingrun_reconciler.settings import Settings

FINALIZER: Final = "trainingrun.dev/storage"
DEADLINE_SECONDS: Final = 900.0
_RECONCILE_INTERVAL: Final = 5.0


@dataclass(frozen=True)
class Cleaning:
    """What to do for a run that is being deleted; ``over`` when nothing holds it."""

    over: bool
    actions: tuple[WorkloadAction, ...] = ()
    events: tuple[RunEvent, ...] = ()
    requeue_after: float = _RECONCILE_INTERVAL


def is_held(run: TrainingRun) -> bool:
    """Whether the run has our finalizer."""
    return FINALIZER in run.metadata.finalizers


def should_be_held(run: TrainingRun) -> bool:
    """Whether checkpoints are to be removed: not those in a claim that goes with the run."""
    return run.spec.reclaim_policy == "Delete" and run.spec.checkpoint.storage is not None


def clean(run: TrainingRun, observed: Observed, settings: Settings, *, now: float) -> Cleaning:
    """The next steps of a run that has a deletion timestamp and our finalizer."""
    if not should_be_held(run):
        return Cleaning(over=True)
    deleted = run.metadata.deletion_timestamp
    if deleted is not None and now - deleted.timestamp() >= DEADLINE_SECONDS:
        return given_up(run, f"not within {DEADLINE_SECONDS / 60:.0f} min")
    wanted = cleaner(run, settings)
    there = observed.roles.get(wanted.role)
    ended = (
        there.finished
        if there is not None and there.template_hash == wanted.template_hash
        else None
    )
    if ended is None:
        return Cleaning(over=False, actions=tuple(_steps(observed, wanted)))
    if not ended.succeeded:
        return given_up(run, ended.message or ended.reason)
    message = f"the checkpoints of this run in {run.spec.checkpoint.storage} are removed"
    return Cleaning(over=True, events=(RunEvent(EventReason.STORAGE_DELETED, message),))


def given_up(run: TrainingRun, why: str) -> Cleaning:
    """The run goes, and an event says what is left: also when the cluster refuses the cleaner,
    as a namespace does that is itself on its way out."""
    message = (
        f"checkpoints of this run may be left in {run.spec.checkpoint.storage}, they could not be"
        f" removed ({why}): remove those that are called {run.metadata.name}-…"
    )
    return Cleaning(
        over=True, events=(RunEvent(EventReason.STORAGE_NOT_DELETED, message, warning=True),)
    )


def _steps(observed: Observed, wanted: Workload) -> Iterator[WorkloadAction]:
    """Members go first: a learner that lives would save again."""
    for each in ROLES.workers:
        there = observed.roles.get(each.role)
        if there is not None and not there.removing:
            yield Remove(each.role)
    yield from take_the_place(observed, wanted)
