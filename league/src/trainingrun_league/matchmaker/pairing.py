"""Who of the queue plays whom: a rating window that widens with waiting, the longest wait first.

The one who has waited longest chooses: of those within its window, the nearest rating. A newcomer
thus is taken by somebody who waits, not the other way round, and the wait of everybody is bounded
by the time that a window takes to span all ratings, as soon as another one is there. Refused: both
windows must hold the gap (two who waited long, far apart, then wait for one another's windows), and
a matching of the least total gap (somebody at the edge of the ratings may never be chosen).

A plain class, not values: a copy of the queue for each of a thousand calls a second would be the
service's whole time. It reads no clock and draws nothing. No index over the ratings either: after a
pass no two of the queue fit, so it holds no more than one ticket to a hundred Elo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_WAITING: Final = 2_000
"""Tickets in the queue; one more is refused."""


@dataclass(frozen=True)
class Window:
    """Elo on both sides that is taken: ``start`` at first, ``growth`` more a second, then all.

    Attributes:
        start: at the begin of the wait.
        growth: a second.
        open_after: seconds after which every rating is taken.
    """

    start: float = 100.0
    growth: float = 10.0
    open_after: float = 60.0

    def width(self, waited: float) -> float:
        """Return the window after a wait in seconds; infinite once it is open."""
        if waited >= self.open_after:
            return float("inf")
        return self.start + self.growth * max(0.0, waited)


@dataclass(frozen=True)
class Ticket:
    """A place in the queue.

    Attributes:
        id: unguessable; the one who has it may ask for the match.
        player: of one ticket at a time.
        elo: the rating that it is paired by.
        joined_at: seconds since 1970.
    """

    id: str
    player: str
    elo: float
    joined_at: float


@dataclass(frozen=True)
class Pair:
    """Two tickets that play: ``first`` has waited longer."""

    first: Ticket
    second: Ticket


class QueueFull(Exception):
    """The bound is reached: ``MOST_WAITING``."""


class Queue:
    """Tickets that wait; invariant: one to a player, at most ``most``, in order of joining."""

    def __init__(self, window: Window, most: int = MOST_WAITING) -> None:
        self._window, self._most = window, most
        self._waiting: dict[str, Ticket] = {}
        self._of_player: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._waiting.values())

    def ticket_of(self, player: str) -> Ticket | None:
        """Return the ticket of a player that waits."""
        ticket_id = self._of_player.get(player)
        return self._waiting[ticket_id] if ticket_id is not None else None

    def get(self, ticket_id: str) -> Ticket | None:
        """Return a ticket that waits."""
        return self._waiting.get(ticket_id)

    def width(self, ticket: Ticket, now: float) -> float:
        """Return the window of a ticket."""
        return self._window.width(now - ticket.joined_at)

    def join(self, ticket: Ticket) -> None:
        """Add a ticket, the newest.

        Raises:
            QueueFull: the bound is reached.
            ValueError: the player or the ticket waits already.
        """
        if len(self._waiting) >= self._most:
            raise QueueFull
        if ticket.id in self._waiting or ticket.player in self._of_player:
            raise ValueError(f"{ticket.player} waits already")
        self._waiting[ticket.id] = ticket
        self._of_player[ticket.player] = ticket.id

    def leave(self, ticket_id: str) -> bool:
        """Take a ticket out; return whether it was there."""
        ticket = self._waiting.pop(ticket_id, None)
        if ticket is None:
            return False
        del self._of_player[ticket.player]
        return True

    def pair(self, now: float) -> list[Pair]:
        """Take out all pairs that may play now, those of the longest wait first."""
        found = []
        for ticket in list(self._waiting.values()):
            if ticket.id in self._waiting:
                other = self._nearest(ticket, now)
                if other is not None:
                    found.append(Pair(ticket, other))
                    self.leave(ticket.id)
                    self.leave(other.id)
        return found

    def _nearest(self, ticket: Ticket, now: float) -> Ticket | None:
        """Of equally near ones the first in the order of joining, which ``min`` keeps."""
        width = self.width(ticket, now)
        others = (other for other in self._waiting.values() if other.id != ticket.id)
        fits = (other for other in others if abs(other.elo - ticket.elo) <= width)
        return min(fits, key=lambda other: abs(other.elo - ticket.elo), default=None)
