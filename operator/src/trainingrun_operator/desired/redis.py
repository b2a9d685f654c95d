"""The run's own Redis, as a workload; ``redis_config`` says what it keeps and whom it lets in."""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.api.quantities import bytes_of
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import ManagedRedis

from trainingrun_operator.desired.workload import Probe, Resources, Role, Storage, Workload
from trainingrun_operator.settings import Settings

PORT: Final = 6379
_DATA_PART: Final = 0.75
"""Part of the pod's memory for data; the rest is for buffers and the rewriting of its file."""


def is_managed(run: TrainingRun) -> bool:
    """Whether the run's Redis is ours to make."""
    return run.spec.redis.url is None and run.spec.redis.url_secret_ref is None


def has_tls(run: TrainingRun) -> bool:
    """Whether the run's managed Redis is reached by TLS on a cluster."""
    managed = run.spec.redis.managed
    return managed is not None and managed.tls


def redis(run: TrainingRun, settings: Settings) -> Workload:
    """The Redis server of a run; only for runs where :func:`is_managed` holds."""
    wanted = run.spec.redis.managed or ManagedRedis()
    limit = int(bytes_of(wanted.memory) * _DATA_PART)
    return Workload(
        role=Role.REDIS,
        replicas=1,
        image=wanted.image or settings.images.redis,
        command=(
            "redis-server", "{redis_config}", "--bind", "{host}", "--port", "{port}",
            "--dir", "{data}", "--maxmemory", str(limit),
        ),
        resources=Resources(cpu="100m", memory="128Mi", memory_limit=wanted.memory),
        probe=Probe.TCP,
        port=PORT,
        grace_seconds=30,
        uses_config=False,
        storage=Storage(path="/data", size=wanted.size),
        serves_tls=wanted.tls,
        pull_policy=run.spec.image_pull_policy,
    )  # fmt: skip
