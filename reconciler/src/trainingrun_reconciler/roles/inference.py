"""The inference servers of AlphaZero: they value positions for searches, in batches.

They find the newest weights in Redis and report their own addresses there, which is how searches
find them on a cluster and on one machine alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Inference, TrainingRunSpec
from trainingrun_contracts.stream.keys import Area

from trainingrun_reconciler.roles.declaration import (
    Availability,
    Entrance,
    Extent,
    Life,
    Noun,
    Process,
    RoleDeclaration,
    Section,
    WaitScaling,
)
from trainingrun_reconciler.roles.redis_rights import PLAYERS, Rights
from trainingrun_reconciler.roles.workload import Resources, Role
from trainingrun_reconciler.settings import Settings

PORT: Final = 17172
_DEFAULTS: Final = Resources(cpu="1", memory="1Gi", memory_limit="4Gi")
_ENDING_SECONDS: Final = 15


def is_asked(run: TrainingRun) -> bool:
    """Whether the run has servers; without, each search values positions itself."""
    return run.spec.inference is not None


def _members(extent: Extent) -> int:
    fewest = _wanted(extent.run.spec).min_replicas
    return fewest if extent.answering is None else extent.answering


def _bounds(spec: TrainingRunSpec) -> tuple[int, int]:
    wanted = _wanted(spec)
    return wanted.min_replicas, wanted.max_replicas


def _process(run: TrainingRun, _settings: Settings) -> Process:
    wanted = _wanted(run.spec)
    return Process(
        command=("trainingrun-inference", "--max-batch", str(wanted.max_batch)),
        resources=replace(_section(run.spec).resources(_DEFAULTS), gpus=wanted.gpus),
        grace_seconds=_ENDING_SECONDS,
    )


def _section(spec: TrainingRunSpec) -> Section:
    wanted = _wanted(spec)
    return Section.of(wanted, spot=wanted.spot)


def _wanted(spec: TrainingRunSpec) -> Inference:
    return spec.inference or Inference()


INFERENCE: Final = RoleDeclaration(
    role=Role.INFERENCE,
    purpose="Values positions for searches, in batches, with the newest weights.",
    life=Life.WORKER,
    exists=is_asked,
    members=_members,
    process=_process,
    section=_section,
    image="trainer",
    redis=Rights(
        writes=(Area.PLAYERS, Area.ROLES),
        reads=(Area.WEIGHTS, Area.OPERATOR),
        commands=f"{PLAYERS} set",
    ),
    port=PORT,
    entrance=Entrance.CLIENTS,
    connects_to=(Role.REDIS,),
    by_waits=WaitScaling(noun=Noun("inference server", "inference servers"), bounds=_bounds),
    evaluates=True,
    availability=Availability("inference servers", "answer", least=lambda _wanted: 1),
    price=lambda prices: prices.learner_hourly,
)
