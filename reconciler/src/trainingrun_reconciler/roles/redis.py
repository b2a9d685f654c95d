"""The run's own Redis; ``desired.redis_config`` says what it keeps and whom it lets in."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.quantities import bytes_of
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import ManagedRedis, TrainingRunSpec

from trainingrun_reconciler.roles.declaration import (
    Availability,
    Controller,
    Entrance,
    Life,
    Process,
    RoleDeclaration,
    Section,
    Service,
)
from trainingrun_reconciler.roles.workload import Probe, Resources, Role, Storage
from trainingrun_reconciler.settings import Settings

PORT: Final = 6379
_DEFAULTS: Final = Resources(cpu="100m", memory="128Mi", memory_limit="1Gi")
_DATA_PART: Final = 0.75
"""Part of the pod's memory for data; the rest is for buffers and the rewriting of its file."""


def is_managed(run: TrainingRun) -> bool:
    """Whether the run's Redis is ours to make."""
    return run.spec.redis.url is None and run.spec.redis.url_secret_ref is None


def has_tls(run: TrainingRun) -> bool:
    """Whether the run's managed Redis is reached by TLS on a cluster."""
    managed = run.spec.redis.managed
    return managed is not None and managed.tls


def _process(run: TrainingRun, _settings: Settings) -> Process:
    wanted = run.spec.redis.managed or ManagedRedis()
    limit = int(bytes_of(wanted.memory) * _DATA_PART)
    amounts = _section(run.spec).resources(_DEFAULTS)
    return Process(
        command=(
            "redis-server",
            "{redis_config}",
            "--bind",
            "{host}",
            "--port",
            "{port}",
            "--dir",
            "{data}",
            "--maxmemory",
            str(limit),
        ),
        resources=replace(amounts, memory_limit=wanted.memory),
        storage=Storage(path="/data", size=wanted.size),
        serves_tls=wanted.tls,
    )


def _section(spec: TrainingRunSpec) -> Section:
    return Section.of(spec.redis.managed or ManagedRedis())


REDIS: Final = RoleDeclaration(
    role=Role.REDIS,
    purpose="Holds the queue and all that the others report, on disk.",
    life=Life.STORE,
    controller=Controller.STATEFUL_SET,
    exists=is_managed,
    is_external=lambda run: not is_managed(run),
    process=_process,
    section=_section,
    template_at="spec.redis.managed.template",
    image="redis",
    reads_config=False,
    probe=Probe.TCP,
    port=PORT,
    service=Service.ANY_MEMBER,
    entrance=Entrance.RUN,
    is_confined=True,
    availability=Availability("redis", "answers", condition=ConditionType.QUEUE_AVAILABLE),
)
