"""The mixture of a symmetric zero-sum game that no player beats, by the simplex method (pure).

Its border: payoffs in, weights out; what a payoff is, ``payoff`` says. The linear program needs no
first phase once all payoffs are shifted above 0: maximise the sum of ``y`` with ``A y <= 1``, where
``y = 0`` is a corner to begin at. Its sum is 1 / 2 in the end, as the value of such a game is 0:
what is missing says at each step how much the mixture can still be beaten by.

SciPy's solver was refused: importing it takes 50 MB in a process that is to do with 200, and of
pools that are almost a ring it gives no answer. Multiplicative weights were refused, too: they
reach 1e-3 after some ten thousand rounds.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from trainingrun_contracts.ratings.bradley_terry import Floats

_ROUNDING: Final = 1e-11
"""What counts as 0: entries are of the order of 1."""
_BEATEN: Final = 1e-9
"""A mixture that can be beaten by this much is taken: pools that are almost rings end slowly."""
_MOST_STEPS: Final = 50
"""Of each player; random pools need four or five."""
_PATIENCE: Final = 20
"""Steps that gain nothing before the careful rule is taken, which is slow."""


def optimal_mixture(payoff: Floats) -> Floats:
    """Return weights whose payoff is at least -1e-9 in every column.

    A pool of hundreds may end the steps before: of 200 players that are almost a ring, at -2e-9.

    Args:
        payoff: antisymmetric, (n, n), each between -1 and 1.

    Returns:
        Weights of the rows, summing to 1.
    """
    players = len(payoff)
    # In y's place stands a column's mixture, which in a symmetric game is a row's as well.
    table = np.full((players + 1, players + 1), 1.0)
    table[:players, :players] = payoff + 2.0
    table[players, :players] = -1.0
    table[players, players] = 0.0
    inside = np.arange(players, 2 * players)  # the variables of the rows; slack ones at first
    outside = np.arange(players)  # the variables of the columns, which are 0
    stalled = 0  # steps since the sum last grew
    for _ in range(_MOST_STEPS * (players + 1)):
        column = _entering(table, outside, is_careful=stalled > _PATIENCE)
        if column is None or 1.0 / max(table[-1, -1], 0.1) - 2.0 < _BEATEN:
            break
        row, before = _leaving(table, inside, column), table[-1, -1]
        _pivot(table, row, column)
        stalled = 0 if table[-1, -1] > before + _ROUNDING else stalled + 1
        inside[row], outside[column] = outside[column], inside[row]
    return _weights(table, inside, players)


def _entering(table: Floats, outside: np.ndarray, *, is_careful: bool) -> int | None:
    """Return the column that gains most; the careful rule (Bland's, which cannot go in circles)
    takes the first."""
    gains = table[-1, :-1]
    if not is_careful:
        best = int(gains.argmin())
        return best if gains[best] < -_ROUNDING else None
    able = np.flatnonzero(gains < -_ROUNDING)
    return int(able[outside[able].argmin()]) if len(able) else None


def _leaving(table: Floats, inside: np.ndarray, column: int) -> int:
    """Return the row that bounds the column's variable; of equal ones the first variable's."""
    rates = table[:-1, column]
    able = np.flatnonzero(rates > _ROUNDING)  # never empty: all payoffs are above 0
    bounds = table[able, -1] / rates[able]
    tied = able[bounds <= bounds.min() + _ROUNDING]
    return int(tied[inside[tied].argmin()])


def _pivot(table: Floats, row: int, column: int) -> None:
    """Exchange the row's variable for the column's."""
    pivot = table[row, column]
    of_row, of_column = table[row] / pivot, table[:, column].copy()
    table -= np.outer(of_column, of_row)
    table[row] = of_row
    table[:, column] = -of_column / pivot
    table[row, column] = 1.0 / pivot


def _weights(table: Floats, inside: np.ndarray, players: int) -> Floats:
    found = np.zeros(players)
    is_player = inside < players
    found[inside[is_player]] = np.clip(table[:-1, -1][is_player], 0.0, None)
    weights: Floats = found / found.sum()
    return weights
