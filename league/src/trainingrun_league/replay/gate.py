"""Who waits for the limiter: writers in one row, readers in another, each in order of coming.

Only the first of a row checks what may be done; the others wait for their turn. A row of futures
that are woken together was refused: the first to wake would continue, and a large batch could wait
for ever behind small ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from trainingrun_league.errors import Exhausted
from trainingrun_league.replay.limiter import Balance, Ratio, may_insert, may_sample

T = TypeVar("T")

MOST_UNDER_WAY: Final = 256 * 1024**2
"""Bytes of batches that are not durable yet, whether they wait for the limiter or for the disk."""


class Room:
    """The memory of what is under way: a call that finds none is refused, a stream waits."""

    def __init__(self, most: int = MOST_UNDER_WAY) -> None:
        self._most = most
        self._taken = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    def take(self, size: int) -> None:
        """Take room; what is alone has it, whatever its size.

        Raises:
            Exhausted: there is none.
        """
        if self._taken and self._taken + size > self._most:
            raise Exhausted(
                f"{self._taken} bytes are under way already, of {self._most}; send again more"
                " slowly, or on a stream, which waits"
            )
        self._taken += size
        if self._taken > self._most // 2:
            self._has_room.clear()

    def release(self, size: int) -> None:
        """Give room back."""
        self._taken -= size
        if self._taken <= self._most // 2:
            self._has_room.set()

    async def wait(self) -> None:
        """Wait until half of it is free."""
        await self._has_room.wait()


class Gate:
    """Lets writers and readers through by the limiter.

    Attributes:
        writers_held_seconds: that they have waited, all together.
        readers_held_seconds: the same of readers.
    """

    def __init__(
        self, ratio: Ratio, balance: Callable[[], Balance], *, clock: Callable[[], float]
    ) -> None:
        self.ratio = ratio
        self.writers_held_seconds = 0.0
        self.readers_held_seconds = 0.0
        self._balance = balance
        self._clock = clock
        self._under_way = 0
        self._writers = asyncio.Lock()
        self._readers = asyncio.Lock()
        self._changed = asyncio.Event()

    async def write(self, experiences: int, *, wait: float) -> bool:
        """Wait for the turn to record, at most ``wait`` seconds; whether it came. Until ``written``
        the experiences count as recorded already."""
        if self._writers.locked() or not self._may_insert():
            began = self._clock()
            try:
                return (
                    await self._turn(
                        self._writers, self._may_insert, lambda: self._reserve(experiences), wait
                    )
                    is not None
                )
            finally:
                self.writers_held_seconds += self._clock() - began
        self._reserve(experiences)
        return True

    def written(self, experiences: int) -> None:
        """What was let through is in the table now, or will not be."""
        self._under_way -= experiences
        self.changed()

    async def read(self, act: Callable[[], T], *, wait: float) -> T | None:
        """Wait for the turn to sample, at most ``wait`` seconds, and sample by ``act``; None where
        the turn did not come."""
        if self._readers.locked() or not self._may_sample():
            began = self._clock()
            try:
                return await self._turn(self._readers, self._may_sample, act, wait)
            finally:
                self.readers_held_seconds += self._clock() - began
        found = act()
        self.changed()
        return found

    def changed(self) -> None:
        """Something was recorded or sampled: the first of each row checks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _turn(
        self, row: asyncio.Lock, may: Callable[[], bool], act: Callable[[], T], wait: float
    ) -> T | None:
        try:
            async with asyncio.timeout(wait), row:
                while not may():
                    await self._changed.wait()
                found = act()
        except TimeoutError:
            return None
        self.changed()
        return found

    def _reserve(self, experiences: int) -> bool:
        self._under_way += experiences
        return True

    def _may_insert(self) -> bool:
        balance = self._balance()
        return may_insert(
            self.ratio,
            Balance(balance.recorded + self._under_way, balance.sampled, balance.stored),
        )

    def _may_sample(self) -> bool:
        return may_sample(self.ratio, self._balance())
