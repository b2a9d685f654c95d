"""Keeps the ranking of this process: reads what changed, fits in a thread, replaces it whole.

A fit begins soon after results came, and each minute, as another process may have taken results.
Between two fits is at least ``_REST`` times the duration of the last, so that a large league does
not fit without end. A cache in Redis was refused: the ranking follows from the database within
seconds, and every process has it in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import gauge, observed

from trainingrun_league.elo.ranking import Ranking, Registered, Sums, rank
from trainingrun_league.elo.requests import kind_of
from trainingrun_league.elo.tables import PairingRow, PlayerRow
from trainingrun_league.errors import Unavailable
from trainingrun_league.store.engine import reading

LEAST_PAUSE_SECONDS: Final = 0.2
_REST: Final = 3.0
_MARGIN_SECONDS: Final = 300.0
"""Rows that changed before the last reading are read again: clocks differ, and a transaction
commits later than the time that it writes. A row holds sums, so that reading it twice is right."""

_log: Final = logging.getLogger(__name__)


class FitMetrics:
    """What operators see of fits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = observed(metrics.LEAGUE_FIT_SECONDS, registry)
        self.players = gauge(metrics.LEAGUE_PLAYERS, registry)
        self.games = gauge(metrics.LEAGUE_RATED_GAMES, registry)


class Fitting:
    """The ranking, and what keeps it up to date."""

    def __init__(
        self,
        engine: AsyncEngine,
        metrics: FitMetrics,
        clock: Callable[[], float],
        *,
        every_seconds: float,
    ) -> None:
        self.ranking = Ranking()
        self._engine = engine
        self._metrics = metrics
        self._clock = clock
        self._every_seconds = every_seconds
        self._changed = asyncio.Event()
        self._memory = _Memory()

    def results_came(self) -> None:
        """Have ratings fitted soon."""
        self._changed.set()

    async def run(self) -> None:
        """Fit when results came and each minute, until cancelled."""
        while True:
            began = monotonic()
            try:
                await self.fit()
            except Unavailable as error:
                _log.warning("ratings stay as they are: %s", error)
            took = monotonic() - began
            await asyncio.sleep(max(LEAST_PAUSE_SECONDS, _REST * took))
            try:
                async with asyncio.timeout(self._every_seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def fit(self) -> None:
        """Read what changed and replace the ranking.

        Raises:
            Unavailable: the database cannot be reached.
        """
        self._changed.clear()
        with self._metrics.seconds.time():
            now = self._clock()
            await self._memory.read(self._engine, since=self.ranking.fitted_at - _MARGIN_SECONDS)
            self.ranking = await asyncio.to_thread(self._memory.rank, now, self.ranking)
        self._metrics.players.set(len(self.ranking.order))
        self._metrics.games.set(int(self.ranking.sums.games.sum()))


class _Memory:
    """What was read so far."""

    def __init__(self) -> None:
        self._players: dict[str, Registered] = {}
        self._pairings: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._sums: Sums | None = None

    async def read(self, engine: AsyncEngine, *, since: float) -> None:
        """Take over what changed since then."""
        pairings = select(
            PairingRow.first,
            PairingRow.second,
            PairingRow.wins,
            PairingRow.draws,
            PairingRow.losses,
        ).where(PairingRow.changed_at >= since)
        players = select(PlayerRow.id, PlayerRow.name, PlayerRow.registered_at).where(
            PlayerRow.registered_at >= since
        )
        async with reading(engine) as connection:
            changed = (await connection.execute(pairings)).all()
            fresh = (await connection.execute(players)).all()
        for each in fresh:
            kind = kind_of(each.id)
            self._players[each.id] = Registered(each.id, kind, each.name, each.registered_at)
        if changed:
            self._sums = None
        for row in changed:
            self._pairings[row.first, row.second] = (row.wins, row.draws, row.losses)

    def rank(self, now: float, before: Ranking) -> Ranking:
        """Fit what is known."""
        if self._sums is None:
            self._sums = self._summed()
        return rank(self._sums, dict(self._players), now=now, before=before)

    def _summed(self) -> Sums:
        pairs = list(self._pairings)
        names = tuple(sorted({name for pair in pairs for name in pair}))
        for name in names:  # whose registration committed after their results were read
            self._players.setdefault(name, Registered(name, kind_of(name), name, float("inf")))
        number = {name: index for index, name in enumerate(names)}
        first = np.fromiter((number[a] for a, _ in pairs), np.int64, len(pairs))
        second = np.fromiter((number[b] for _, b in pairs), np.int64, len(pairs))
        scores = np.array(list(self._pairings.values()), np.int64).reshape(-1, 3)
        return Sums(names, first, second, scores)
