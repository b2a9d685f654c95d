"""From the spool into Redis: appends in order, exactly once as far as Redis remembers; reports
when the queue is full.

Each batch goes in one transaction, together with what became of games. Whenever the connection is a
new one, and every second when there is nothing to send, the sink reads how far Redis says this
actor has come (``keys.appended``): after an ambiguous failure that says whether the batch had
arrived, after a Redis restart what was forgotten, and the spool is rewound to it. Ends of games of
the last seconds are said again on a new connection; one that Redis knows changes nothing. No
restart is missed, because a connection does not survive one and ``PinnedConnection`` hides no
reconnection.
(Data that vanish under a living connection, as by FLUSHALL, are counted as lost.)

Back-pressure: ``is_paused`` from 2 learner batches in the queue until it is back at 1, and while
Redis is out of memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import redis
import redis.asyncio
from msgspec import Struct
from trainingrun_contracts import games
from trainingrun_contracts.segment import Segment
from trainingrun_contracts.stream.append import (
    FUSE_FACTOR,
    HIGH_WATER_BATCHES,
    LOW_WATER_BATCHES,
    append_commands,
)
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.packing import Command

from trainingrun_actor.pinned_connection import PinnedConnection
from trainingrun_actor.redis_retry import RedisRetry
from trainingrun_actor.shard_writers import encoded_segments, shard_writers
from trainingrun_actor.spool import KEPT_SECONDS

BATCH_BYTES: Final = 512 * 1024
_LINGER_SECONDS: Final = 0.02
_IDLE_SECONDS: Final = 1.0
_MEMORY_PAUSE_SECONDS: Final = 1.0
_USUAL_STEPS: Final = 8
"""Steps of a segment, in a run whose own segments are not shorter on the average."""

_log = logging.getLogger(__name__)


class GameEnd(Struct, frozen=True):
    """What became of a training game: it ended, or was given up and its number goes to the next
    game."""

    number: int
    is_over: bool
    counters: tuple[str, ...]


def _ignore(number: int) -> None:
    """Do nothing with the number."""


class Sink:
    """The only writer of one actor's segments and of what became of its games.

    ``on_closed`` is called with the number of each game when Redis knows of its end.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        keys: Keys,
        *,
        actor: str,
        batch_transitions: int,
        now: Callable[[], float],
        on_closed: Callable[[int], None] = _ignore,
    ) -> None:
        self.actor = actor
        self.depth = 0
        self.games_played = 0
        self._line = PinnedConnection(client)
        self._keys = keys
        self._high = HIGH_WATER_BATCHES * batch_transitions
        self._low = LOW_WATER_BATCHES * batch_transitions
        self._writers = shard_writers(keys, actor)
        self._now = now
        self._on_closed = on_closed
        self._ended: list[GameEnd] = []
        self._said: deque[tuple[float, GameEnd]] = deque()  # games that are over, and since when
        self._doubted: list[GameEnd] = []
        self._work = asyncio.Event()
        self._moved = asyncio.Event()
        self._is_full = False
        self._is_out_of_memory = False
        self._is_certain = False
        self._retry = RedisRetry(Random(actor))
        self._sent_at = -_LINGER_SECONDS

    @property
    def is_paused(self) -> bool:
        """Whether no new game should start, because the queue or Redis' memory is full."""
        return self._is_full or self._is_out_of_memory

    @property
    def is_empty(self) -> bool:
        """Whether everything that was offered has arrived."""
        is_sent = not self._ended and not self._doubted
        return is_sent and all(writer.spool.is_empty for writer in self._writers)

    @property
    def produced(self) -> int:
        """Transitions offered so far."""
        return sum(writer.spool.produced for writer in self._writers)

    @property
    def discarded(self) -> int:
        """Transitions thrown away for want of room."""
        return sum(writer.spool.discarded for writer in self._writers)

    @property
    def waiting_transitions(self) -> int:
        """Transitions that have not been sent."""
        return sum(writer.spool.waiting_transitions for writer in self._writers)

    @property
    def games_known(self) -> int:
        """Games played by all actors as Redis said last, and those of this one on their way."""
        return self.games_played + sum(end.is_over for end in self._ended)

    def offer(self, segment: Segment) -> None:
        """Take a finished segment; it is numbered now and sent soon."""
        min(self._writers, key=lambda writer: writer.load).add(segment)
        self._work.set()

    def end_game(self, end: GameEnd) -> None:
        """Send what became of a game, together with the next batch."""
        self._ended.append(end)
        self._work.set()

    def note_depth(self, depth: int) -> None:
        """Take in how many transitions the queue holds."""
        self.depth = depth
        self._is_full = depth >= self._high or (self._is_full and depth > self._low)

    async def run(self) -> None:
        """Send until cancelled; failures are waited out."""
        try:
            while True:
                if await self._has_work():
                    await self._linger()
                    await self._try_to_send()
        finally:
            await self._line.close()

    async def _has_work(self) -> bool:
        """Wait for something to send; after a second of nothing, whether something is kept that
        Redis may have forgotten."""
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._work.wait()
        except TimeoutError:
            self._is_certain = False
            return self._is_keeping
        return True

    async def _linger(self) -> None:
        """Send at most every few milliseconds, so that what many short games leave goes together;
        after a pause nothing waits."""
        left = self._sent_at + _LINGER_SECONDS - self._now()
        if left > 0:
            await asyncio.sleep(left)

    async def _try_to_send(self) -> None:
        self._work.clear()
        self._sent_at = self._now()
        try:
            await self._send_all()
            self._retry.succeeded(_log)
        except redis.ResponseError as error:
            await self._wait_out_refusal(error)
        except (redis.RedisError, OSError) as error:
            self._work.set()
            await self._retry.wait(error, _log)

    async def flush(self, seconds: float) -> bool:
        """Wait at most ``seconds`` until everything has arrived; return whether it has."""
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
        self._is_certain = False
        if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM" in str(error):
            if not self._is_out_of_memory:
                _log.warning("Redis is out of memory: no new games until there is room")
            self._is_out_of_memory = True
            await asyncio.sleep(_MEMORY_PAUSE_SECONDS)
        else:
            await self._retry.wait(error, _log)

    async def _send_all(self) -> None:
        await self._rewind()
        self._moved.set()  # what had arrived before a connection broke
        while not self.is_empty:
            await self._send_batch()
            self._moved.set()
        now = self._now()
        for writer in self._writers:
            writer.spool.forget_old(now=now)
        while self._said and now - self._said[0][0] >= KEPT_SECONDS:
            self._said.popleft()

    @property
    def _is_keeping(self) -> bool:
        return bool(self._said) or any(writer.spool.is_keeping for writer in self._writers)

    async def _rewind(self) -> None:
        """Be in step with Redis, unless that is certain."""
        if await self._line.connect():
            self._is_certain = False
            self._doubted += [end for _, end in self._said]
            self._said.clear()
        if not self._is_certain and self._is_keeping:
            replies = await self._line.transact(
                [(b"HGET", writer.keys.appended, writer.actor) for writer in self._writers]
            )
            for writer, reply in zip(self._writers, replies, strict=True):
                writer.spool.rewind(-1 if reply is None else int(reply), now=self._now())
        self._is_certain = True

    async def _send_batch(self) -> None:
        share = BATCH_BYTES // len(self._writers)
        batches = [writer.spool.next_batch(most_bytes=share) for writer in self._writers]
        # Behind all that was offered: a game that counts has its segments in Redis.
        is_last = all(
            writer.spool.waiting == len(batch)
            for writer, batch in zip(self._writers, batches, strict=True)
        )
        ended = tuple(self._ended) if is_last else ()
        doubted = tuple(self._doubted) if is_last else ()
        commands: list[Command] = []
        depth_at: list[int] = []
        fuse = self._fuse
        for writer, batch in zip(self._writers, batches, strict=True):
            if batch:
                commands += append_commands(writer.keys, encoded_segments(batch), fuse=fuse)
            else:
                commands.append((b"GET", writer.keys.depth))
            depth_at.append(len(commands) - 1)
        commands += [self._command(end) for end in (*doubted, *ended)]
        replies = await self._line.transact(commands)
        for writer, batch, at in zip(self._writers, batches, depth_at, strict=True):
            writer.spool.mark_sent(len(batch), now=self._now())
            writer.depth = int(replies[at] or 0)
        self._is_out_of_memory = False
        first = len(replies) - len(ended)
        self._note_doubted(doubted, replies[first - len(doubted) : first])
        self._note_ended(ended, replies[first:])
        self.note_depth(sum(writer.depth for writer in self._writers))

    @property
    def _fuse(self) -> int:
        """Entries beyond which Redis cuts a stream: never before the queue is full several times.

        Back-pressure counts transitions and the fuse entries, so short games need more of them: an
        entry of Kuhn poker has one step or two.
        """
        segments = sum(writer.spool.segments for writer in self._writers)
        steps = min(_USUAL_STEPS, max(1, self.produced // max(1, segments)))
        return max(64, FUSE_FACTOR * self._high // steps)

    def _command(self, end: GameEnd) -> Command:
        keys = (self._keys.games, self._keys.open_games)
        return (b"EVAL", games.END, 2, *keys, end.number, int(end.is_over), *end.counters)

    def _note_doubted(self, doubted: Sequence[GameEnd], replies: Sequence[Any]) -> None:
        for end, (counts, _) in zip(doubted, replies, strict=True):
            if counts:
                _log.info("Redis had forgotten that game %d is over", end.number)
        self._said += [(self._now(), end) for end in doubted]
        del self._doubted[: len(doubted)]

    def _note_ended(self, ended: Sequence[GameEnd], replies: Sequence[Any]) -> None:
        for end, (counts, played) in zip(ended, replies, strict=True):
            self.games_played = max(self.games_played, played)
            self._on_closed(end.number)
            if not counts:
                _log.info("game %d counts already: somebody else has played it", end.number)
        self._said += [(self._now(), end) for end in ended if end.is_over]
        del self._ended[: len(ended)]
