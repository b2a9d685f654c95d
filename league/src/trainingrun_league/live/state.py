"""The seam to live state: what several processes share and what can be made again when it is lost.

Keyed values that expire, changed by comparison, and topics that wake those who wait: enough for
tickets, leases of games and sessions. Sorted sets, streams and scripts of Redis were refused: what
has to be kept or searched stands in the database. ``memory`` serves one process, ``redis`` several.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Subscription(Protocol):
    """Hears of a topic from the moment that it is open."""

    async def wait(self, seconds: float) -> bool:
        """Return true when the topic was woken since the last call, false after this time."""


class LiveState(Protocol):
    """Values by keys of the form ``service/what/id``.

    Every method raises ``Unavailable`` where the state cannot be reached.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None where there is none or it has expired."""

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Set the value for this time."""

    async def replace(
        self, key: str, value: bytes | None, *, expected: bytes | None, seconds: float
    ) -> bool:
        """Set the value (delete it: None) if the present one is as expected (None: there is none).

        Return whether it was done.
        """

    async def delete(self, key: str) -> None:
        """Delete the value, if there is one."""

    async def below(self, prefix: str) -> Mapping[str, bytes]:
        """Return what stands below a prefix, by key."""

    async def wake(self, topic: str) -> None:
        """Wake all who wait for a topic."""

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[Subscription]:
        """Hear of a topic: open it, read the state, then wait, and nothing is missed."""

    async def close(self) -> None:
        """Let go of connections."""
