"""Slots on daemons when Redis dies while a game ends or begins: they are not lost for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
import uvloop
from trainingrun_actor.leases import Lease, Leases
from trainingrun_contracts import slots
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.stream.keys import Keys

from testkit.servers.redis_server import RedisServer

KEYS = Keys("slots-1")


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """Redis with one daemon that serves one game."""
    with redis_server.client() as client:
        client.config_set("appendfsync", "always")
        pipe = client.pipeline()
        slots.publish(pipe, KEYS.daemons, {"a": slots.DaemonSlot(1)})
        pipe.execute()
    return redis_server


@contextmanager
def outage(server: RedisServer) -> Iterator[None]:
    """Redis is killed, and comes back with its data."""
    server.kill()
    yield
    server.start()


def test_a_slot_given_back_in_an_outage_is_free_after_it(server: RedisServer) -> None:
    """The game ends while Redis is away; the next one has the slot as soon as Redis is back, and
    not when the lease expires 20 s later."""

    async def play() -> Lease | None:
        async with asyncio_client(server.url_of("actor")) as client:
            leases = Leases(client, KEYS, member="actor-0")
            first = await leases.acquire([])
            assert first is not None
            with outage(server):
                await leases.release(first)
            return await leases.acquire([])

    assert uvloop.run(play()) is not None


def test_a_slot_whose_answer_was_lost_is_free_after_it(server: RedisServer) -> None:
    """Redis gives a slot and no one hears of it: the next game has it."""

    async def play() -> Lease | None:
        async with asyncio_client(server.url_of("actor")) as client:
            leases = Leases(client, KEYS, member="actor-0")
            with outage(server), pytest.raises(redis.ConnectionError):
                await leases.acquire([])
            # As if the first acquisition had come through before the connection broke.
            await client.zadd(KEYS.leases + "a", {"actor-0:0": 4e9})
            return await leases.acquire([])

    assert uvloop.run(play()) is not None
