"""Idle runs: a digest shows whether their Redis has anything new; what changed is reconciled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import redis
from trainingrun_api.run import parse
from trainingrun_contracts.slots import DaemonSlot, publish
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.controller.clients import Clients
from trainingrun_reconciler.controller.idle import IdleRun, IdleRunPoller
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.controller.signals import SignalReader
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.memory import MemoryBackend, MemoryRunStore
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey

from testkit.operator.simulated_run import UID, document
from testkit.servers.redis_server import RedisServer

KEYS = Keys("run-a")
DAEMON = "10.0.0.1:17171"
NOW = 1_000_000.0
CHANGES: dict[str, Callable[[redis.Redis], object]] = {
    "produced": lambda client: client.hset(KEYS.produced, "actor-0", 10),
    "depth": lambda client: client.set(KEYS.depth, 10),
    "accounts": lambda client: client.hset(KEYS.accounts, "trained", 10),
    "intent": lambda client: client.set(KEYS.intent, "DRAIN"),
    "target": lambda client: client.set(KEYS.target, 5),
    "phase": lambda client: client.set(KEYS.phase, "{}"),
    "begun": lambda client: client.hset(KEYS.begun, "1", "{}"),
    "checkpoint": lambda client: client.set(KEYS.checkpoint_request, "now"),
    "games": lambda client: client.hincrby(KEYS.games, "played", 1),
    "report": lambda client: client.hset(KEYS.reports, "actor/actor-0", "{}"),
    "weights": lambda client: client.hset(KEYS.weights, "version", 3),
    "evaluation": lambda client: client.rpush(KEYS.evaluations, "{}"),
    "notice": lambda client: client.rpush(KEYS.notices, "{}"),
    "champion": lambda client: client.hset(KEYS.champion, "champion", "{}"),
    "lease": lambda client: client.zadd(KEYS.leases + DAEMON, {"game": time.time() + 600}),
}


async def digest(reader: SignalReader, url: str, run_id: str = KEYS.run_id) -> str:
    """The digest of a run now."""
    found = await reader.digests(url, [run_id])
    assert found is not None
    return found[run_id]


@pytest.fixture
def published(redis_client: redis.Redis) -> redis.Redis:
    """The test's Redis, where one daemon is published."""
    with redis_client.pipeline() as pipe:
        publish(pipe, KEYS.daemons, {DAEMON: DaemonSlot(capacity=8)})
        pipe.execute()
    return redis_client


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_a_look_reads_moves_the_digest(
    what: str, published: redis.Redis, redis_server: RedisServer
) -> None:
    """And it stands still before and afterwards."""

    async def act() -> None:
        reader = SignalReader()
        try:
            before = await digest(reader, redis_server.url_of(OPERATOR))
            assert await digest(reader, redis_server.url_of(OPERATOR)) == before
            CHANGES[what](published)
            after = await digest(reader, redis_server.url_of(OPERATOR))
            assert after != before
            assert await digest(reader, redis_server.url_of(OPERATOR)) == after
        finally:
            await reader.close()

    asyncio.run(act())


def test_a_look_takes_the_digest_with_its_signals(
    published: redis.Redis, redis_server: RedisServer
) -> None:
    """The same digest as the poll will ask for, so that no change falls between the two."""
    published.hincrby(KEYS.games, "played", 7)

    async def act() -> None:
        reader = SignalReader()
        try:
            signals = await reader.read(
                redis_server.url_of(OPERATOR), KEYS, endpoints=[DAEMON], now=NOW
            )
            assert isinstance(signals, Signals)
            assert signals.digest == await digest(reader, redis_server.url_of(OPERATOR))
        finally:
            await reader.close()

    asyncio.run(act())


def test_only_the_runs_that_moved_are_woken(
    redis_client: redis.Redis, redis_server: RedisServer
) -> None:
    """Of three idle runs the one whose games rose; and all of them once Redis is away."""
    names = ("a", "b", "c")
    woken: list[ResourceKey] = []

    async def act() -> None:
        reader = SignalReader()
        poller = IdleRunPoller(reader)
        try:
            for name in names:
                at = await digest(reader, redis_server.url_of(OPERATOR), name)
                poller.add(
                    ResourceKey("space", name), IdleRun(redis_server.url_of(OPERATOR), name, at)
                )
            await poller.poll(woken.append)
            assert woken == []
            redis_client.hincrby(Keys("b").games, "played", 1)
            await poller.poll(woken.append)
            assert woken == [ResourceKey("space", "b")]
            assert len(poller) == 2
            redis_server.kill()
            await poller.poll(woken.append)
            assert sorted(woken) == [ResourceKey("space", name) for name in names]
        finally:
            await reader.close()

    asyncio.run(act())


def test_twenty_looks_share_the_connections_of_one_address(redis_server: RedisServer) -> None:
    """A reader that finds all of them in use waits for one; Redis is not reported as away."""

    async def act() -> None:
        reader = SignalReader()
        try:
            found = await asyncio.gather(
                *(
                    reader.read(
                        redis_server.url_of(OPERATOR), Keys(f"run-{n}"), endpoints=(), now=NOW
                    )
                    for n in range(20)
                )
            )
        finally:
            await reader.close()
        assert [type(each) for each in found] == [Signals] * 20

    asyncio.run(act())


def test_clients_that_nobody_uses_are_closed_beyond_the_limit(redis_server: RedisServer) -> None:
    """The least recently used first, and never one in use."""

    async def act() -> None:
        clients = Clients(kept=2)
        try:
            async with clients.use(redis_server.url_of(OPERATOR)[:-1] + "9"):
                for number in range(5):
                    async with clients.use(
                        redis_server.url_of(OPERATOR)[:-1] + str(number)
                    ) as client:
                        assert await client.ping()
                    assert len(clients) <= 3
            assert len(clients) == 2
        finally:
            await clients.close()

    asyncio.run(act())


def test_a_quiet_run_is_looked_at_rarely_and_comes_to_rest(redis_server: RedisServer) -> None:
    """Reconciles grow rare while nothing moves; a game that ends brings the short pause back."""
    with redis_server.client() as client:

        async def act() -> list[float]:
            store, backend = (
                MemoryRunStore(),
                MemoryBackend(redis_url=redis_server.url_of(OPERATOR)),
            )
            now = NOW
            loop = Reconciler(store, backend, Settings(idle_interval=30.0), clock=lambda: now)
            key, pauses = store.put(parse(document())), list[float]()
            try:
                for _ in range(40):
                    pause = await loop.reconcile(key)
                    assert pause is not None
                    pauses.append(pause)
                    backend.tick(UID)
                    now += pause
                assert loop.idle == 1
                client.hincrby(Keys(UID).games, "played", 1)
                pauses.append(await loop.reconcile(key) or 0.0)
                assert loop.idle == 0
            finally:
                await loop.close()
            return pauses

        pauses = asyncio.run(act())
    assert max(pauses[:5]) <= 2.0
    assert 27.0 <= pauses[-2] <= 30.0
    assert pauses[-1] <= 2.0
