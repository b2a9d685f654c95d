"""Redis clients of the operator: one per address, shared by its runs, and not too many.

A client is never closed under somebody who uses it, and a failed request closes nothing: the
connection that broke is replaced at its next use. Who finds all connections of an address in use
waits for one, because twenty reconciles may be of runs that share it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import redis.asyncio
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.replies import Bound

from trainingrun_reconciler.controller.reach import ANYWHERE, Reach
from trainingrun_reconciler.controller.run_reads import REPLY_BYTES

BOUND: Final = Bound(size=REPLY_BYTES, elements=64 * 1024)
CONNECTIONS: Final = 4
"""Of one address."""
CLIENTS: Final = 256
"""That stay open while they are unused: with a managed Redis each run has an address."""


@dataclass
class _Shared:
    """One address: ``users`` have it or wait for it."""

    client: redis.asyncio.Redis
    users: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))


class Clients:
    """Clients by address (with its password), the least recently used first."""

    def __init__(self, *, kept: int = CLIENTS, reach: Reach = ANYWHERE) -> None:
        self._kept = kept
        self._check = reach.check if reach.refused else None
        self._shared: OrderedDict[str, _Shared] = OrderedDict()

    @asynccontextmanager
    async def use(self, url: str) -> AsyncIterator[redis.asyncio.Redis]:
        """A client of the address with a free connection.

        Raises:
            AddressError: the address is not valid.
        """
        shared = self._shared.get(url)
        if shared is None:
            shared = _Shared(
                asyncio_client(url, max_connections=CONNECTIONS, bound=BOUND, check=self._check)
            )
            self._shared[url] = shared
        self._shared.move_to_end(url)
        shared.users += 1
        try:
            async with shared.room:
                yield shared.client
        finally:
            shared.users -= 1
            await self._drop_oldest()

    async def close(self) -> None:
        """Close all connections."""
        while self._shared:
            await self._shared.popitem()[1].client.aclose()

    def __len__(self) -> int:
        return len(self._shared)

    async def _drop_oldest(self) -> None:
        """Close those beyond the limit that are unused."""
        excess = len(self._shared) - self._kept
        if excess <= 0:
            return
        unused = [url for url, shared in self._shared.items() if not shared.users]
        for url in unused[:excess]:
            await self._shared.pop(url).client.aclose()
