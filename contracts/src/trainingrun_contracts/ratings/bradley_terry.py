"""Elo ratings fitted to all raw results at once (Bradley and Terry 1952, on the scale of Elo).

P(a beats b) = 1 / (1 + 10^((b - a) / 400)); a draw counts half a win for each. Drawn games on top
give a player who won every game a finite rating: ``fit`` adds one to every pairing that was played,
as an evaluator has few pairings of many games. ``fit_pairings`` takes them from its caller: a pool
of a thousand has many pairings of few games, whose ratings one for each would pull together, and
``spread_draws`` adds one for each two players.

A fit and not the running update of chess clubs (K = 32), which forgets results, depends on their
order, and has no error: on a policy's own history it was off ten times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan, log
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

PRIOR_DRAWS: Final = 1.0
_SCALE: Final = log(10.0) / 400.0
_MOST_STEPS: Final = 200
_LARGE: Final = 200
_MOST_PRODUCTS: Final = 150
_PRECISION: Final = 1e-9
_SMALL: Final = 1e-7
_LONGEST_STEP: Final = 200.0 * _SCALE

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


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


class Pairings(Struct, frozen=True):
    """Results as arrays over pairings of players, who are numbered from 0; no pairing twice.

    ``score`` is the first one's wins plus half the draws.
    """

    first: Indices
    second: Indices
    games: Floats
    score: Floats


class Fitted(Struct, frozen=True):
    """Elo above the anchor and standard errors, by number; NaN where no game links to it."""

    elo: Floats
    error: Floats


def fit(tallies: Iterable[Tally], *, anchor: str) -> dict[str, Rating]:
    """Ratings of all players that are linked to the anchor by games, the anchor's being 0.

    The errors take games as independent; games in swapped pairs vary less, so the true errors are
    a little smaller. Players without a link cannot be compared and are left out.
    """
    known = [t for t in tallies if t.first != t.second and t.games > 0]
    others = sorted({name for tally in known for name in (tally.first, tally.second)} - {anchor})
    names = [anchor, *others]
    if not known:
        return {anchor: Rating(0.0, 0.0)}
    pairings = _summed(known, names)
    draws = np.full(len(pairings.games), PRIOR_DRAWS)
    found = fit_pairings(pairings, draws, players=len(names), anchor=0)
    return {
        name: Rating(elo, error)
        for name, elo, error in zip(names, found.elo.tolist(), found.error.tolist(), strict=True)
        if not isnan(elo)  # no game links it to the anchor
    }


def fit_pairings(
    pairings: Pairings, draws: Floats, *, players: int, anchor: int, start: Floats | None = None
) -> Fitted:
    """Fit players ``0 .. players - 1``, the anchor's rating being 0.

    Time grows with the third power of the number of players, and hardly with that of the games.

    Args:
        pairings: of players who are not the same.
        draws: drawn games that each pairing gets on top.
        players: how many there are.
        anchor: whose rating is 0.
        start: Elo to begin from, as of an earlier fit; NaN begins from 0.
    """
    elo, error = np.full(players, np.nan), np.full(players, np.nan)
    elo[anchor] = error[anchor] = 0.0
    linked = _linked(pairings, players=players, anchor=anchor)
    kept = linked[pairings.first]
    others = np.flatnonzero(linked)
    others = others[others != anchor]
    if not others.size:
        return Fitted(elo, error)
    number = np.full(players, len(others), np.int64)
    number[others] = np.arange(len(others))
    data = _Data(
        number[pairings.first[kept]],
        number[pairings.second[kept]],
        pairings.games[kept] + draws[kept],
        pairings.score[kept] + draws[kept] / 2.0,
    )
    begun = data.guess() if start is None else np.nan_to_num(start[others]) * _SCALE
    ratings = _maximum(data, begun)
    covariance = np.linalg.inv(data.information(ratings))
    elo[others] = ratings / _SCALE
    error[others] = np.sqrt(np.diag(covariance)) / _SCALE
    return Fitted(elo, error)


def spread_draws(pairings: Pairings, *, players: int) -> Floats:
    """Return half a drawn game for each player, spread over their pairings by games.

    A player whose one pairing is with somebody of the same brings one drawn game to it, as ``fit``
    does.
    """
    played = _totals(pairings.first, pairings.games, players)
    played += _totals(pairings.second, pairings.games, players)
    parts: Floats = pairings.games / played[pairings.first]
    parts += pairings.games / played[pairings.second]
    return PRIOR_DRAWS / 2.0 * parts


def _summed(tallies: Sequence[Tally], names: Sequence[str]) -> Pairings:
    """Sum up the tallies of each pairing."""
    index = {name: number for number, name in enumerate(names)}
    sums: dict[tuple[int, int], tuple[float, float]] = {}
    for tally in tallies:
        first, second, score = index[tally.first], index[tally.second], tally.score
        if first > second:
            first, second, score = second, first, tally.games - score
        games, before = sums.get((first, second), (0.0, 0.0))
        sums[first, second] = (games + tally.games, before + score)
    pairs = np.array(list(sums), np.int64)
    counts = np.array(list(sums.values()), np.float64)
    return Pairings(pairs[:, 0], pairs[:, 1], counts[:, 0], counts[:, 1])


class _Data:
    """Results over pairings with the draws on top; the last player is the anchor, fixed at 0."""

    def __init__(self, first: Indices, second: Indices, games: Floats, score: Floats) -> None:
        self._first, self._second = first, second
        self._games, self._score = games, score
        self._all = int(max(first.max(), second.max())) + 1
        self._cell = first * self._all + second

    def guess(self) -> Floats:
        """Return ratings to begin with: as if each had met opponents of one strength alone."""
        won = _totals(self._first, self._score, self._all)
        won += _totals(self._second, self._games - self._score, self._all)
        played = _totals(self._first, self._games, self._all)
        played += _totals(self._second, self._games, self._all)
        chance = won / played
        strength = np.log(chance / (1.0 - chance))
        guess: Floats = strength[:-1] - strength[-1]
        return guess

    def likelihood(self, ratings: Floats) -> float:
        """Log-likelihood."""
        gap = self._gap(ratings)
        return float((self._score * gap - self._games * np.logaddexp(0.0, gap)).sum())

    def gradient(self, ratings: Floats) -> Floats:
        """Of the log-likelihood, by rating."""
        surplus = self._score - self._games * _expected(self._gap(ratings))
        won = _totals(self._first, surplus, self._all)
        lost = _totals(self._second, surplus, self._all)
        total: Floats = won - lost
        return total[:-1]

    def information(self, ratings: Floats) -> Floats:
        """Fisher information: minus the second derivatives."""
        expected = _expected(self._gap(ratings))
        weight = self._games * expected * (1.0 - expected)
        shape = (self._all, self._all)
        above: Floats = _totals(self._cell, weight, self._all * self._all).reshape(shape)
        matrix: Floats = np.zeros(shape) - above - above.T
        matrix[np.diag_indices(self._all)] = -matrix.sum(axis=1)
        return matrix[:-1, :-1]

    def _gap(self, ratings: Floats) -> Floats:
        every = np.append(ratings, 0.0)
        gap: Floats = every[self._first] - every[self._second]
        return gap


def _totals(place: Indices, weight: Floats, length: int) -> Floats:
    """Return the sum of the weights at each place."""
    return np.bincount(place, weight, length).astype(np.float64, copy=False)


def _expected(gap: Floats) -> Floats:
    expected: Floats = 1.0 / (1.0 + np.exp(-gap))
    return expected


def _maximum(data: _Data, ratings: Floats) -> Floats:
    """Newton's steps, shortened where they are long or lead downhill; the likelihood is concave."""
    likelihood = data.likelihood(ratings)
    for _ in range(_MOST_STEPS):
        step = _solution(data.information(ratings), data.gradient(ratings))
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


