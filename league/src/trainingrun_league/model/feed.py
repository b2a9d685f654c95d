"""Wakes watchers when there are changes they have not seen; what changed, they read themselves.

One reader for each process asks the database, so that a thousand watchers are not a thousand
queries a second. A change of this process wakes them at once, one of another process within one.
Refused: queues of changes, one for each watcher, which a slow watcher would fill.
"""

from __future__ import annotations

import asyncio
from typing import Final

from trainingrun_league.model.records import ModelRecords

_POLL_SECONDS: Final = 1.0


class ChangeFeed:
    """The newest change, and who waits for a newer one.

    Attributes:
        latest: its number; 0 before the first.
    """

    def __init__(self, records: ModelRecords) -> None:
        self._records = records
        self.latest = 0
        self._woken = asyncio.Event()
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """This process has changed something."""
        self._wanted.set()

    async def beyond(self, number: int) -> None:
        """Wait until there is a change above a number."""
        while self.latest <= number:
            await self._woken.wait()

    async def run(self) -> None:
        """Follow the database until cancelled.

        Raises:
            Unavailable: it cannot be read; call again.
        """
        while True:
            self._wanted.clear()
            latest = await self._records.latest_change()
            if latest != self.latest:
                self.latest, woken = latest, self._woken
                self._woken = asyncio.Event()
                woken.set()
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                continue
