"""Every way to rest and to end, with operators that die after each action: real processes.

Daemons are the real ones; actors, learner and evaluator are stand-ins that live and end as those
do, while what they would say of games comes from a scripted fleet, so that every operator is
fooled in the same way over every backend.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import psutil
import redis
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.desired.actions import Apply, WorkloadAction
from trainingrun_reconciler.memory import MemoryRunStore
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.dying_operators import Course, Relayed
from testkit.operator.scripted_fleet import ScriptedFleet
from testkit.operator.simulated_run import UID, training_run
from testkit.servers.redis_server import RedisServer
from testkit.tree import DECKS, TESTKIT

STAND_IN = TESTKIT / "operator" / "stand_in.py"


class StandIns(Relayed):
    """A local backend whose roles, daemons apart, only live."""

    def __init__(self, inner: LocalBackend, flag: Path) -> None:
        super().__init__(inner)
        self._flag = flag

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """See Backend; what is made is another program."""
        if isinstance(action, Apply) and action.workload.role != Role.DAEMON:
            flags = (str(self._flag),) if action.workload.role == Role.LEARNER else ()
            command = ("python", str(STAND_IN), *flags)
            action = replace(action, workload=replace(action.workload, command=command))
        await super().perform(run, action)


def test_operators_that_die_after_each_action_walk_a_run_through_its_life(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Suspend, budget, idleness and strength are reached, all but the last is left again, and at
    the end no process is left."""
    folder = RunFolder(tmp_path / "run")
    folder.make()
    storage = {"directory": {"path": str(tmp_path / "checkpoints")}}
    run = training_run(
        games=1_000_000,
        daemon={"autoscaling": {"minReplicas": 1, "maxReplicas": 1}},
        redis={"url": redis_server.admin_url},
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
    backend = LocalBackend(folder, decks=DECKS)
    flag, fleet = folder.root / "learner-ends", ScriptedFleet(redis_server, UID)
    course = Course(
        store,
        store.put(run),
        StandIns(backend, flag),
        fleet,
        redis_client,
        end_learner=flag.touch,
        seconds=180.0,
    )
    fleet.start()
    try:
        await course.walk()
        await course.until(lambda: not any(backend.pids().values()), "the end of all processes")
    finally:
        fleet.stop()
        await backend.close(at_once=True)
    return course
