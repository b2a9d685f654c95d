"""What all connections of one process share: decks, slots, patience, and who is there."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from trainingrun_contracts.protocol.access import Token

from trainingrun_daemon.decks import DeckShelf
from trainingrun_daemon.pace import Engine
from trainingrun_daemon.slots import SlotDesk

LAST_LINES_SECONDS: Final = 2.0
"""How long a stopping daemon waits for clients to take their last lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long clients and worker processes are waited for, in seconds."""

    idle: float = 600.0
    """For the first byte of a command."""
    command: float = 10.0
    """For the rest of a command line that has begun."""
    stall: float = 60.0
    """For a client that does not read what it is sent."""
    hang: float = 30.0
    """For a worker process that gives no sign of life."""


class Guest(Protocol):
    """An open connection."""

    def dismiss(self, reason: str, *, even_playing: bool) -> None:
        """Hang up because the daemon stops; a running game may be spared."""

    def cut_off(self) -> None:
        """Close without waiting for the client to read."""


@dataclass(slots=True, kw_only=True)
class House:
    """What the connections of a process share."""

    desk: SlotDesk
    decks: DeckShelf
    engine: Engine
    patience: Patience = Patience()
    longest_game: int = 3600
    """Seconds after which a game ends, whatever its client asked for."""
    token: Token | None = None
    """What a client must know who wants a game."""
    is_stopping: bool = False
    guests: set[Guest] = field(default_factory=set)
    """The open connections."""
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a game ended or a connection closed; who waits for that clears it."""

    def dismiss_guests(self, *, even_playing: bool) -> None:
        """Take no new games, refuse those that wait, and hang up on idle clients.

        With ``even_playing`` the running games end as well, after the queue is empty: a freed slot
        would begin the next game.
        """
        self.is_stopping = True
        for includes_playing in (False, even_playing):
            for guest in list(self.guests):
                guest.dismiss("the daemon is stopping", even_playing=includes_playing)

    async def wait_until(self, is_done: Callable[[], bool], *, seconds: float) -> None:
        """Wait for the house to reach a state, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_done():
                    self.stirred.clear()
                    await self.stirred.wait()

    async def close(self) -> None:
        """Send everybody away: with a last line who reads it, without who does not."""
        self.dismiss_guests(even_playing=True)
        await self.wait_until(lambda: not self.guests, seconds=LAST_LINES_SECONDS)
        for guest in list(self.guests):
            guest.cut_off()
