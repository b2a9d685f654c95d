"""Live state in memory and in a real Redis server, held against the same expectations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest
from trainingrun_league.errors import Unavailable
from trainingrun_league.live.memory import Memory
from trainingrun_league.live.redis import SharedState
from trainingrun_league.live.state import LiveState

from testkit.servers.redis_server import RedisServer

Open: TypeAlias = Callable[[], LiveState]


@pytest.fixture(params=["memory", "redis"])
def opened(request: pytest.FixtureRequest) -> Open:
    """What makes a client of the same state: in memory there is one alone."""
    if request.param == "memory":
        memory = Memory()
        return lambda: memory
    server: RedisServer = request.getfixturevalue("redis_server")
    return lambda: SharedState(server.admin_url, "demo")


def run(opened: Open, use: Callable[[LiveState, LiveState], Awaitable[None]]) -> None:
    """Use the state by two clients."""

    async def both() -> None:
        one, other = opened(), opened()
        try:
            async with asyncio.timeout(30):
                await use(one, other)
        finally:
            await one.close()
            await other.close()

    asyncio.run(both())


def test_values_are_seen_by_all(opened: Open) -> None:
    """Expect a value by its key and below its prefix, patterns of Redis taken literally, and
    nothing after it was deleted."""

    async def use(one: LiveState, other: LiveState) -> None:
        await one.put("ticket/a", b"1", seconds=60)
        await one.put("ticket/b*", b"\xff\x00", seconds=60)
        await one.put("game/a", b"", seconds=60)
        assert await other.get("ticket/a") == b"1"
        assert await other.get("game/a") == b""
        assert await other.get("ticket/none") is None
        assert await other.below("ticket/") == {"ticket/a": b"1", "ticket/b*": b"\xff\x00"}
        assert await other.below("ticket/*") == {}
        await other.delete("ticket/a")
        assert await one.get("ticket/a") is None

    run(opened, use)


def test_values_expire(opened: Open) -> None:
    """Expect nothing after its time, by key and below a prefix."""

    async def use(one: LiveState, other: LiveState) -> None:
        await one.put("a", b"1", seconds=0.05)
        async with one.subscribe("never") as subscription:
            assert not await subscription.wait(0.2)
        assert await other.get("a") is None
        assert await other.below("") == {}

    run(opened, use)


def test_one_of_many_replaces(opened: Open) -> None:
    """Expect exactly one of ten who expect the same value to replace it."""

    async def use(one: LiveState, other: LiveState) -> None:
        tries = [
            (one, other)[n % 2].replace("lease", str(n).encode(), expected=None, seconds=60)
            for n in range(10)
        ]
        assert sum(await asyncio.gather(*tries)) == 1
        holder = await one.get("lease")
        assert not await other.replace("lease", b"x", expected=b"wrong", seconds=60)
        assert await other.get("lease") == holder
        assert await other.replace("lease", None, expected=holder, seconds=60)
        assert await one.get("lease") is None

    run(opened, use)


def test_waking_reaches_all_who_wait(opened: Open) -> None:
    """Expect those of the topic to wake, in both processes, even where it was woken between the
    subscription and the wait."""

    async def use(one: LiveState, other: LiveState) -> None:
        async with one.subscribe("queue") as here, other.subscribe("queue") as there:
            await here.wait(0.1)  # a connection that was just made wakes once
            await there.wait(0.1)
            await other.wake("queue")
            assert await here.wait(10)
            assert await there.wait(10)
            assert not await here.wait(0.05)

    run(opened, use)


def test_a_redis_that_is_gone_is_unavailable(redis_server: RedisServer) -> None:
    """Expect the league's own error, and values and wakes again after the server is back."""

    @asynccontextmanager
    async def outage():  # type: ignore[no-untyped-def]
        redis_server.kill()
        yield
        redis_server.start()

    async def use() -> None:
        state = SharedState(redis_server.admin_url, "demo")
        async with state.subscribe("t") as subscription:
            await subscription.wait(0.1)
            async with outage():
                with pytest.raises(Unavailable):
                    await state.get("a")
            assert await subscription.wait(20)  # it may have missed something
            await state.put("a", b"1", seconds=60)
            assert await state.get("a") == b"1"
        await state.close()

    asyncio.run(use())
