"""A game of Hex: cell ``11 * row + column``, row 0 the highest; neighbours are those of the row and
the column, and the ones up right and down left.

Player 0 connects top and bottom, player 1 left and right. Each player sees the board so that it
connects top and bottom itself, the other's being the mirror image along the long diagonal, and
numbers actions on this board.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

from trainingrun_environments.games import Game
from trainingrun_environments.symmetries import Symmetry, places_of, symmetry_of_cells

SIDE: Final = 11
CELLS: Final = SIDE * SIDE
SHAPE: Final = (2, SIDE, SIDE)
EMPTY: Final = 2
_MIRRORED: Final = tuple(SIDE * (cell % SIDE) + cell // SIDE for cell in range(CELLS))
_AROUND: Final = ((-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0))
_NEIGHBOURS: Final = tuple(
    tuple(
        SIDE * row + column
        for row, column in ((cell // SIDE + r, cell % SIDE + c) for r, c in _AROUND)
        if 0 <= row < SIDE and 0 <= column < SIDE
    )
    for cell in range(CELLS)
)


class Hex:
    """One game; there is no swap, and there are no draws."""

    __slots__ = ("_cells", "current_player", "is_terminal", "returns")

    def __init__(self) -> None:
        self._cells = bytearray([EMPTY]) * CELLS
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self) -> list[int]:
        """See Game."""
        if self.is_terminal:
            return []
        cells = self._cells
        if self.current_player == 0:
            return [cell for cell in range(CELLS) if cells[cell] == EMPTY]
        return [cell for cell in range(CELLS) if cells[_MIRRORED[cell]] == EMPTY]

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where the cell is taken or the game is over."""
        player = self.current_player
        is_cell = 0 <= action < CELLS
        cell = (_MIRRORED[action] if player else action) if is_cell else 0
        if not is_cell or self._cells[cell] != EMPTY or self.is_terminal:
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        self._cells[cell] = player
        if self._connects(cell, player):
            self.is_terminal = True
            self.returns = (-1.0, 1.0) if player else (1.0, -1.0)
        self.current_player = 1 - player

    def observation(self, player: int) -> npt.NDArray[np.uint8]:
        """See Game: the player's own stones, then the other's, as the player sees the board."""
        board = np.frombuffer(bytes(self._cells), np.uint8).reshape(SIDE, SIDE)
        if player:
            board = board.T
        return np.stack([board == player, board == 1 - player]).astype(np.uint8)

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._cells = self._cells.copy()
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X connects top and bottom, O left and right."""
        marks = ["XO."[each] for each in self._cells]
        rows = [" ".join(marks[begin : begin + SIDE]) for begin in range(0, CELLS, SIDE)]
        lines = [f"{number + 1:{3 + number}d} {row}" for number, row in enumerate(rows)]
        return "\n".join([f"    {' '.join('abcdefghijk')}", *lines])

    def _connects(self, cell: int, player: int) -> bool:
        """Say whether the chain of a stone touches both of its player's sides."""
        cells, seen, left = self._cells, {cell}, [cell]
        touches = [False, False]
        while left:
            at = left.pop()
            place = at % SIDE if player else at // SIDE
            if place in (0, SIDE - 1):
                touches[place != 0] = True
                if all(touches):
                    return True
            for neighbour in _NEIGHBOURS[at]:
                if cells[neighbour] == player and neighbour not in seen:
                    seen.add(neighbour)
                    left.append(neighbour)
        return False


class HexGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="hex",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(CELLS),
        is_forkable=True,
    )

    def __init__(self) -> None:
        cells = np.arange(CELLS)
        self.symmetries: tuple[Symmetry, ...] = tuple(
            symmetry_of_cells(2, image, places_of(image)) for image in (cells, cells[::-1])
        )

    def new(self, _seed: int) -> Hex:
        """See Games."""
        return Hex()

    def describe(self, game: Game, action: int) -> str:
        """See Games."""
        cell = _MIRRORED[action] if game.current_player else action
        return f"place on {'abcdefghijk'[cell % SIDE]}{cell // SIDE + 1}"
