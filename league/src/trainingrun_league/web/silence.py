"""Ends connections of the web server whose client never sends a request.

aiohttp bounds the time between requests, not the time to the first one: a client that connects and
says nothing, or a line a minute, would be held for ever, and with it a file of the process.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

CHECK_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 20.0
MOST_SILENT: Final = 500
"""Of those that have not sent a request; of more, the oldest are ended at once."""


class Connection(Protocol):
    """One, as aiohttp has it."""

    def force_close(self) -> None:
        """End it."""


class Silence:
    """Which connections have sent a request, and since when the others have not."""

    def __init__(self) -> None:
        self._heard: set[Connection] = set()
        self._since: dict[Connection, float] = {}

    def hear(self, connection: Connection) -> None:
        """Note that a request came on a connection."""
        self._heard.add(connection)

    def end_silent(self, connections: Collection[Connection], now: float) -> None:
        """End those of the open connections that were silent for too long, or are too many."""
        silent = [each for each in connections if each not in self._heard]
        self._heard.intersection_update(connections)
        self._since = {each: self._since.get(each, now) for each in silent}
        oldest = sorted(silent, key=lambda each: self._since[each])
        surplus = max(0, len(oldest) - MOST_SILENT)
        for place, each in enumerate(oldest):
            if place < surplus or now - self._since[each] >= SILENT_SECONDS:
                each.force_close()
