"""A game of tic-tac-toe on two bitboards: bit ``3 * row + column`` is a cell, row 0 the highest."""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

from trainingrun_environments.games import Game
from trainingrun_environments.symmetries import (
    Symmetry,
    images_of_square,
    places_of,
    symmetry_of_cells,
)

SIDE: Final = 3
CELLS: Final = SIDE * SIDE
SHAPE: Final = (2, SIDE, SIDE)
_FULL: Final = (1 << CELLS) - 1
_LINES: Final = (0o007, 0o070, 0o700, 0o111, 0o222, 0o444, 0o421, 0o124)
"""Rows, columns and diagonals."""
_HAS_LINE: Final = tuple(
    any(marks & line == line for line in _LINES) for marks in range(1 << CELLS)
)
_BYTES: Final = tuple(
    bytes(marks >> cell & 1 for cell in range(CELLS)) for marks in range(1 << CELLS)
)
_EMPTY: Final = tuple(
    tuple(cell for cell in range(CELLS) if not marks >> cell & 1) for marks in range(1 << CELLS)
)


class TicTacToe:
    """One game; the cells, 0 to 8 in reading order, are its actions."""

    __slots__ = ("_marks", "current_player", "is_terminal", "returns")

    def __init__(self) -> None:
        self._marks = [0, 0]
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self) -> tuple[int, ...]:
        """See Game."""
        return () if self.is_terminal else _EMPTY[self._marks[0] | self._marks[1]]

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where the cell has a mark or the game is over."""
        if action not in self.legal_actions():
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        player = self.current_player
        marks = self._marks[player] = self._marks[player] | 1 << action
        if _HAS_LINE[marks]:
            self.is_terminal = True
            self.returns = (-1.0, 1.0) if player else (1.0, -1.0)
        elif marks | self._marks[1 - player] == _FULL:
            self.is_terminal = True
        self.current_player = 1 - player

    def observation(self, player: int) -> npt.NDArray[np.uint8]:
        """See Game: the player's own marks, then the other's; read-only."""
        cells = _BYTES[self._marks[player]] + _BYTES[self._marks[1 - player]]
        return np.frombuffer(cells, np.uint8).reshape(SHAPE)

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._marks = self._marks.copy()
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X began."""
        first, second = (_BYTES[marks] for marks in self._marks)
        text = "".join("X" if x else "O" if o else "." for x, o in zip(first, second, strict=True))
        return "\n".join(text[begin : begin + SIDE] for begin in range(0, CELLS, SIDE))


class TicTacToeGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="tic_tac_toe",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(CELLS),
        is_forkable=True,
    )

    def __init__(self) -> None:
        self.symmetries: tuple[Symmetry, ...] = tuple(
            symmetry_of_cells(2, image, places_of(image)) for image in images_of_square(SIDE)
        )

    def new(self, _seed: int) -> TicTacToe:
        """See Games."""
        return TicTacToe()

    def describe(self, _game: Game, action: int) -> str:
        """See Games."""
        return _DESCRIPTIONS[action]


_DESCRIPTIONS: Final = tuple(
    f"mark row {cell // SIDE + 1}, column {cell % SIDE + 1}" for cell in range(CELLS)
)
