"""Slots on daemons, leased in Redis while a game runs and renewed every five seconds.

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
from trainingrun_contracts import slots
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.outage import Outage

RENEW_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Lease(Struct, frozen=True):
    """A slot on a daemon."""

    endpoint: str
    name: str


class Leases:
    """The slots that one process holds."""

    def __init__(self, client: redis.asyncio.Redis, keys: Keys, *, member: str) -> None:
        self._redis = client
        self._keys = keys
        self._member = member
        self._numbers = itertools.count()
        self._held: set[Lease] = set()
        self._owed: set[Lease] = set()
        self._unsure: set[str] = set()
        self._lease: Any = client.register_script(slots.LEASE)
        self._renew: Any = client.register_script(slots.RENEW)
        self._outage = Outage(Random(member))

    async def acquire(self, avoid: Iterable[str]) -> Lease | None:
        """A slot on the least busy daemon, but none of ``avoid``; None when no slot is free.

        Raises:
            redis.RedisError, OSError: Redis is away.
        """
        await self._give_back()
        name = f"{self._member}:{next(self._numbers)}"
        try:
            endpoint = await self._lease(
                keys=[self._keys.daemons],
                args=[self._keys.leases, name, slots.LEASE_SECONDS, *avoid],
            )
        except (redis.RedisError, OSError, asyncio.CancelledError):
            self._unsure.add(name)
            raise
        if endpoint is None:
            return None
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
        owed, unsure = tuple(self._owed), tuple(self._unsure)
        if not owed and not unsure:
            return
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
                self._outage.is_over(_log)
            except (redis.RedisError, OSError) as error:
                await self._outage.wait(error, _log)

    async def _renew_held(self) -> None:
        if self._held:
            pairs = [part for lease in self._held for part in (lease.endpoint, lease.name)]
            await self._renew(keys=[], args=[self._keys.leases, slots.LEASE_SECONDS, *pairs])
