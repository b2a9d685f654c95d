"""Who beats whom, the mixture that no one beats, and how far from a ladder it is (pure).

The payoff of a pairing is its mean result from -1 to 1, with one game of the result that the
ratings expect on top: a pairing without games counts as expected, and one game proves little.

- ``nash``: an optimal mixture of the symmetric zero-sum game with these payoffs (von Neumann 1928),
  by linear programming (``zero_sum``). Playing it has a value of at least 0 against everybody.
- ``non_transitivity``: the log-odds of who beats whom are an edge flow on the complete graph, which
  splits into a gradient (of ratings) and a cyclic part, orthogonal to one another (Jiang, Lim, Yao
  and Ye 2011; for games Balduzzi et al. 2018). The measure is the cyclic part's share of the
  squared length. Log-odds, because those of a Bradley-Terry pool are a gradient, however steep.
"""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np
from trainingrun_contracts.ratings.bradley_terry import Floats, Indices

from trainingrun_league.elo.ranking import Sums
from trainingrun_league.elo.zero_sum import optimal_mixture

PRIOR_GAMES: Final = 1.0
_SCALE: Final = log(10.0) / 400.0
_NOTHING: Final = 1e-12


def scores_among(sums: Sums, players: tuple[str, ...]) -> Indices:
    """Return wins, draws and losses of the row's player against the column's: (n, n, 3)."""
    place = {name: index for index, name in enumerate(players)}
    where = np.array([place.get(name, -1) for name in sums.players], np.int64)
    scores = np.zeros((len(players), len(players), 3), np.int64)
    if not sums.players:
        return scores
    row, column = where[sums.first], where[sums.second]
    kept = (row >= 0) & (column >= 0)
    row, column, found = row[kept], column[kept], sums.scores[kept]
    scores[row, column] = found
    scores[column, row] = found[:, ::-1]
    return scores


def chances(scores: Indices, elo: Floats) -> Floats:
    """Return the row's chance to beat the column: (n, n); a player without a rating has 0 Elo."""
    known = np.nan_to_num(elo)
    expected = 1.0 / (1.0 + np.exp(_SCALE * (known[None, :] - known[:, None])))
    games = scores.sum(axis=2)
    won = scores[:, :, 0] + scores[:, :, 1] / 2.0
    found: Floats = (won + PRIOR_GAMES * expected) / (games + PRIOR_GAMES)
    np.fill_diagonal(found, 0.5)
    return found


def nash(chance: Floats) -> Floats:
    """Return a mixture whose payoff is at least 0 against every player: (n,), summing to 1."""
    players = len(chance)
    if players < 2:
        return np.ones(players)
    return optimal_mixture(2.0 * chance - 1.0)


def non_transitivity(chance: Floats) -> float:
    """Return the cyclic part's share of the log-odds, 0 to 1; 0 in a pool of equals."""
    if len(chance) < 3:
        return 0.0
    odds = np.log(chance / (1.0 - chance))
    potential = odds.mean(axis=1)  # the least squares solution on a complete graph
    cyclic = odds - (potential[:, None] - potential[None, :])
    whole = float((odds**2).sum())
    return float((cyclic**2).sum()) / whole if whole > _NOTHING else 0.0
