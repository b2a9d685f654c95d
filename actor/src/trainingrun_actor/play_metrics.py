"""Counts and waiting times of one process, for reports and metrics.

Waits are sums over all games at once; :meth:`PlayMetrics.fractions` divides them by the
number of games, so that 1.0 means that every game waited for this cause all the time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from trainingrun_contracts import metrics
from trainingrun_contracts.distribution import Distribution
from trainingrun_contracts.reports import ACTOR_WAITS

CAUSES: Final = ACTOR_WAITS
RATE_SECONDS: Final = 60.0
_GAMES_REMEMBERED: Final = 500


class _Waiting:
    """A stretch of waiting; a class, as a generator costs four times as much, twice a decision."""

    __slots__ = ("_began", "_cause", "_waited")

    def __init__(self, waited: dict[str, float], cause: str) -> None:
        self._waited = waited
        self._cause = cause

    def __enter__(self) -> None:
        self._began = monotonic()

    def __exit__(self, *_: object) -> None:
        self._waited[self._cause] += monotonic() - self._began


class PlayMetrics:
    """What one actor or evaluator has done since its start."""

    def __init__(self) -> None:
        self.games = 0
        self.running = 0
        self.decisions = 0
        self.paused_seconds = 0.0
        self.simulations = 0
        """Of searches, in the role that searches."""
        self.positions: Counter[str] = Counter()
        """That searches had valued, by what valued them."""
        self.outcomes: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        """By endpoint and kind; see :meth:`count_error`."""
        self.waited: dict[str, float] = dict.fromkeys(CAUSES, 0.0)
        self.latest_fractions: dict[str, float] = {}
        self.game_seconds = Distribution(metrics.GAME_SECONDS.buckets)
        self.sync_seconds = Distribution(metrics.SYNC_SECONDS.buckets)
        self.inference_batch = Distribution(metrics.INFERENCE_BATCH.buckets)
        self.inference_seconds = Distribution(metrics.INFERENCE_SECONDS.buckets)
        self._durations: deque[float] = deque(maxlen=_GAMES_REMEMBERED)
        self._last = dict(self.waited)
        self._endpoints: set[str] = set()
        self._samples: deque[tuple[float, int]] = deque()

    def waiting(self, cause: str) -> _Waiting:
        """Count the time of the block as waiting for ``cause``."""
        return _Waiting(self.waited, cause)

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
        self.game_seconds.observe(seconds)
        self._durations.append(seconds)

    def count_error(self, endpoint: str, kind: str, count: int = 1) -> None:
        """Count failures of a daemon. Daemons come and go: only the first ones are named."""
        if endpoint not in self._endpoints:
            if len(self._endpoints) >= metrics.ENDPOINTS_NAMED:
                endpoint = metrics.OTHER
            else:
                self._endpoints.add(endpoint)
        self.errors[endpoint, kind] += count

    def note_inference(self, decisions: int, seconds: float) -> None:
        """Take in one forward pass."""
        self.inference_batch.observe(decisions)
        self.inference_seconds.observe(seconds)

    @property
    def game_seconds_p95(self) -> float | None:
        """95th percentile of the latest games' durations; None before the first."""
        if not self._durations:
            return None
        return sorted(self._durations)[int(0.95 * (len(self._durations) - 1))]

    def games_per_second(self, *, now: float) -> float | None:
        """Games that ended per second over the last minute; None at the first question."""
        self._samples.append((now, self.games))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_SECONDS:
            self._samples.popleft()
        began, games = self._samples[0]
        return (self.games - games) / (now - began) if now > began else None

    def fractions(self, *, seconds: float, games: int) -> dict[str, float]:
        """Waiting by cause since the last call, as a fraction of the time of all games."""
        total = max(1e-9, seconds * games)
        self.latest_fractions = {
            cause: round(min(1.0, (self.waited[cause] - self._last[cause]) / total), 4)
            for cause in CAUSES
        }
        self._last = dict(self.waited)
        return self.latest_fractions
