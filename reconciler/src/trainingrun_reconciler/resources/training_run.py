"""The TrainingRun: roles that play and learn, led through a life (``controller.loop``)."""

from __future__ import annotations

from typing import Final

from trainingrun_api.conditions import EventReason
from trainingrun_api.run import DEFINITION
from trainingrun_api.status import TrainingRunStatus

from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.desired.finalizer import FINALIZER
from trainingrun_reconciler.kinds import (
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NETWORK_POLICY,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from trainingrun_reconciler.resources.declaration import (
    WATCH,
    Child,
    Finalizer,
    Host,
    ResourceKind,
    kept,
    owned,
)

COUNTERS_SECONDS: Final = 10.0
CONDITIONS_PER_SECOND: Final = 100.0
FEW_RUNS: Final = 100
_URGENT: Final = ("observed_generation", "started_at", "finished_at", "curriculum")


def _reconciler(host: Host) -> Reconciler:
    return Reconciler(host.store, host.backend, host.settings, may_act=host.may_act)


def pause_before_status(present: TrainingRunStatus, wanted: TrainingRunStatus, runs: int) -> float:
    """Seconds since the latest write before this status may follow it.

    0 for what people and scripts wait for. Counters alone wait for the tenth second. Conditions
    are written at once where there are few runs; a thousand that start together would write each
    step of ten pods, so that many share a hundred such writes a second.
    """
    if any(getattr(present, name) != getattr(wanted, name) for name in _URGENT):
        return 0.0
    if present.verdicts == wanted.verdicts:
        return COUNTERS_SECONDS
    return min(COUNTERS_SECONDS, runs / CONDITIONS_PER_SECOND) if runs > FEW_RUNS else 0.0


TRAINING_RUN: Final = ResourceKind(
    definition=DEFINITION,
    children=(
        Child(POD, (*WATCH, "patch")),
        Child(SECRET, ("get", "create")),
        kept(CONFIG_MAP),
        kept(SERVICE_ACCOUNT),
        kept(CLAIM),
        owned(SERVICE),
        owned(DEPLOYMENT),
        kept(STATEFUL_SET),
        owned(JOB),
        owned(DISRUPTION_BUDGET),
        owned(NETWORK_POLICY),
    ),
    reconciler=_reconciler,
    status_pause=pause_before_status,
    finalizer=Finalizer(
        FINALIZER,
        EventReason.STORAGE_NOT_DELETED,
        "the run cannot be read, so its checkpoints are left where they are",
    ),
    expires=True,
)
