"""Counts and waiting times of one process, for reports and metrics.

Waits are sums over all games at once; :meth:`Meter.fractions` divides them by the number of games,
so that 1.0 means that every game waited for this cause all the time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

CAUSES: Final = ("engine", "inference", "queue", "slots")
_GAMES_REMEMBERED: Final = 500


class Meter:
    """What one actor or evaluator has done since its start."""

    def __init__(self) -> None:
        self.games = 0
        self.running = 0
        self.decisions = 0
        self.paused_seconds = 0.0
        self.outcomes: Counter[str] = Counter()
        self.waited: dict[str, float] = dict.fromkeys(CAUSES, 0.0)
        self._durations: deque[float] = deque(maxlen=_GAMES_REMEMBERED)
        self._last = dict(self.waited)

    @contextmanager
    def waiting(self, cause: str) -> Iterator[None]:
        """Count the time of the block as waiting for ``cause``."""
        began = monotonic()
        try:
            yield
        finally:
            self.waited[cause] += monotonic() - began

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Count a game as running during the block."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def count_game(self, outcome: str, seconds: float) -> None:
        """Count a game that ended."""
        self.games += 1
        self.outcomes[outcome] += 1
        self._durations.append(seconds)

    @property
    def game_seconds_p95(self) -> float | None:
        """95th percentile of the latest games' durations; None before the first."""
        if not self._durations:
            return None
        return sorted(self._durations)[int(0.95 * (len(self._durations) - 1))]

    def fractions(self, *, seconds: float, games: int) -> dict[str, float]:
        """Waiting by cause since the last call, as a fraction of the time of all games."""
        total = max(1e-9, seconds * games)
        found = {
            cause: round(min(1.0, (self.waited[cause] - self._last[cause]) / total), 4)
            for cause in CAUSES
        }
        self._last = dict(self.waited)
        return found
