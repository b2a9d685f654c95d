"""Elo ratings fitted to all raw results at once (Bradley and Terry 1952, on the scale of Elo).

P(a beats b) = 1 / (1 + 10^((b - a) / 400)); a draw counts half a win for each. Every pairing that
was played gets one drawn game on top, so that a player who won every game has a finite rating.

A fit and not the running update of chess clubs (K = 32), which forgets results, depends on their
order, and has no error: on a policy's own history it was off ten times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

PRIOR_DRAWS: Final = 1.0
_SCALE: Final = log(10.0) / 400.0
_MOST_STEPS: Final = 200
_SMALL: Final = 1e-7
_LONGEST_STEP: Final = 200.0 * _SCALE

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]


class Tally(Struct, frozen=True):
    """Games between two players: ``score`` is the first one's wins plus half the draws."""

    first: str
    second: str
    games: int
    score: float


class Rating(Struct, frozen=True):
    """Elo above the anchor, with its standard error."""

    elo: float
    error: float


def fit(tallies: Iterable[Tally], *, anchor: str) -> dict[str, Rating]:
    """Ratings of all players that are linked to the anchor by games, the anchor's being 0.

    The errors take games as independent; games in swapped pairs vary less, so the true errors are
    a little smaller. Players without a link cannot be compared and are left out.
    """
    known = _linked([t for t in tallies if t.first != t.second and t.games > 0], anchor)
    others = sorted({name for tally in known for name in (tally.first, tally.second)} - {anchor})
    found = {anchor: Rating(0.0, 0.0)}
    if not others:
        return found
    data = _Data.of(known, [*others, anchor])
    ratings = _maximum(data)
    covariance = np.linalg.inv(data.information(ratings))
    errors = np.sqrt(np.diag(covariance)) / _SCALE
    for name, elo, error in zip(others, (ratings / _SCALE).tolist(), errors.tolist(), strict=True):
        found[name] = Rating(elo, error)
    return found


class _Data:
    """Results as arrays over pairings; the last player is the anchor, fixed at 0."""

    def __init__(self, first: Indices, second: Indices, games: Floats, score: Floats) -> None:
        self._first, self._second = first, second
        self._games, self._score = games, score
        self.free = int(max(first.max(), second.max()))

    @classmethod
    def of(cls, tallies: Sequence[Tally], names: Sequence[str]) -> _Data:
        """Sum up the tallies of each pairing and add the prior."""
        index = {name: number for number, name in enumerate(names)}
        sums: dict[tuple[int, int], tuple[float, float]] = {}
        for tally in tallies:
            first, second, score = index[tally.first], index[tally.second], tally.score
            if first > second:
                first, second, score = second, first, tally.games - score
            games, before = sums.get((first, second), (PRIOR_DRAWS, PRIOR_DRAWS / 2))
            sums[first, second] = (games + tally.games, before + score)
        pairs = np.array(list(sums), np.int64)
        counts = np.array(list(sums.values()), np.float64)
        return cls(pairs[:, 0], pairs[:, 1], counts[:, 0], counts[:, 1])

    def likelihood(self, ratings: Floats) -> float:
        """Log-likelihood."""
        gap = self._gap(ratings)
        return float((self._score * gap - self._games * np.logaddexp(0.0, gap)).sum())

    def gradient(self, ratings: Floats) -> Floats:
        """Of the log-likelihood, by rating."""
        surplus = self._score - self._games * _expected(self._gap(ratings))
        total = np.zeros(self.free + 1)
        np.add.at(total, self._first, surplus)
        np.add.at(total, self._second, -surplus)
        return total[:-1]

    def information(self, ratings: Floats) -> Floats:
        """Fisher information: minus the second derivatives."""
        expected = _expected(self._gap(ratings))
        weight = self._games * expected * (1.0 - expected)
        matrix = np.zeros((self.free + 1, self.free + 1))
        np.add.at(matrix, (self._first, self._first), weight)
        np.add.at(matrix, (self._second, self._second), weight)
        np.add.at(matrix, (self._first, self._second), -weight)
        np.add.at(matrix, (self._second, self._first), -weight)
        return matrix[:-1, :-1]

    def _gap(self, ratings: Floats) -> Floats:
        every = np.append(ratings, 0.0)
        gap: Floats = every[self._first] - every[self._second]
        return gap


def _expected(gap: Floats) -> Floats:
    expected: Floats = 1.0 / (1.0 + np.exp(-gap))
    return expected


def _maximum(data: _Data) -> Floats:
    """Newton's steps, shortened where they are long or lead downhill; the likelihood is concave."""
    ratings = np.zeros(data.free)
    likelihood = data.likelihood(ratings)
    for _ in range(_MOST_STEPS):
        step = np.linalg.solve(data.information(ratings), data.gradient(ratings))
        length = float(np.abs(step).max())
        if length < _SMALL:
            break
        step *= min(1.0, _LONGEST_STEP / length)
        while (higher := data.likelihood(ratings + step)) < likelihood:
            step /= 2.0
            if float(np.abs(step).max()) < _SMALL:
                return ratings
        ratings, likelihood = ratings + step, higher
    return ratings


def _linked(tallies: Sequence[Tally], anchor: str) -> list[Tally]:
    """Return the tallies of players that a chain of games links to the anchor."""
    near: dict[str, set[str]] = {}
    for tally in tallies:
        near.setdefault(tally.first, set()).add(tally.second)
        near.setdefault(tally.second, set()).add(tally.first)
    reached, waiting = {anchor}, [anchor]
    while waiting:
        fresh = near.get(waiting.pop(), set()) - reached
        reached |= fresh
        waiting += fresh
    return [tally for tally in tallies if tally.first in reached]
