"""Slots on daemons and numbers of training games, leased in Redis and renewed every five seconds:
a slot while a game runs, a number until Redis knows what became of the game.

A slot that cannot be given back, because Redis is away just then, is given back as soon as Redis
answers: its expiry alone would keep it from everybody for many seconds, and an outage that is
shorter than a game leaves many such slots at once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable
from random import Random
from typing import Any, Final

import redis
import redis.asyncio
from msgspec import Struct
from trainingrun_contracts import games, slots
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.redis_retry import RedisRetry

RENEW_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Lease(Struct, frozen=True):
    """A slot on a daemon."""

    endpoint: str
    name: str


class GameStart(Struct, frozen=True):
    """A training game that may begin: where, with which number, in which phase (0: in none).
    Without a ``lease`` it is played in this process."""

    lease: Lease | None
    number: int
    phase: int


class Leases:
    """The slots and game numbers that one process holds."""

    def __init__(self, client: redis.asyncio.Redis, keys: Keys, *, member: str) -> None:
        self._redis = client
        self._keys = keys
        self.member = member
        self._names = itertools.count()
        self._open: set[int] = set()
        """Numbers of games of which Redis does not know yet what became of them."""
        self._held: set[Lease] = set()
        self._owed: set[Lease] = set()
        self._unsure: set[str] = set()
        self._giving_back: asyncio.Task[None] | None = None
        self._lease: Any = client.register_script(slots.LEASE)
        self._start: Any = client.register_script(games.START)
        self._renew_numbers: Any = client.register_script(games.RENEW)
        self._renew: Any = client.register_script(slots.RENEW)
        self._retry = RedisRetry(Random(member))

    async def acquire(self, avoid: Iterable[str]) -> Lease | None:
        """Return a slot on the least busy daemon, but none of ``avoid``; None when no slot is free.

        Raises:
            redis.RedisError, OSError: Redis is away.
        """
        await self._give_back()
        name = self._next_name()
        try:
            endpoint = await self._lease(
                args=[self._keys.daemons, self._keys.leases, name, slots.LEASE_SECONDS, *avoid],
            )
        except (redis.RedisError, OSError, asyncio.CancelledError):
            self._unsure.add(name)
            raise
        return None if endpoint is None else self._hold(endpoint, name)

    async def start_games(
        self, avoid: Iterable[str], *, target: int, count: int, with_slots: bool = True
    ) -> list[GameStart]:
        """Return slots and numbers of the training games to play on them, at most ``count``: fewer
        when no slot is free or no game is left to start.

        Args:
            avoid: endpoints that are no choice.
            target: games of the run, where Redis has no number of them.
            count: how many are wanted.
            with_slots: whether they are played on daemons.

        Raises:
            redis.RedisError, OSError: Redis is away.
        """
        await self._give_back()
        keys = self._keys
        names = [self._next_name() if with_slots else "" for _ in range(count)]
        try:
            found = await self._start(
                keys=games.start_keys(keys),
                args=games.start_arguments(keys, names, target=target, avoid=avoid),
            )
        except (redis.RedisError, OSError, asyncio.CancelledError):
            self._unsure.update(filter(None, names))
            raise
        starts = []
        for name, (endpoint, number, phase) in zip(names, found, strict=False):
            self._open.add(int(number))
            lease = self._hold(endpoint, name) if with_slots else None
            starts.append(GameStart(lease, int(number), int(phase)))
        return starts

    def close_game(self, number: int) -> None:
        """Stop renewing a game's number: Redis knows what became of the game."""
        self._open.discard(number)

    def _next_name(self) -> str:
        return f"{self.member}:{next(self._names)}"

    def _hold(self, endpoint: bytes, name: str) -> Lease:
        lease = Lease(endpoint.decode(), name)
        self._held.add(lease)
        return lease

    async def release(self, lease: Lease) -> None:
        """Give a slot back; when Redis is away, as soon as it answers."""
        self._held.discard(lease)
        self._owed.add(lease)
        try:
            await self._give_back()
        except (redis.RedisError, OSError):
            _log.debug("the slot on %s is given back later", lease.endpoint)

    async def _give_back(self) -> None:
        """Give back what is owed: slots of games that are over, and those that may have been given
        although the answer never came."""
        for _ in range(2):  # one that is under way may have begun before this was owed
            if not self._owed and not self._unsure:
                return
            if self._giving_back is None or self._giving_back.done():
                self._giving_back = asyncio.create_task(self._give_back_owed())
                self._giving_back.add_done_callback(_forget_error)
            await asyncio.shield(self._giving_back)

    async def _give_back_owed(self) -> None:
        """Give back all that is owed now, together: games of the same moment share one trip."""
        owed, unsure = tuple(self._owed), tuple(self._unsure)
        endpoints: Any = await self._redis.hkeys(self._keys.daemons) if unsure else []
        async with self._redis.pipeline(transaction=False) as pipe:
            for lease in owed:
                pipe.zrem(self._keys.leases + lease.endpoint, lease.name)
            for endpoint in endpoints:
                pipe.zrem(self._keys.leases + endpoint.decode(), *unsure)
            await pipe.execute()
        self._owed.difference_update(owed)
        self._unsure.difference_update(unsure)

    async def run(self) -> None:
        """Renew for ever what is held."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._give_back()
                await self._renew_held()
                self._retry.succeeded(_log)
            except (redis.RedisError, OSError) as error:
                await self._retry.wait(error, _log)

    async def _renew_held(self) -> None:
        if self._held:
            pairs = [part for lease in self._held for part in (lease.endpoint, lease.name)]
            await self._renew(keys=[], args=[self._keys.leases, slots.LEASE_SECONDS, *pairs])
        if self._open:
            await self._renew_numbers(
                keys=[self._keys.open_games], args=[slots.LEASE_SECONDS, *self._open]
            )


def _forget_error(task: asyncio.Task[None]) -> None:
    """All who waited for the task may have been cancelled; what it raised is theirs alone."""
    if not task.cancelled():
        task.exception()
