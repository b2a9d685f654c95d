"""A game of Othello on two bitboards: bit ``8 * row + column`` is a square, row 0 the highest."""

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

SIDE: Final = 8
CELLS: Final = SIDE * SIDE
PASS: Final = CELLS
SHAPE: Final = (2, SIDE, SIDE)
_FULL: Final = (1 << CELLS) - 1
_NOT_FIRST: Final = 0xFEFEFEFEFEFEFEFE
_NOT_LAST: Final = 0x7F7F7F7F7F7F7F7F
_WAYS: Final = (
    (1, _NOT_FIRST),
    (SIDE, _FULL),
    (SIDE + 1, _NOT_FIRST),
    (SIDE - 1, _NOT_LAST),
)
"""Bits from a square to its neighbour, and the squares that can be reached so; each in both ways:
for the way back the squares of the other edge."""
_BACK: Final = {_NOT_FIRST: _NOT_LAST, _NOT_LAST: _NOT_FIRST, _FULL: _FULL}
_BEGIN: Final = (1 << 28 | 1 << 35, 1 << 27 | 1 << 36)
"""Black's discs on e4 and d5, White's on d4 and e5."""
_KEPT_SYMMETRIES: Final = (0, 2, 5, 7)
"""Of the eight of a square, those that leave the first position as it is."""


class Othello:
    """One game. Player 0 has the black discs; who cannot move passes, which is then the only
    action. When neither can, the game is over.
    """

    __slots__ = ("_discs", "_moves", "current_player", "is_terminal", "returns")

    def __init__(self) -> None:
        self._discs = list(_BEGIN)
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)
        self._moves = _moves(*_BEGIN)
        """Squares of the current player's moves."""

    def legal_actions(self) -> list[int]:
        """See Game."""
        if self.is_terminal:
            return []
        return _bits(self._moves) or [PASS]

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where nothing is turned, where a pass is no need, or where
        the game is over.
        """
        if action not in self.legal_actions():
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        player = self.current_player
        mine, other = self._discs[player], self._discs[1 - player]
        if action != PASS:
            turned = _turned(mine, other, 1 << action)
            mine, other = mine | turned | 1 << action, other & ~turned
            self._discs[player], self._discs[1 - player] = mine, other
        self.current_player = 1 - player
        self._moves = _moves(other, mine)
        if not self._moves and not _moves(mine, other):
            self._end()

    def observation(self, player: int) -> npt.NDArray[np.uint8]:
        """See Game: the player's own discs, then the other's."""
        boards = self._discs[player].to_bytes(8, "little")
        boards += self._discs[1 - player].to_bytes(8, "little")
        cells = np.unpackbits(np.frombuffer(boards, np.uint8), bitorder="little")
        return cells.reshape(SHAPE)

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._discs = self._discs.copy()
        twin._moves = self._moves
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X is black and began."""
        black, white = self._discs
        lines = [
            f"{row + 1} "
            + "".join(
                "X" if black >> SIDE * row + c & 1 else "O" if white >> SIDE * row + c & 1 else "."
                for c in range(SIDE)
            )
            for row in range(SIDE)
        ]
        return "\n".join([*lines, "  abcdefgh"])

    def _end(self) -> None:
        black, white = (discs.bit_count() for discs in self._discs)
        result = float((black > white) - (black < white))
        self.is_terminal = True
        self.returns = (result, -result)


def _moves(mine: int, other: int) -> int:
    """Return the empty squares where a disc turns some of the other's."""
    empty, found = _FULL & ~(mine | other), 0
    for step, reached in _WAYS:
        back = _BACK[reached]
        up = mine << step & reached & other
        down = mine >> step & back & other
        for _ in range(SIDE - 3):
            up |= up << step & reached & other
            down |= down >> step & back & other
        found |= up << step & reached | down >> step & back
    return found & empty


def _turned(mine: int, other: int, disc: int) -> int:
    """Return the discs that a new one turns."""
    found = 0
    for step, reached in _WAYS:
        back = _BACK[reached]
        up = disc << step & reached & other
        down = disc >> step & back & other
        for _ in range(SIDE - 3):
            up |= up << step & reached & other
            down |= down >> step & back & other
        if up << step & reached & mine:
            found |= up
        if down >> step & back & mine:
            found |= down
    return found


def _bits(squares: int) -> list[int]:
    found = []
    while squares:
        found.append((squares & -squares).bit_length() - 1)
        squares &= squares - 1
    return found


class OthelloGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="othello",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(CELLS + 1),
        is_forkable=True,
    )

    def __init__(self) -> None:
        images = images_of_square(SIDE)
        self.symmetries: tuple[Symmetry, ...] = tuple(
            symmetry_of_cells(2, images[kind], np.append(places_of(images[kind]), PASS))
            for kind in _KEPT_SYMMETRIES
        )

    def new(self, _seed: int) -> Othello:
        """See Games."""
        return Othello()

    def describe(self, _game: Game, action: int) -> str:
        """See Games."""
        return _DESCRIPTIONS[action]


_DESCRIPTIONS: Final = (
    *(f"place on {'abcdefgh'[cell % SIDE]}{cell // SIDE + 1}" for cell in range(CELLS)),
    "pass",
)
