"""A game of Breakthrough on two bitboards.

Each player sees the board with its own pawns at the bottom, moving up, and numbers actions on this
board: ``3 * square + direction``, where a square is ``8 * row + column``, row 0 the player's own
first row, and the directions are up left, up, up right. Bitboards are as player 0 sees them.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

from trainingrun_environments.games import Game
from trainingrun_environments.symmetries import Symmetry, symmetry_of_cells

SIDE: Final = 8
CELLS: Final = SIDE * SIDE
DIRECTIONS: Final = 3
ACTIONS: Final = CELLS * DIRECTIONS
SHAPE: Final = (2, SIDE, SIDE)
_PAWNS: Final = (1 << 2 * SIDE) - 1
_BYTES_OF_ROW: Final = tuple(bytes(row >> c & 1 for c in range(SIDE)) for row in range(1 << SIDE))
_STEPS: Final = tuple(
    tuple(
        (DIRECTIONS * cell + side + 1, 1 << cell + SIDE + side, side != 0)
        for side in (-1, 0, 1)
        if 0 <= cell % SIDE + side < SIDE
    )
    for cell in range(CELLS - SIDE)
)
"""For each square the actions from there: number, bit of the target, whether it may capture."""


class Breakthrough:
    """One game. A pawn steps straight or diagonally forward onto an empty square, and captures
    diagonally; who stands in the last row, or takes the last pawn, has won.
    """

    __slots__ = ("_pawns", "current_player", "is_terminal", "returns")

    def __init__(self) -> None:
        self._pawns = [_PAWNS, _turned(_PAWNS)]
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self) -> list[int]:
        """See Game."""
        if self.is_terminal:
            return []
        mine, other = self._seen(self.current_player)
        found, left = [], mine
        while left:
            cell = (left & -left).bit_length() - 1
            left &= left - 1
            for action, target, may_capture in _STEPS[cell]:
                if not target & mine and (may_capture or not target & other):
                    found.append(action)
        return found

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where no pawn can move so or the game is over."""
        if action not in self.legal_actions():
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        player = self.current_player
        mine, other = self._seen(player)
        cell, direction = divmod(action, DIRECTIONS)
        target = 1 << cell + SIDE + direction - 1
        mine, other = mine & ~(1 << cell) | target, other & ~target
        self._pawns = [mine, other] if player == 0 else [_turned(other), _turned(mine)]
        if target >> CELLS - SIDE or not other:
            self.is_terminal = True
            self.returns = (-1.0, 1.0) if player else (1.0, -1.0)
        self.current_player = 1 - player

    def observation(self, player: int) -> npt.NDArray[np.uint8]:
        """See Game: the player's own pawns, then the other's, the player's last row first."""
        mine, other = self._seen(player)
        rows = mine.to_bytes(SIDE) + other.to_bytes(SIDE)
        cells = b"".join([_BYTES_OF_ROW[row] for row in rows])
        return np.frombuffer(cells, np.uint8).reshape(SHAPE)

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._pawns = self._pawns.copy()
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X began, from below."""
        first, second = self._pawns
        lines = [
            f"{row + 1} "
            + "".join(
                "X" if first >> SIDE * row + c & 1 else "O" if second >> SIDE * row + c & 1 else "."
                for c in range(SIDE)
            )
            for row in reversed(range(SIDE))
        ]
        return "\n".join([*lines, "  abcdefgh"])

    def _seen(self, player: int) -> tuple[int, int]:
        """Return a player's own pawns and the other's, as the player sees the board."""
        first, second = self._pawns
        return (first, second) if player == 0 else (_turned(second), _turned(first))


def _turned(pawns: int) -> int:
    """Return a board as the other player sees it: the rows in reverse."""
    return int.from_bytes(pawns.to_bytes(SIDE, "little"), "big")


class BreakthroughGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="breakthrough",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(ACTIONS),
        is_forkable=True,
    )

    def __init__(self) -> None:
        mirrored = np.arange(CELLS).reshape(SIDE, SIDE)[:, ::-1]
        actions = mirrored.reshape(-1)[:, None] * DIRECTIONS + np.arange(DIRECTIONS)[::-1]
        none = symmetry_of_cells(2, np.arange(CELLS), np.arange(ACTIONS))
        self.symmetries: tuple[Symmetry, ...] = (
            none,
            symmetry_of_cells(2, mirrored, actions.reshape(-1)),
        )

    def new(self, _seed: int) -> Breakthrough:
        """See Games."""
        return Breakthrough()

    def describe(self, game: Game, action: int) -> str:
        """See Games."""
        cell, direction = divmod(action, DIRECTIONS)
        target = cell + SIDE + direction - 1
        return f"{_square(cell, game.current_player)} to {_square(target, game.current_player)}"


def _square(cell: int, player: int) -> str:
    row, column = divmod(cell, SIDE)
    return f"{'abcdefgh'[column]}{row + 1 if player == 0 else SIDE - row}"
