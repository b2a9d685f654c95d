"""Clocks that jump: what depends on the time of day, and what must not."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import redis
from trainingrun_actor.policies import Policies
from trainingrun_actor.policy import PolicyLoader
from trainingrun_contracts import slots
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights_pointer import Pointer, pointer_from
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.checkpoint_policy import CheckpointPolicy, Situation
from trainingrun_trainer.spot_notice import SpotNotice, is_shutdown_due

from testkit.roles.actor_bed import Bed
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

KEYS = Keys("clock-1")
HOUR = 3600.0


def lease(client: redis.Redis, name: str, *, seconds: float) -> str | None:
    """Take a slot; gives the daemon."""
    found: Any = client.register_script(slots.LEASE)(
        args=[KEYS.daemons, KEYS.leases, name, seconds]
    )
    return None if found is None else str(found.decode())


def test_a_lease_does_not_outlive_a_clock_that_was_set_back(redis_client: redis.Redis) -> None:
    """The slot of an actor that died an hour "ahead" is free after one lease time, not after an
    hour; until then it counts."""
    pipe = redis_client.pipeline()
    slots.publish(pipe, KEYS.daemons, {"a": slots.DaemonSlot(1)})
    pipe.zadd(KEYS.leases + "a", {"dead": time.time() + HOUR})
    pipe.execute()
    assert lease(redis_client, "next", seconds=1.0) is None
    until(
        lambda: lease(redis_client, "next", seconds=1.0) == "a", seconds=10, what="the slot is free"
    )


def test_weights_of_tomorrow_are_played_with(redis_server: RedisServer, tmp_path: Any) -> None:
    """An actor whose clock is an hour behind the learner's takes the weights, and measures no
    time below nothing."""
    bed = Bed(tmp_path, redis_server)
    bed.publish_weights(version=3)
    with redis_server.client() as client:
        reply: Any = client.hgetall(bed.keys.weights)
    pointer = pointer_from(reply)
    assert pointer is not None
    policies = asyncio.run(followed(redis_server.url_of("actor"), bed.keys, pointer))
    assert policies.newest is not None
    assert policies.newest.pointer.version == 3
    assert policies.sync_seconds == 0.0


async def followed(url: str, keys: Keys, pointer: Pointer) -> Policies:
    """What an actor has whose clock is an hour behind."""
    async with asyncio_client(url) as client:
        policies = Policies(client, keys, PolicyLoader(SPEC), wall=lambda: time.time() - HOUR)
        await policies.follow(pointer, [])
        return policies


def test_a_spot_notice_saves_once_whatever_the_clock_does() -> None:
    """And a clock that is set back takes nothing back: the learner that has stopped has stopped."""
    moment = datetime(2026, 11, 21, 12, 2, tzinfo=UTC)
    notice = SpotNotice("terminate", moment)
    clock = [-120.0, -10.0, -10.0 - HOUR, -5.0, HOUR]
    policy, due = CheckpointPolicy(10_000, HOUR, keep_best=False, step=1), []
    for step, _ in enumerate(clock, start=2):
        situation = Situation(step=step, games=1, now=float(step), notice=notice)
        due.append(policy.is_due(situation))
        policy = policy.after(situation)
    assert due == [True, *[False] * 4]
    over = [is_shutdown_due(notice, now=moment.timestamp() + each) for each in clock]
    assert over == [False, True, False, True, False]
