"""What Redis holds of evaluations: their results, and the champion with its weights."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import time
from typing import Any

import redis.asyncio
from trainingrun_contracts import slots
from trainingrun_contracts.reports import (
    Champion,
    Evaluation,
    champion_from,
    evaluations_from,
    queue_champion,
    queue_evaluation,
)
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights import WeightsError, verified
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_actor.agenda import Due
from trainingrun_actor.evaluation_scheduler import Standing
from trainingrun_actor.league import forgotten_counters
from trainingrun_actor.policies import Loader
from trainingrun_actor.policy import Policy

_log = logging.getLogger(__name__)


class EvaluationStore:
    """Reads and writes; all methods but the property raise where Redis is away.

    Attributes:
        standing: as it was last read, with what was written since.
    """

    def __init__(self, client: redis.asyncio.Redis, keys: Keys, loader: Loader[Policy]) -> None:
        self.standing = Standing()
        self._redis = client
        self._keys = keys
        self._loader = loader
        self._newest: bytes | None = None

    async def read(self) -> Standing:
        """Read all results when there is a new one, and who is the champion."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.lindex(self._keys.evaluations, -1)
            pipe.hget(self._keys.champion, "champion")
            newest, champion = await pipe.execute()
        results = self.standing.results
        if newest != self._newest or newest is None:
            reply: Any = await self._redis.lrange(self._keys.evaluations, 0, -1)
            results = evaluations_from(reply)
            self._newest = newest
        self.standing = Standing(results, champion_from(champion))
        return self.standing

    async def add(self, result: Evaluation) -> None:
        """Append a result."""
        async with self._redis.pipeline(transaction=True) as pipe:
            queue_evaluation(pipe, self._keys.evaluations, result)
            await pipe.execute()
        self.standing = Standing((*self.standing.results, result), self.standing.champion)
        _log.info(
            "version %d against %s: %.1f %% of %d games (%.1f to %.1f)",
            result.version,
            result.opponent,
            100 * result.rate,
            result.games,
            100 * result.low,
            100 * result.high,
        )

    async def champion_policy(self) -> Policy | None:
        """Return the champion's weights; None when there is none, or Redis has lost them."""
        named = self.standing.champion
        if named is None:
            return None
        pointer = Pointer(epoch=0, version=named.version, publish=0, sha256=named.sha256, at=0.0)
        reply: Any = self._redis.hget(self._keys.champion, "weights")
        try:
            return self._loader.load(verified(await reply, named.sha256), pointer)
        except WeightsError as error:
            _log.warning("the champion cannot be loaded and is replaced: %s", error)
            return None

    async def crown(self, due: Due) -> None:
        """Make these weights the champion."""
        pointer = due.policy.pointer
        champion = Champion(pointer.version, pointer.sha256, time())
        async with self._redis.pipeline(transaction=True) as pipe:
            queue_champion(pipe, self._keys.champion, champion, due.blob)
            await pipe.execute()
        self.standing = Standing(self.standing.results, champion)
        _log.info("version %d is the champion", champion.version)

    async def forget_counters(self, snapshots: Iterable[tuple[str, int]]) -> None:
        """Remove the counters of games against snapshots that are no longer opponents."""
        reply: Any = await self._redis.hkeys(self._keys.games)
        versions = [version for _, version in snapshots]
        gone = forgotten_counters([name.decode() for name in reply], versions)
        if gone:
            await self._redis.hdel(self._keys.games, *gone)

    async def capacity(self) -> int:
        """Return the slots of all daemons together."""
        reply: Any = await self._redis.hgetall(self._keys.daemons)
        return sum(slot.capacity for slot in slots.decode_all(reply).values())