def _solution(matrix: Floats, right: Floats) -> Floats:
    """Solve for a Laplacian of games: by conjugate gradients (Hestenes and Stiefel 1952) where it
    is large, as a pool in which many meet needs some twenty products and not a factorisation."""
    found = None if len(right) < _LARGE else _by_gradients(matrix, right)
    return np.asarray(np.linalg.solve(matrix, right), np.float64) if found is None else found


def _by_gradients(matrix: Floats, right: Floats) -> Floats | None:
    """Return the solution, or None where these steps do not find it: long chains of players."""
    scale = 1.0 / np.diag(matrix)
    solution, rest = np.zeros_like(right), right.copy()
    direction = scaled = scale * rest
    length = float(rest @ scaled)
    enough = length * _PRECISION**2
    for _ in range(_MOST_PRODUCTS):
        if length <= enough:
            return solution
        product = np.einsum("ij,j->i", matrix, direction)  # without the threads of a BLAS
        part = length / float(direction @ product)
        solution += part * direction
        rest -= part * product
        scaled = scale * rest
        before, length = length, float(rest @ scaled)
        direction = scaled + (length / before) * direction
    return None


def _linked(pairings: Pairings, *, players: int, anchor: int) -> Bools:
    """Return which players a chain of games links to the anchor."""
    reached = np.zeros(players, np.bool_)
    reached[anchor] = True
    while True:
        edge = reached[pairings.first] != reached[pairings.second]
        if not edge.any():
            return reached
        reached[pairings.first[edge]] = True
        reached[pairings.second[edge]] = True
