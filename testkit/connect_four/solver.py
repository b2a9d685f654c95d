"""A perfect player of Connect Four: alpha-beta over bitboards, compiled.

A position is the stones of who moves and those of both, seven bits a column, the highest always
empty (Tromp's encoding). Its score is 0 for a draw, else how many of the
winner's own stones are left when it wins as fast as it can, negative where the other does.
Negamax with a null window, columns from the middle, no moves that lose at once, moves that threaten
most first, and a table of upper bounds.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from trainingrun_search.compiling import compiled

WIDTH: Final = 7
HEIGHT: Final = 6
CELLS: Final = WIDTH * HEIGHT
LEAST: Final = -(CELLS // 2) + 3
MOST: Final = (CELLS + 1) // 2 - 3
_COLUMN: Final = HEIGHT + 1
_BOTTOM: Final = sum(1 << _COLUMN * column for column in range(WIDTH))
_BOARD: Final = _BOTTOM * ((1 << HEIGHT) - 1)
_ENTRIES: Final = (1 << 22) + 15  # odd, so that keys spread
_ORDER: Final = np.array([3, 2, 4, 1, 5, 0, 6])


class Solver:
    """Solves positions; keeps its table between them."""

    def __init__(self) -> None:
        self._keys = np.zeros(_ENTRIES, np.int64)
        self._bounds = np.zeros(_ENTRIES, np.int8)

    def score(self, columns: str) -> int:
        """Return the score of the position after stones into these columns (1 to 7), for who moves.

        Raises:
            ValueError: the columns cannot be played, or somebody has won on the way.
        """
        mine, both = _position(columns)
        if _has_line(mine ^ both):
            raise ValueError(f"the game {columns!r} is over")
        return int(_solve(mine, both, self._keys, self._bounds))

    def best(self, columns: str) -> tuple[int, ...]:
        """Return the columns (1 to 7) whose result, won, drawn or lost, is the best there is."""
        values = self.values(columns)
        return tuple(c for c, value in values.items() if value == max(values.values()))

    def values(self, columns: str) -> dict[int, int]:
        """Return for each column that has room the result for who moves: 1, 0 or -1."""
        found = {}
        for column in range(1, WIDTH + 1):
            try:
                mine, both = _position(f"{columns}{column}")
            except ValueError:
                continue
            if _has_line(mine ^ both):
                found[column] = 1
            elif both == _BOARD:
                found[column] = 0
            else:
                score = int(_solve(mine, both, self._keys, self._bounds))
                found[column] = (score < 0) - (score > 0)
        return found


def _position(columns: str) -> tuple[int, int]:
    mine = both = 0
    for number, column in enumerate(columns):
        where = f"{columns!r} cannot be played: column {column} at move {number + 1}"
        if column not in "1234567":
            raise ValueError(f"{where} is none of 1 to 7")
        shift = _COLUMN * (int(column) - 1)
        if both >> shift + HEIGHT - 1 & 1:
            raise ValueError(f"{where} is full")
        if _has_line(mine ^ both):
            raise ValueError(f"{columns!r} cannot be played: it is over before move {number + 1}")
        mine ^= both
        both |= both + (1 << shift)
    return mine, both


@compiled
def _solve(mine: int, both: int, keys: npt.NDArray[np.int64], bounds: npt.NDArray[np.int8]) -> int:
    """Narrow the score down by questions of the form "is it above this?"."""
    moves = _count(both)
    if _winning(mine, both) & _possible(both):
        return (CELLS + 1 - moves) // 2
    low, high = -((CELLS - moves) // 2), (CELLS + 1 - moves) // 2
    while low < high:
        middle = low + (high - low) // 2
        if middle <= 0 and low // 2 < middle:
            middle = low // 2
        elif middle >= 0 and high // 2 > middle:
            middle = high // 2
        found = _negamax(mine, both, middle, middle + 1, keys, bounds)
        if found <= middle:
            high = found
        else:
            low = found
    return low


@compiled
def _negamax(
    mine: int,
    both: int,
    alpha: int,
    beta: int,
    keys: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.int8],
) -> int:
    """Bound the score of a position in which who moves cannot win at once."""
    moves = _count(both)
    safe = _safe(mine, both)
    if safe == 0:
        return -((CELLS - moves) // 2)
    if moves >= CELLS - 2:
        return 0
    alpha = max(alpha, -((CELLS - 2 - moves) // 2))
    beta = min(beta, (CELLS - 1 - moves) // 2)
    key = mine + both
    entry = key % _ENTRIES
    if keys[entry] == key:
        beta = min(beta, int(bounds[entry]))
    if alpha >= beta:
        return beta
    tried = 0
    for _ in range(WIDTH):
        move = _most_threatening(mine, both, safe & ~tried)
        if move == 0:
            break
        tried |= move
        found = -_negamax(mine ^ both, both | move, -beta, -alpha, keys, bounds)
        if found >= beta:
            return found
        alpha = max(alpha, found)
    keys[entry] = key
    bounds[entry] = alpha
    return alpha


@compiled
def _most_threatening(mine: int, both: int, moves: int) -> int:
    """Return of some moves the one that leaves most places to win at; the middle first."""
    best, best_count = 0, -1
    for column in _ORDER:
        move = moves & (((1 << HEIGHT) - 1) << (_COLUMN * int(column)))
        if move:
            count = _count(_winning(mine | move, both | move))
            if count > best_count:
                best, best_count = move, count
    return best


@compiled
def _possible(both: int) -> int:
    return (both + _BOTTOM) & _BOARD


@compiled
def _safe(mine: int, both: int) -> int:
    """Return the moves after which the other does not win at once."""
    possible = _possible(both)
    threats = _winning(mine ^ both, both)
    forced = possible & threats
    if forced:
        if forced & (forced - 1):
            return 0
        possible = forced
    return possible & ~(threats >> 1)


@compiled
def _winning(mine: int, both: int) -> int:
    """Return the empty cells where a stone makes a line."""
    found = (mine << 1) & (mine << 2) & (mine << 3)
    for step in (_COLUMN, _COLUMN - 1, _COLUMN + 1):
        pair = (mine << step) & (mine << (2 * step))
        found |= pair & (mine << (3 * step))
        found |= pair & (mine >> step)
        pair = (mine >> step) & (mine >> (2 * step))
        found |= pair & (mine << step)
        found |= pair & (mine >> (3 * step))
    return found & (_BOARD ^ both)


@compiled
def _count(bits: int) -> int:
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


def _has_line(stones: int) -> bool:
    for step in (1, _COLUMN, _COLUMN - 1, _COLUMN + 1):
        pairs = stones & stones >> step
        if pairs & pairs >> 2 * step:
            return True
    return False
