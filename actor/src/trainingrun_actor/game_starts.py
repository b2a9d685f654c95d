"""Numbers and slots for all who wait for one, in one round trip.

Who comes first has them asked for, for everybody who waits by then, and all that were found are
handed out at once. A thousand short games a second would otherwise cost a thousand trips.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from trainingrun_actor.leases import GameStart

Take: TypeAlias = Callable[[int], Awaitable[list[GameStart] | None]]
"""Wait for at least one start, and return at most this number; None where no game may start."""


class GameStarts:
    """Those who wait, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[GameStart | None]] = deque()
        self._spare: deque[GameStart] = deque()
        """Found for those who were cancelled meanwhile."""
        self._asking: asyncio.Task[None] | None = None

    async def next(self, take: Take) -> GameStart | None:
        """Return the next start; None where no game may start."""
        waiter: asyncio.Future[GameStart | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(take))
        return await waiter

    def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, take: Take) -> None:
        """Ask until no game waits; an error is raised in all that wait."""
        try:
            while self._waiting:
                await asyncio.sleep(0)  # games that ended in the same turn go along
                self._hand_out(await take(len(self._waiting)) if not self._spare else [])
        except Exception as error:
            while (waiter := self._next_waiter()) is not None:
                waiter.set_exception(error)
        finally:
            self._asking = None

    def _hand_out(self, found: list[GameStart] | None) -> None:
        self._spare.extend(found or ())
        while (found is None or self._spare) and (waiter := self._next_waiter()) is not None:
            waiter.set_result(self._spare.popleft() if self._spare else None)

    def _next_waiter(self) -> asyncio.Future[GameStart | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # its game may have been cancelled
                return waiter
        return None
