"""Every way to rest and to end, with operators that die after each action: real processes.

Daemons are the real ones; actors, learner and evaluator are stand-ins that live and end as those
do, while what they would say of games comes from a scripted fleet, so that every operator is
fooled in the same way over every backend.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import redis
from dying_operators import Course
from redis_server import RedisServer
from scripted_fleet import ScriptedFleet
from simulated_run import UID, training_run
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_operator.backends import Ground, RunIdentity
from trainingrun_operator.backends.local.backend import LocalBackend
from trainingrun_operator.backends.local.folder import RunFolder
from trainingrun_operator.backends.memory import MemoryRunStore
from trainingrun_operator.desired.actions import Apply, WorkloadAction
from trainingrun_operator.desired.observed import ObservedRole
from trainingrun_operator.desired.workload import Role

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).parent / "bed" / "stand_in.py"


class StandIns:
    """A local backend whose roles, daemons apart, only live; implements ``backends.Backend``."""

    def __init__(self, inner: LocalBackend, flag: Path) -> None:
        self._inner, self._flag = inner, flag

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend."""
        return await self._inner.observe(run)

    async def prepare(self, run: RunIdentity, ground: Ground) -> None:
        """See Backend."""
        await self._inner.prepare(run, ground)

    async def is_prepared(self, run: RunIdentity) -> bool:
        """See Backend."""
        return await self._inner.is_prepared(run)

    async def redis_url(self, run: RunIdentity, ground: Ground) -> str | None:
        """See Backend."""
        return await self._inner.redis_url(run, ground)

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """See Backend; what is made is another program."""
        if isinstance(action, Apply) and action.workload.role is not Role.DAEMON:
            flags = (str(self._flag),) if action.workload.role is Role.LEARNER else ()
            command = ("python", str(STAND_IN), *flags)
            action = replace(action, workload=replace(action.workload, command=command))
        await self._inner.perform(run, action)


def test_operators_that_die_after_each_action_walk_a_run_through_its_life(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Suspend, budget, idleness and strength are reached, all but the last is left again, and at
    the end no process is left."""
    folder = RunFolder(tmp_path / "run")
    folder.make()
    storage = (tmp_path / "checkpoints").as_uri()
    run = training_run(
        games=1_000_000,
        daemon={"autoscaling": {"minReplicas": 1, "maxReplicas": 1}},
        redis={"url": redis_server.url},
        checkpoint={"storage": storage},
    )
    before = set(psutil.Process().children(recursive=True))
    course = asyncio.run(walked(run, folder, redis_server, redis_client))
    assert course.deaths > 20
    assert set(psutil.Process().children(recursive=True)) <= before


async def walked(
    run: TrainingRun, folder: RunFolder, redis_server: RedisServer, redis_client: redis.Redis
) -> Course:
    """The course after its walk; what it left is ended."""
    store = MemoryRunStore()
    backend = LocalBackend(folder, decks=ROOT / "decks")
    flag, fleet = folder.root / "learner-ends", ScriptedFleet(redis_server, UID)
    course = Course(
        store, store.put(run), StandIns(backend, flag), fleet, redis_client,
        end_learner=flag.touch, seconds=180.0,
    )  # fmt: skip
    fleet.start()
    try:
        await course.walk()
        await course.until(lambda: not any(backend.pids().values()), "the end of all processes")
    finally:
        fleet.stop()
        await backend.close(at_once=True)
    return course
