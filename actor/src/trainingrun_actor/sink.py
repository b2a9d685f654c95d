"""From the spool into Redis: appends in order, exactly once as far as Redis remembers, and tells
when the queue is full.

Each batch goes in one transaction, together with the game counters. Before it, the sink reads how
far Redis says this actor has come (``keys.appended``): after an ambiguous failure that tells
whether the batch had arrived, after a Redis restart it tells what was forgotten, and the spool is
rewound to it. The price is one short round trip a batch; the alternative, to ask only after an
error, misses a restart that the client library hides by reconnecting.

Back-pressure: ``is_paused`` from 2 learner batches in the queue until it is back at 1, and while
Redis is out of memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Final

import redis
import redis.asyncio
from trainingrun_contracts.segment import Segment, encode
from trainingrun_contracts.stream.append import (
    FUSE_FACTOR,
    HIGH_WATER_BATCHES,
    LOW_WATER_BATCHES,
    queue_append,
)
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.outage import Outage
from trainingrun_actor.spool import Spool

BATCH_BYTES: Final = 1024 * 1024
_IDLE_SECONDS: Final = 1.0
_MEMORY_PAUSE_SECONDS: Final = 1.0
_SHORTEST_SEGMENT: Final = 8
"""Mean steps a segment below which the fuse would cut before four times the high water."""

_log = logging.getLogger(__name__)


class Sink:
    """The only writer of one actor's segments and game counters."""

    def __init__(
        self, client: redis.asyncio.Redis, keys: Keys, *, actor: str, batch_transitions: int,
        spool: Spool, now: Callable[[], float],
    ) -> None:  # fmt: skip
        self.actor = actor
        self.spool = spool
        self.depth = 0
        self.games_played = 0
        self._redis = client
        self._keys = keys
        self._high = HIGH_WATER_BATCHES * batch_transitions
        self._low = LOW_WATER_BATCHES * batch_transitions
        self._fuse = max(64, FUSE_FACTOR * self._high // _SHORTEST_SEGMENT)
        self._now = now
        self._counts: Counter[str] = Counter()
        self._work = asyncio.Event()
        self._moved = asyncio.Event()
        self._is_full = False
        self._is_out_of_memory = False
        self._outage = Outage(Random(actor))

    @property
    def is_paused(self) -> bool:
        """Whether no new game should start, because the queue or Redis' memory is full."""
        return self._is_full or self._is_out_of_memory

    @property
    def is_empty(self) -> bool:
        """Whether everything that was offered has arrived."""
        return self.spool.is_empty and not self._counts

    @property
    def games_known(self) -> int:
        """Games played by all actors as Redis said last, and those of this one on their way."""
        return self.games_played + self._counts["played"]

    def offer(self, segment: Segment) -> None:
        """Take a finished segment; it is numbered now and sent soon."""
        self.spool.add(segment)
        self._work.set()

    def count_game(self, *names: str) -> None:
        """Raise counters of ``keys.games`` by one, together with the next batch."""
        self._counts.update(names)
        self._work.set()

    def note_depth(self, depth: int) -> None:
        """Take in how many transitions the queue holds."""
        self.depth = depth
        self._is_full = depth >= self._high or (self._is_full and depth > self._low)

    async def run(self) -> None:
        """Send for ever; failures are waited out."""
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    await self._work.wait()
            except TimeoutError:
                if not self.spool.is_keeping:
                    continue
            self._work.clear()
            try:
                await self._send_all()
                self._outage.is_over(_log)
            except redis.ResponseError as error:
                await self._wait_out_refusal(error)
            except (redis.RedisError, OSError) as error:
                self._work.set()
                await self._outage.wait(error, _log)

    async def flush(self, seconds: float) -> bool:
        """Wait until everything has arrived, at most so long; says whether it has."""
        try:
            async with asyncio.timeout(seconds):
                while not self.is_empty:
                    self._moved.clear()
                    self._work.set()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _wait_out_refusal(self, error: redis.ResponseError) -> None:
        self._work.set()
        if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM" in str(error):
            self._is_out_of_memory = True
            await asyncio.sleep(_MEMORY_PAUSE_SECONDS)
        else:
            await self._outage.wait(error, _log)

    async def _send_all(self) -> None:
        await self._rewind()
        while not self.is_empty:
            await self._send_batch()
            self._moved.set()
            await self._rewind()
        self.spool.forget_old(now=self._now())

    async def _rewind(self) -> None:
        if self.spool.is_keeping:
            reply: Any = await self._redis.hget(self._keys.appended, self.actor)
            self.spool.rewind(-1 if reply is None else int(reply), now=self._now())

    async def _send_batch(self) -> None:
        batch = self.spool.next_batch(most_bytes=BATCH_BYTES)
        counts = dict(self._counts)
        async with self._redis.pipeline(transaction=True) as pipe:
            for entry in batch:
                segment = entry.numbered()
                queue_append(
                    pipe, self._keys, segment.header, transitions=segment.transitions,
                    payload=encode(segment), fuse=self._fuse,
                )  # fmt: skip
            for name, count in counts.items():
                pipe.hincrby(self._keys.games, name, count)
            pipe.hget(self._keys.games, "played")
            pipe.get(self._keys.depth)
            replies = await pipe.execute()
        self.spool.mark_sent(len(batch), now=self._now())
        self._counts.subtract(counts)
        self._counts += Counter()  # drops the zeros
        self._is_out_of_memory = False
        self.games_played = max(self.games_played, int(replies[-2] or 0))
        self.note_depth(int(replies[-1] or 0))
