"""Every way to rest and to end, with operators that die after each action: in-memory backend, real
Redis. The same walk over processes is in test_convergence_processes.py, over Kubernetes in
tests/control_plane."""

from __future__ import annotations

import asyncio

import redis
from trainingrun_reconciler.desired.observed import Finished
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.memory import MemoryBackend, MemoryRunStore
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.dying_operators import Course
from testkit.operator.scripted_fleet import ScriptedFleet
from testkit.operator.simulated_run import UID, training_run
from testkit.servers.redis_server import RedisServer


def test_operators_that_die_after_each_action_walk_a_run_through_its_life(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Suspend, budget, idleness and strength are reached, and all but the last is left again."""
    store, backend = MemoryRunStore(), MemoryBackend(redis_url=redis_server.url_of(OPERATOR))
    key = store.put(training_run(games=1_000_000))
    fleet = ScriptedFleet(redis_server, UID)

    def end_learner() -> None:
        if Role.LEARNER in backend.roles(UID):
            backend.finish(UID, Role.LEARNER, Finished(succeeded=True))

    course = Course(
        store,
        key,
        backend,
        fleet,
        redis_client,
        end_learner=end_learner,
        between=lambda: backend.tick(UID),
    )
    fleet.start()
    try:
        asyncio.run(course.walk())
    finally:
        fleet.stop()
    assert course.deaths > 20
    assert set(backend.roles(UID)) <= {Role.REDIS, Role.LEARNER}
