"""One connection to Redis that is never replaced in secret: its user knows when it broke.

A pool of connections, as the other parts of an actor use, opens a new connection when it finds one
closed, and its user cannot see that the server was another one in between. Commands go out as
they were packed, so that large arguments are not copied.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

import redis
import redis.asyncio
from trainingrun_contracts.stream.packing import Command, pack_transaction

TIMEOUT_SECONDS: Final = 10.0
_T = TypeVar("_T")


class PinnedConnection:
    """A connection of a client's kind: same address, password and time limits."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        pool: Any = client.connection_pool
        self._connection: Any = pool.make_connection()
        self._connection.socket_timeout = None  # one limit for a whole exchange, here, is cheaper

    async def connect(self) -> bool:
        """Be connected; says whether the connection is a new one."""
        if self._connection.is_connected:
            return False
        await self._in_time(self._connection.connect())
        return True

    async def transact(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands as one transaction; gives their replies.

        Raises:
            ResponseError: Redis refused one of them, and did none.
            RedisError, OSError: the connection is gone; whether they were done is unknown.
        """
        if not self._connection.is_connected:
            raise redis.ConnectionError("the connection is closed")
        return await self._in_time(self._exchange(commands))

    async def close(self) -> None:
        """Hang up."""
        await self._connection.disconnect()

    async def _in_time(self, doing: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await doing
        except TimeoutError as error:
            await self._connection.disconnect(nowait=True)
            raise redis.TimeoutError(f"no answer within {TIMEOUT_SECONDS:g} s") from error

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        packed = pack_transaction(commands)
        await self._connection.send_packed_command(packed, check_health=False)
        return await self._replies(len(commands))

    async def _replies(self, commands: int) -> list[Any]:
        refused: redis.ResponseError | None = None
        for _ in range(commands + 1):  # of MULTI, and of each command that it is queued
            try:
                await self._connection.read_response(timeout=math.inf)
            except redis.ResponseError as error:
                refused = refused or error
        try:
            replies: list[Any] = await self._connection.read_response(timeout=math.inf)
        except redis.ResponseError as error:
            raise refused or error from error
        for reply in replies:
            if isinstance(reply, redis.ResponseError):
                raise reply
        return replies
