"""Three in a row on a board of 4 x 4: players set a stone in turn; who has three in a row wins.

The class needs no base class. What it must have is in the README; write your own rules in the
place of these, and change ``version`` whenever a number of ``observation`` or an action gets
another meaning.
"""

from __future__ import annotations

import copy

import numpy as np

SIZE = 4
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
CELLS = [(row, column) for row in range(SIZE) for column in range(SIZE)]
# Every line of three cells, as the numbers of its cells.
LINES = [
    tuple((row + step * down) * SIZE + column + step * right for step in range(3))
    for row, column in CELLS
    for down, right in DIRECTIONS
    if row + 2 * down < SIZE and 0 <= column + 2 * right < SIZE
]


class Game:
    """One game; players are 0 and 1, actions are the numbers of cells."""

    observation_shape = (2, SIZE, SIZE)  # numbers from -8 to 8
    actions = SIZE * SIZE  # numbered from 0
    version = "1"
    reward_bound = 1.0  # largest return, either way

    def __init__(self, seed: int) -> None:
        """Begin; a game with chance draws all of it from ``random.Random(seed)``."""
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)
        self.owners: list[int | None] = [None] * (SIZE * SIZE)

    def legal_actions(self) -> list[int]:
        """Return what the current player may do: any empty cell."""
        return [cell for cell, owner in enumerate(self.owners) if owner is None]

    def apply(self, action: int) -> None:
        """Set a stone of the current player."""
        player = self.current_player
        self.owners[action] = player
        if any(action in line and self._has(player, line) for line in LINES):
            self.is_terminal = True
            self.returns = (1.0, -1.0) if player == 0 else (-1.0, 1.0)
        elif None not in self.owners:
            self.is_terminal = True
        self.current_player = 1 - player

    def _has(self, player: int, line: tuple[int, ...]) -> bool:
        return all(self.owners[cell] == player for cell in line)

    def observation(self, player: int) -> np.ndarray:
        """Return what a player sees: its own stones, then the other's."""
        planes = [[owner == who for owner in self.owners] for who in (player, 1 - player)]
        return np.array(planes, np.int8).reshape(self.observation_shape)

    def clone(self) -> Game:
        """Return a game in the same state that goes its own way; may be left out."""
        return copy.deepcopy(self)

    def describe(self, action: int) -> str:
        """Return an action for people; may be left out."""
        return f"{'abcd'[action % SIZE]}{action // SIZE + 1}"

    def render(self) -> str:
        """Return the board for people; may be left out."""
        marks = ["." if owner is None else "XO"[owner] for owner in self.owners]
        return "\n".join("".join(marks[row * SIZE :][:SIZE]) for row in range(SIZE))
