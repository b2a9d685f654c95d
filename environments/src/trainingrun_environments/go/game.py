"""A game of Go, nine by nine points: point ``9 * row + column``, row 0 the highest.

Rules: no suicide; the stone that has just taken one may not be taken back at once (ko); a board
that was there before ends the game as a draw (superko); two passes in a row end it, and so do 162
moves. Points are counted by area (Tromp and Taylor): stones, and empty regions that touch one
colour.
"""

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

SIDE: Final = 9
CELLS: Final = SIDE * SIDE
PASS: Final = CELLS
KOMI: Final = 7.5
MOST_MOVES: Final = 2 * CELLS
PLANES: Final = 5
SHAPE: Final = (PLANES, SIDE, SIDE)
EMPTY: Final = 2
NO_POINT: Final = -1
_NEIGHBOURS: Final = tuple(
    tuple(
        SIDE * row + column
        for row, column in (
            (cell // SIDE - 1, cell % SIDE),
            (cell // SIDE, cell % SIDE - 1),
            (cell // SIDE, cell % SIDE + 1),
            (cell // SIDE + 1, cell % SIDE),
        )
        if 0 <= row < SIDE and 0 <= column < SIDE
    )
    for cell in range(CELLS)
)


class Go:
    """One game. Player 0 has the black stones and begins."""

    __slots__ = (
        "_boards",
        "_ko",
        "_moves",
        "_passes",
        "_points",
        "current_player",
        "is_terminal",
        "returns",
    )

    def __init__(self) -> None:
        self._points = bytearray([EMPTY]) * CELLS
        self._ko = NO_POINT
        """Where the current player may not play."""
        self._passes = 0
        """In a row, up to now."""
        self._moves = 0
        self._boards = frozenset({bytes(self._points)})
        """All that were there."""
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self) -> list[int]:
        """See Game: a pass always is."""
        if self.is_terminal:
            return []
        return [*(point for point in range(CELLS) if self._may_play(point)), PASS]

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where the rules forbid it or the game is over."""
        is_legal = action == PASS or (0 <= action < CELLS and self._may_play(action))
        if not is_legal or self.is_terminal:
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        self._moves += 1
        if action == PASS:
            self._passes += 1
            self._ko = NO_POINT
        else:
            self._passes = 0
            self._place(action)
            self._note_board()
        self.current_player = 1 - self.current_player
        if not self.is_terminal and (self._passes == 2 or self._moves == MOST_MOVES):
            self._count()

    def observation(self, player: int) -> npt.NDArray[np.uint8]:
        """See Game: the player's own stones, the other's, the point that ko forbids; and, all over
        their planes, whether the other has just passed, and whether the player has White.
        """
        points = np.frombuffer(bytes(self._points), np.uint8).reshape(SIDE, SIDE)
        seen = np.zeros(SHAPE, np.uint8)
        seen[0] = points == player
        seen[1] = points == 1 - player
        if self._ko != NO_POINT:
            seen[2].reshape(-1)[self._ko] = 1
        seen[3] = self._passes
        seen[4] = player
        return seen

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._points = self._points.copy()
        twin._ko = self._ko
        twin._passes = self._passes
        twin._moves = self._moves
        twin._boards = self._boards
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X is black and began."""
        marks = ["XO."[each] for each in self._points]
        lines = [
            f"{SIDE - row} {''.join(marks[SIDE * row : SIDE * (row + 1)])}" for row in range(SIDE)
        ]
        return "\n".join([*lines, "  abcdefghj"])

    def _may_play(self, point: int) -> bool:
        points, mover = self._points, self.current_player
        if points[point] != EMPTY or point == self._ko:
            return False
        for neighbour in _NEIGHBOURS[point]:
            colour = points[neighbour]
            if colour == EMPTY:
                return True
            # An own chain must keep a liberty, an other's must lose its last one.
            if (len(self._liberties(neighbour, most=2)) > 1) == (colour == mover):
                return True
        return False

    def _place(self, point: int) -> None:
        """Put a stone, take the chains without liberty, and note what ko forbids."""
        points, mover = self._points, self.current_player
        is_in_eye = all(points[each] == 1 - mover for each in _NEIGHBOURS[point])
        points[point] = mover
        taken: list[int] = []
        for neighbour in _NEIGHBOURS[point]:
            if points[neighbour] == 1 - mover and not self._liberties(neighbour, most=1):
                chain = self._chain(neighbour)
                for stone in chain:
                    points[stone] = EMPTY
                taken += chain
        self._ko = taken[0] if is_in_eye and len(taken) == 1 else NO_POINT

    def _note_board(self) -> None:
        board = bytes(self._points)
        if board in self._boards:
            self.is_terminal = True
        else:
            self._boards |= {board}

    def _chain(self, point: int) -> list[int]:
        colour, seen, left = self._points[point], {point}, [point]
        while left:
            for neighbour in _NEIGHBOURS[left.pop()]:
                if self._points[neighbour] == colour and neighbour not in seen:
                    seen.add(neighbour)
                    left.append(neighbour)
        return list(seen)

    def _liberties(self, point: int, *, most: int) -> set[int]:
        """Return liberties of a stone's chain, at most ``most``."""
        points = self._points
        colour, seen, left, found = points[point], {point}, [point], set[int]()
        while left:
            for neighbour in _NEIGHBOURS[left.pop()]:
                if points[neighbour] == EMPTY:
                    found.add(neighbour)
                    if len(found) == most:
                        return found
                elif points[neighbour] == colour and neighbour not in seen:
                    seen.add(neighbour)
                    left.append(neighbour)
        return found

    def _count(self) -> None:
        """End the game by area."""
        lead, seen = -KOMI, set[int]()
        for point in range(CELLS):
            colour = self._points[point]
            if colour != EMPTY:
                lead += 1 if colour == 0 else -1
            elif point not in seen:
                region = self._chain(point)
                seen.update(region)
                borders = {self._points[n] for each in region for n in _NEIGHBOURS[each]} - {EMPTY}
                if len(borders) == 1:
                    lead += len(region) if borders == {0} else -len(region)
        self.is_terminal = True
        self.returns = (1.0, -1.0) if lead > 0 else (-1.0, 1.0)


class GoGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="go",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(CELLS + 1),
        is_forkable=True,
    )

    def __init__(self) -> None:
        self.symmetries: tuple[Symmetry, ...] = tuple(
            symmetry_of_cells(PLANES, image, np.append(places_of(image), PASS))
            for image in images_of_square(SIDE)
        )

    def new(self, _seed: int) -> Go:
        """See Games."""
        return Go()

    def describe(self, _game: Game, action: int) -> str:
        """See Games."""
        return _DESCRIPTIONS[action]


_DESCRIPTIONS: Final = (
    *(f"place on {'abcdefghj'[cell % SIDE]}{SIDE - cell // SIDE}" for cell in range(CELLS)),
    "pass",
)
