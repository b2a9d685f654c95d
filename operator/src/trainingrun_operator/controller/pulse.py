"""The pulse: asks every Redis, for all runs at rest that share it at once, whether anything moved.

A run at rest is looked at rarely; its objects wake it by their watch, and this wakes it when its
Redis says something new: one round trip per address every few seconds, whatever the number of runs.
What moved is not looked into here; that is for the look.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trainingrun_operator.backends.store import RunKey
from trainingrun_operator.controller.pace import pause_before_pulse
from trainingrun_operator.controller.signals import SignalReader

_TICKS: Final = 5
"""Parts of a period: addresses are asked in turn and not all at one moment."""
_AT_ONCE: Final = 32
"""Addresses: one that is silent takes its own time limit, and nobody else's turn."""


@dataclass(frozen=True)
class Resting:
    """A run at rest: where its Redis is, and the digest that its latest look took."""

    url: str
    run_id: str
    digest: str


class Pulse:
    """Wakes runs at rest whose digest is another one than it was at their latest look."""

    def __init__(self, reader: SignalReader) -> None:
        self._reader = reader
        self._resting: dict[RunKey, Resting] = {}

    def watch(self, key: RunKey, resting: Resting) -> None:
        """A run has come to rest, or rests on."""
        self._resting[key] = resting

    def drop(self, key: RunKey) -> None:
        """A run moves again, or is gone."""
        self._resting.pop(key, None)

    def __len__(self) -> int:
        return len(self._resting)

    async def run(self, wake: Callable[[RunKey], None]) -> None:
        """Ask until cancelled."""
        part = 0
        while True:
            addresses = len({each.url for each in self._resting.values()})
            await asyncio.sleep(pause_before_pulse(addresses) / _TICKS)
            part = (part + 1) % _TICKS
            await self.beat(wake, part=part, parts=_TICKS)

    async def beat(self, wake: Callable[[RunKey], None], *, part: int = 0, parts: int = 1) -> None:
        """Ask the addresses of one part, some of them at once."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def ask(url: str, runs: dict[RunKey, Resting]) -> None:
            async with room:
                await self._ask(url, runs, wake)

        addresses = self._by_address().items()
        await asyncio.gather(
            *(ask(url, runs) for url, runs in addresses if hash(url) % parts == part)
        )

    async def _ask(
        self, url: str, runs: dict[RunKey, Resting], wake: Callable[[RunKey], None]
    ) -> None:
        digests = await self._reader.digests(url, [each.run_id for each in runs.values()])
        for key, resting in runs.items():
            if digests is None or digests[resting.run_id] != resting.digest:
                self._resting.pop(key, None)
                wake(key)

    def _by_address(self) -> dict[str, dict[RunKey, Resting]]:
        found: defaultdict[str, dict[RunKey, Resting]] = defaultdict(dict)
        for key, resting in self._resting.items():
            found[resting.url][key] = resting
        return found
