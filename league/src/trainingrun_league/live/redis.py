"""Live state that the processes of one league share in a Redis server.

Keys stand below ``tr:league:NAME:``. One subscription to the pattern of all topics serves a
process: waking fans out in memory, so that a thousand who wait need one connection. A subscriber
that lost the connection is woken, because it may have missed something.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import redis.asyncio
from redis.exceptions import RedisError

from trainingrun_league.errors import Unavailable
from trainingrun_league.live.memory import EventSubscription, Memory

_RECONNECT_SECONDS: Final = 0.5
_SCAN_COUNT: Final = 500
_REPLACE: Final = """
local found = redis.call('GET', KEYS[1])
if ARGV[1] == '' then
  if found then return 0 end
elseif not found or redis.sha1hex(found) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '1' then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else
  redis.call('DEL', KEYS[1])
end
return 1
"""

Answer = TypeVar("Answer")


class SharedState:
    """See ``LiveState``."""

    def __init__(self, url: str, league: str) -> None:
        self._client: Any = redis.asyncio.Redis.from_url(
            url, protocol=2, socket_timeout=10, socket_connect_timeout=10, health_check_interval=30
        )
        self._prefix = f"tr:league:{league}:"
        self._topics = f"{self._prefix}topic:"
        self._local = Memory()
        self._listening: asyncio.Task[None] | None = None
        self._waiting: dict[str, int] = {}

    async def get(self, key: str) -> bytes | None:
        """See ``LiveState``."""
        return await _own(self._client.get(self._prefix + key))

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """See ``LiveState``."""
        await _own(self._client.set(self._prefix + key, value, px=_milliseconds(seconds)))

    async def replace(
        self, key: str, value: bytes | None, *, expected: bytes | None, seconds: float
    ) -> bool:
        """See ``LiveState``."""
        digest = "" if expected is None else hashlib.sha1(expected, usedforsecurity=False)
        done = await _own(
            self._client.eval(
                _REPLACE,
                1,
                self._prefix + key,
                digest if isinstance(digest, str) else digest.hexdigest(),
                "0" if value is None else "1",
                value or b"",
                _milliseconds(seconds),
            )
        )
        return bool(done)

    async def delete(self, key: str) -> None:
        """See ``LiveState``."""
        await _own(self._client.delete(self._prefix + key))

    async def below(self, prefix: str) -> Mapping[str, bytes]:
        """See ``LiveState``."""
        return await _own(self._below(prefix))

    async def _below(self, prefix: str) -> Mapping[str, bytes]:
        pattern = _literal(self._prefix + prefix) + "*"
        keys = [key async for key in self._client.scan_iter(match=pattern, count=_SCAN_COUNT)]
        found: dict[str, bytes] = {}
        for begin in range(0, len(keys), _SCAN_COUNT):
            some = keys[begin : begin + _SCAN_COUNT]
            for key, value in zip(some, await self._client.mget(some), strict=True):
                if value is not None:
                    found[key.decode().removeprefix(self._prefix)] = value
        return found

    async def wake(self, topic: str) -> None:
        """See ``LiveState``."""
        await self._local.wake(topic)
        await _own(self._client.publish(self._topics + topic, b""))

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[EventSubscription]:
        """See ``LiveState``."""
        if self._listening is None:
            ready = asyncio.Event()
            self._listening = asyncio.create_task(self._listen(ready))
            async with asyncio.timeout(None):
                await ready.wait()
        self._waiting[topic] = self._waiting.get(topic, 0) + 1
        try:
            async with self._local.subscribe(topic) as subscription:
                yield subscription
        finally:
            self._waiting[topic] -= 1
            if not self._waiting[topic]:
                del self._waiting[topic]

    async def _listen(self, ready: asyncio.Event) -> None:
        """Pass on what other processes wake, until cancelled."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._client.pubsub(ignore_subscribe_messages=False) as channel:
                    await channel.psubscribe(_literal(self._topics) + "*")
                    async for message in channel.listen():
                        await self._pass_on(message, ready)
            ready.set()  # each wait has an end of its own, after which the state is read again
            for topic in list(self._waiting):
                await self._local.wake(topic)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _pass_on(self, message: Mapping[str, Any], ready: asyncio.Event) -> None:
        if message["type"] == "psubscribe":
            ready.set()
            for topic in list(self._waiting):
                await self._local.wake(topic)
        elif message["type"] == "pmessage":
            await self._local.wake(message["channel"].decode().removeprefix(self._topics))

    async def close(self) -> None:
        """See ``LiveState``."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self._client.aclose()


async def _own(call: Awaitable[Answer]) -> Answer:
    try:
        return await call
    except (RedisError, OSError) as error:
        raise Unavailable(
            f"Redis cannot be reached ({type(error).__name__}): the league's live state is in it;"
            " try again"
        ) from error


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _literal(text: str) -> str:
    """Escape what has a meaning in Redis' patterns."""
    return "".join(f"\\{each}" if each in "*?[]\\^-" else each for each in text)
