"""A game of Connect Four on two bitboards.

Bit ``8 * row + column`` is a cell, row 0 the lowest. Bit 7 of a row is no cell and stays empty, so
that no line continues from one row's end into the next row.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

from trainingrun_environments.games import Game
from trainingrun_environments.symmetries import Symmetry, symmetry_of_cells

ROWS: Final = 6
COLUMNS: Final = 7
SHAPE: Final = (2, ROWS, COLUMNS)
_STRIDE: Final = 8
_END: Final = 1 << _STRIDE * ROWS
"""The first bit above the board."""
_DIRECTIONS: Final = (1, _STRIDE, _STRIDE + 1, _STRIDE - 1)
"""Bits from a cell to its neighbour: along the row, the column, and both diagonals."""
_CELLS_OF_ROW: Final = tuple(
    bytes(row >> column & 1 for column in range(COLUMNS)) for row in range(1 << COLUMNS)
)
"""A row's bits as a byte for each cell."""
_COLUMNS_WITH_ROOM: Final = tuple(
    tuple(column for column in range(COLUMNS) if not row >> column & 1)
    for row in range(1 << COLUMNS)
)
"""Columns with room, by the bits of the highest row."""


class ConnectFour:
    """One game; the columns, 0 to 6, are its actions. Nothing in it is left to chance."""

    __slots__ = ("_free", "_stones", "current_player", "is_terminal", "returns")

    def __init__(self) -> None:
        self._stones = [0, 0]
        self._free = [1 << column for column in range(COLUMNS)]
        """For each column, the bit where its next stone falls."""
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self) -> tuple[int, ...]:
        """See Game."""
        return () if self.is_terminal else self._columns_with_room()

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where the column has no room or the game is over."""
        bit = self._free[action] if 0 <= action < COLUMNS else _END
        if bit >= _END or self.is_terminal:
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        self._free[action] = bit << _STRIDE
        player = self.current_player
        stones = self._stones[player] = self._stones[player] | bit
        if _has_line(stones):
            self.is_terminal = True
            self.returns = (-1.0, 1.0) if player else (1.0, -1.0)
        elif not self._columns_with_room():
            self.is_terminal = True
        self.current_player = 1 - player

    def observation(self, player: int) -> npt.NDArray[np.uint8]:
        """See Game: the player's own stones, then the other's; the highest row first; read-only."""
        rows = self._stones[player].to_bytes(ROWS) + self._stones[1 - player].to_bytes(ROWS)
        cells = b"".join([_CELLS_OF_ROW[row] for row in rows])
        return np.frombuffer(cells, np.uint8).reshape(SHAPE)

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._stones = self._stones.copy()
        twin._free = self._free.copy()
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X began; the columns by the numbers that people give them."""
        lines = [
            "".join(self._mark(1 << _STRIDE * row + column) for column in range(COLUMNS))
            for row in reversed(range(ROWS))
        ]
        return "\n".join([*lines, "".join(str(column + 1) for column in range(COLUMNS))])

    def _columns_with_room(self) -> tuple[int, ...]:
        first, second = self._stones
        return _COLUMNS_WITH_ROOM[(first | second) >> _STRIDE * (ROWS - 1)]

    def _mark(self, bit: int) -> str:
        first, second = self._stones
        if first & bit:
            return "X"
        return "O" if second & bit else "."


def _has_line(stones: int) -> bool:
    """Say whether four of these stones stand in a line."""
    for step in _DIRECTIONS:
        pairs = stones & stones >> step
        if pairs & pairs >> 2 * step:
            return True
    return False


class ConnectFourGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="connect_four",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(COLUMNS),
        is_forkable=True,
    )

    def __init__(self) -> None:
        cells = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
        columns = np.arange(COLUMNS)
        self.symmetries: tuple[Symmetry, ...] = (
            symmetry_of_cells(2, cells, columns),
            symmetry_of_cells(2, cells[:, ::-1], columns[::-1]),
        )

    def new(self, _seed: int) -> ConnectFour:
        """See Games."""
        return ConnectFour()

    def describe(self, _game: Game, action: int) -> str:
        """See Games."""
        return _DESCRIPTIONS[action]


_DESCRIPTIONS: Final = tuple(f"drop into column {column + 1}" for column in range(COLUMNS))
