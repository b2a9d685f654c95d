"""Live state of one process, in its memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

_SWEEP_EVERY: Final = 1024
"""Writes after which what has expired is removed."""


class Memory:
    """See ``LiveState``; nothing here waits, so that every step is whole."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}
        self._topics: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._writes = 0

    async def get(self, key: str) -> bytes | None:
        """See ``LiveState``."""
        value, until = self._values.get(key, (None, 0.0))
        return value if until > self._clock() else None

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """See ``LiveState``."""
        self._values[key] = (value, self._clock() + seconds)
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            now = self._clock()
            self._values = {name: kept for name, kept in self._values.items() if kept[1] > now}

    async def replace(
        self, key: str, value: bytes | None, *, expected: bytes | None, seconds: float
    ) -> bool:
        """See ``LiveState``."""
        if await self.get(key) != expected:
            return False
        if value is None:
            await self.delete(key)
        else:
            await self.put(key, value, seconds=seconds)
        return True

    async def delete(self, key: str) -> None:
        """See ``LiveState``."""
        self._values.pop(key, None)

    async def below(self, prefix: str) -> Mapping[str, bytes]:
        """See ``LiveState``."""
        now = self._clock()
        return {
            key: value
            for key, (value, until) in self._values.items()
            if key.startswith(prefix) and until > now
        }

    async def wake(self, topic: str) -> None:
        """See ``LiveState``."""
        for event in self._topics.get(topic, ()):
            event.set()

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[EventSubscription]:
        """See ``LiveState``."""
        event = asyncio.Event()
        self._topics[topic].add(event)
        try:
            yield EventSubscription(event)
        finally:
            self._topics[topic].discard(event)
            if not self._topics[topic]:
                del self._topics[topic]

    async def close(self) -> None:
        """See ``LiveState``."""


class EventSubscription:
    """See ``state.Subscription``."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> bool:
        """See ``state.Subscription``."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
