"""Slots on daemons are leased atomically by a real Redis: never more games than a daemon serves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from trainingrun_contracts import slots
from trainingrun_contracts.stream.keys import Keys

from testkit.servers.redis_server import RedisServer, live_leases
from testkit.waiting import until

KEYS = Keys("r")


def publish(client: redis.Redis, **daemons: slots.DaemonSlot) -> None:
    """Make these the daemons of the run."""
    pipe = client.pipeline()
    slots.publish(pipe, KEYS.daemons, daemons)
    pipe.execute()


def lease(client: redis.Redis, name: str, *avoid: str, seconds: float = 20) -> str | None:
    """Take a slot; gives the daemon."""
    found: Any = client.register_script(slots.LEASE)(
        args=[KEYS.daemons, KEYS.leases, name, seconds, *avoid]
    )
    return None if found is None else str(found.decode())


def busy(client: redis.Redis, *endpoints: str) -> list[int]:
    """Live leases of each daemon."""
    return [live_leases(client, KEYS, endpoint) for endpoint in endpoints]


def test_a_full_daemon_gives_no_more(redis_client: redis.Redis) -> None:
    """Two slots, three takers: the third gets nothing."""
    publish(redis_client, a=slots.DaemonSlot(2))
    assert [lease(redis_client, str(n)) for n in range(3)] == ["a", "a", None]


def test_the_least_busy_comes_first(redis_client: redis.Redis) -> None:
    """By share of the capacity, and by name where that is equal."""
    publish(redis_client, a=slots.DaemonSlot(2), b=slots.DaemonSlot(4))
    taken = [lease(redis_client, str(n)) for n in range(6)]
    assert taken == ["a", "b", "b", "a", "b", "b"]
    assert busy(redis_client, "a", "b", "nobody") == [2, 4, 0]


def test_draining_and_avoided_daemons_are_left_out(redis_client: redis.Redis) -> None:
    """A daemon that drains gets no games, nor one that the taker wants to avoid."""
    publish(redis_client, a=slots.DaemonSlot(2, draining=True), b=slots.DaemonSlot(2))
    assert lease(redis_client, "1") == "b"
    assert lease(redis_client, "2", "b") is None


def test_a_lease_that_is_not_renewed_expires(redis_client: redis.Redis) -> None:
    """A killed actor frees its slot by itself; a renewed lease stays."""
    publish(redis_client, a=slots.DaemonSlot(1))
    assert lease(redis_client, "dead", seconds=0.2) == "a"
    until(lambda: lease(redis_client, "next") == "a", seconds=5, what="the lease expires")
    renew = redis_client.register_script(slots.RENEW)
    assert renew(keys=[], args=[KEYS.leases, 20, "a", "next", "a", "dead"]) == 1
    assert lease(redis_client, "third") is None


@pytest.mark.parametrize("takers", [16])
def test_many_takers_at_once_never_exceed_the_capacity(
    redis_server: RedisServer, redis_client: redis.Redis, takers: int
) -> None:
    """Sixteen clients at the same moment for ten slots: ten get one."""
    publish(redis_client, a=slots.DaemonSlot(4), b=slots.DaemonSlot(6))

    def take(number: int) -> str | None:
        with redis_server.client() as client:
            return lease(client, str(number))

    with ThreadPoolExecutor(takers) as pool:
        taken = list(pool.map(take, range(takers)))
    assert (taken.count("a"), taken.count("b"), taken.count(None)) == (4, 6, 6)
