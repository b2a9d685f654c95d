"""State shared by all connections of a process: games, slots, timeouts, open connections."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from trainingrun_protocol.access import Token

from trainingrun_daemon.game_factory import GameFactory
from trainingrun_daemon.paced_game import Engine
from trainingrun_daemon.slots import SlotAllocator

LAST_LINES_SECONDS: Final = 2.0
"""How long a stopping daemon waits for clients to take their last lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for clients and worker processes, in seconds."""

    idle: float = 600.0
    """For the first byte of a command."""
    command: float = 10.0
    """For the rest of a command line that has begun."""
    stall: float = 60.0
    """For a client that does not read what it is sent."""
    hang: float = 30.0
    """For a worker process that gives no sign of life."""


class OpenConnection(Protocol):
    """An open connection."""

    def dismiss(self, reason: str, *, even_playing: bool) -> None:
        """Hang up because the daemon stops; a running game may be spared."""

    def cut_off(self) -> None:
        """Close without waiting for the client to read."""


@dataclass(slots=True, kw_only=True)
class ServerContext:
    """State shared by the connections of a process."""

    allocator: SlotAllocator
    games: GameFactory
    engine: Engine
    patience: Timeouts = Timeouts()
    longest_game: int = 3600
    """Seconds after which a game ends, whatever its client asked for."""
    token: Token | None = None
    """What a client must know who wants a game."""
    is_stopping: bool = False
    connections: set[OpenConnection] = field(default_factory=set)
    """The open connections."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a game ended or a connection closed; the waiter clears it."""

    def dismiss_all(self, *, even_playing: bool) -> None:
        """Take no new games, refuse those that wait, and hang up on idle clients.

        With ``even_playing`` the running games end as well, after the queue is empty: a freed slot
        would begin the next game.
        """
        self.is_stopping = True
        for includes_playing in (False, even_playing):
            for connection in list(self.connections):
                connection.dismiss("the daemon is stopping", even_playing=includes_playing)

    async def wait_until(self, is_done: Callable[[], bool], *, seconds: float) -> None:
        """Wait at most ``seconds`` until ``is_done``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_done():
                    self.changed.clear()
                    await self.changed.wait()

    async def close(self) -> None:
        """Close all connections; clients that read get a last line."""
        self.dismiss_all(even_playing=True)
        await self.wait_until(lambda: not self.connections, seconds=LAST_LINES_SECONDS)
        for connection in list(self.connections):
            connection.cut_off()
