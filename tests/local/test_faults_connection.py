"""A connection to Redis that ends at a bad moment, in the event loop that actors use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
import uvloop
from trainingrun_contracts.connection import asyncio_client

from testkit.servers.redis_server import RedisServer


async def send_on_a_closed_connection(url: str) -> None:
    """Hang up below redis-py, which does not know of it, and send."""
    async with asyncio_client(url) as client:
        pool: Any = client.connection_pool
        connection = pool.make_connection()
        await connection.connect()
        connection._writer.transport.abort()
        await asyncio.sleep(0)
        try:
            await connection.send_command("PING")
        finally:
            await connection.disconnect(nowait=True)


def test_hanging_up_before_a_send_is_a_connection_error(redis_server: RedisServer) -> None:
    """Expect the error that every part of an actor waits out, and not one that ends it."""
    with pytest.raises(redis.ConnectionError, match="closed"):
        uvloop.run(send_on_a_closed_connection(redis_server.url_of("actor")))
