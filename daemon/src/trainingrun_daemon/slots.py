"""The daemon's slots: which games run, which wait, and what STATUS says of them.

Border: no sockets. A Seeker is whoever waits for a slot (a connection); it is told when it may
begin. The invariant, after every call: never more than ``max_concurrent`` run, and nobody waits
while a slot is free.
"""

from collections import deque
from typing import Protocol

from trainingrun_contracts.protocol.lines import StatusReply


class Seeker(Protocol):
    """Somebody who wants to play a game."""

    def begin_game(self) -> None:
        """Called once, when a slot is free; the slot is the seeker's until it is released."""


class Slots:
    """Running and waiting games, in order of arrival."""

    def __init__(self, *, max_concurrent: int) -> None:
        self.max_concurrent = max_concurrent
        self._running: set[Seeker] = set()
        self._waiting: deque[Seeker] = deque()
        self._total = 0

    @property
    def active(self) -> int:
        """Number of games that run."""
        return len(self._running)

    @property
    def queued(self) -> int:
        """Number of games that wait for a slot."""
        return len(self._waiting)

    def request(self, seeker: Seeker) -> None:
        """Begin the game at once or queue it."""
        self._waiting.append(seeker)
        self._fill()

    def release(self, seeker: Seeker) -> None:
        """Take back the slot, or the place in the queue; without either nothing happens."""
        if seeker in self._running:
            self._running.remove(seeker)
        elif seeker in self._waiting:
            self._waiting.remove(seeker)
        self._fill()

    def status(self, *, uptime_seconds: int) -> StatusReply:
        """Give the counters. ``total`` counts the games that have begun."""
        return StatusReply(
            active=self.active,
            queued=self.queued,
            total=self._total,
            uptime_seconds=uptime_seconds,
            max_concurrent=self.max_concurrent,
        )

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.max_concurrent:
            seeker = self._waiting.popleft()
            self._running.add(seeker)
            self._total += 1
            seeker.begin_game()
