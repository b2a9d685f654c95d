"""What the run says, read twice a second in one round trip: intent, games, depth, weights."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random
from typing import Any, Final

import redis
import redis.asyncio
from trainingrun_contracts.curriculum import CurrentPhase, phase_from
from trainingrun_contracts.reports import Intent, intent_from
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights_pointer import Pointer, pointer_from

from trainingrun_actor.policies import PublishedWeights
from trainingrun_actor.redis_retry import RedisRetry

POLL_SECONDS: Final = 0.5
EAGER_SECONDS: Final = 0.05
"""Between two readings where games are so short that half a second holds several batches."""

_log = logging.getLogger(__name__)


class RunStatePoller:
    """The latest reading. ``is_current`` is False while Redis is away."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        keys: Keys,
        policies: PublishedWeights[Any],
        *,
        member: str,
        note_depth: Callable[[int], None] = lambda _depth: None,
        note_pointer: Callable[[Pointer | None], None] = lambda _pointer: None,
        note_games: Callable[[int], None] = lambda _games: None,
        is_eager: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_eager = is_eager
        self.intent = Intent.RUN
        self.games_played = 0
        self.target: int | None = None  # in place of the configuration's, once the run says one
        self.phase: CurrentPhase | None = None  # of the curriculum
        self.is_current = False
        self._next = asyncio.Event()
        self._reading = asyncio.Lock()  # an older reading must never come after a newer one
        self._redis = client
        self._keys = keys
        self._policies = policies
        self._note_depth = note_depth
        self._note_pointer = note_pointer
        self._note_games = note_games
        self._retry = RedisRetry(Random(member))

    async def run(self) -> None:
        """Read for ever; wakes all who wait for the next reading."""
        while True:
            try:
                await self.read()
                self._next.set()
                self._next = asyncio.Event()
                self._retry.succeeded(_log)
                await asyncio.sleep(EAGER_SECONDS if self._is_eager() else POLL_SECONDS)
            except (redis.RedisError, OSError) as error:
                self.is_current = False
                await self._retry.wait(error, _log)

    async def next_reading(self) -> None:
        """Wait for the next successful reading."""
        await self._next.wait()

    async def read(self) -> None:
        """One reading.

        Raises:
            redis.RedisError, OSError: Redis is away.
        """
        async with self._reading:
            await self._read()

    async def _read(self) -> None:
        keys, policies = self._keys, self._policies
        past = (*policies.opponents.counters, *policies.league.counters)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.mget(keys.intent, keys.target, keys.phase)
            pipe.hmget(keys.games, ["played", *past])
            pipe.mget([shard.depth for shard in keys.all_shards])
            pipe.hgetall(keys.weights)
            pipe.zrange(keys.snapshots, 0, -1, withscores=True)
            pipe.zrange(keys.league_pool, 0, -1, withscores=True)
            replies: list[Any] = await pipe.execute()
        (intent, target, phase), (played, *counts), depths, pointer, snapshots, pool = replies
        self.target = int(target) if target is not None else None
        self.phase = phase_from(phase) or self.phase  # a Redis that lost it gets it again
        self.games_played = int(played or 0)
        totals = {name: int(count or 0) for name, count in zip(past, counts, strict=True)}
        policies.opponents.note_counts(totals)
        policies.league.note_counts(totals)
        policies.league.note_snapshots(_scored(pool))
        known = _scored(snapshots)
        newest = pointer_from(pointer)
        self._note_pointer(newest)
        await self._policies.follow(newest, known)
        self._note_games(self.games_played)
        self._note_depth(sum(int(depth or 0) for depth in depths))
        self.intent = intent_from(intent)  # after the weights: EVALUATE means the newest ones
        self.is_current = True


def _scored(reply: list[tuple[bytes, float]]) -> list[tuple[str, int]]:
    return [(sha256.decode(), int(number)) for sha256, number in reply]
