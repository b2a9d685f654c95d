"""Numbers of training games that are played in this process: without a slot on a daemon.

Those who wait for one are served together (``game_starts``); while there is none, or Redis is away,
they wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

import redis

from trainingrun_actor.game_starts import GameStarts
from trainingrun_actor.leases import GameStart, Leases

SEEK_SECONDS: Final = 0.25


class GameNumbers:
    """Hands out numbers."""

    def __init__(self, leases: Leases, *, random: Random) -> None:
        self._leases = leases
        self._random = random
        self._starts = GameStarts()

    async def next(self, *, target: int, may_start: Callable[[], bool]) -> GameStart | None:
        """Wait for the number of a training game; None when none may start."""

        async def take(count: int) -> list[GameStart] | None:
            while may_start():
                try:
                    found = await self._leases.start_games(
                        (), target=target, count=count, with_slots=False
                    )
                except (redis.RedisError, OSError):
                    found = []
                if found:
                    return found
                await asyncio.sleep(SEEK_SECONDS * (0.5 + self._random.random()))
            return None

        return await self._starts.next(take)

    def close(self) -> None:
        """Stop asking."""
        self._starts.close()
