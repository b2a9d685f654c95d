"""A game of Quoridor for two: cell ``9 * row + column``, row 0 the highest. Player 0 begins in the
lowest row and wants to the highest, player 1 the other way.

A wall lies between two pairs of cells; its place is ``8 * row + column`` of the cell up left of its
middle. Each player sees the board with its own goal at the top (for player 1 it is turned by half),
and numbers actions on this board: 0 to 80 the cell to step to, 81 to 144 horizontal walls, 145 to
208 vertical ones.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

from trainingrun_environments.games import Game
from trainingrun_environments.symmetries import Symmetry

SIDE: Final = 9
CELLS: Final = SIDE * SIDE
PLACES: Final = (SIDE - 1) ** 2
HORIZONTAL: Final = CELLS
VERTICAL: Final = CELLS + PLACES
ACTIONS: Final = CELLS + 2 * PLACES
WALLS: Final = 10
MOST_MOVES: Final = 4 * CELLS
PLANES: Final = 6
SHAPE: Final = (PLANES, SIDE, SIDE)
_UP, _DOWN, _LEFT, _RIGHT = -SIDE, SIDE, -1, 1
_SIDEWAYS: Final = {
    _UP: (_LEFT, _RIGHT),
    _DOWN: (_LEFT, _RIGHT),
    _LEFT: (_UP, _DOWN),
    _RIGHT: (_UP, _DOWN),
}
_ROW: Final = (1 << SIDE) - 1
_GOALS: Final = (_ROW, _ROW << CELLS - SIDE)
_OPEN_DOWN: Final = (1 << CELLS - SIDE) - 1
_OPEN_RIGHT: Final = sum((_ROW >> 1) << SIDE * row for row in range(SIDE))


def _pair(cell: int, step: int) -> int:
    return 1 << cell | 1 << cell + step


_CELL_OF: Final = tuple(SIDE * (p // (SIDE - 1)) + p % (SIDE - 1) for p in range(PLACES))
_BLOCKS: Final = (
    tuple((_pair(cell, _RIGHT), 0) for cell in _CELL_OF),
    tuple((0, _pair(cell, _DOWN)) for cell in _CELL_OF),
)
"""For horizontal and vertical walls: the ways down and the ways to the right that each closes, as
bits of the cell where they begin."""


def _conflicts(kind: int, place: int) -> tuple[int, int]:
    """Return the horizontal and the vertical walls that leave no room for one, as bits."""
    row, column = divmod(place, SIDE - 1)
    own = 1 << place
    if kind == 0:
        own |= (1 << place - 1 if column > 0 else 0) | (1 << place + 1 if column < 7 else 0)
        return own, 1 << place
    own |= (1 << place - 8 if row > 0 else 0) | (1 << place + 8 if row < 7 else 0)
    return 1 << place, own


_CONFLICTS: Final = tuple(tuple(_conflicts(kind, p) for p in range(PLACES)) for kind in (0, 1))


class Quoridor:
    """One game. A pawn steps to a neighbour, over the other pawn where it stands in the way, or
    beside that one where a wall or the edge is behind it. No wall may close the last way of a
    pawn to its goal. After 324 moves the game is a draw.
    """

    __slots__ = (
        "_down",
        "_moves",
        "_pawns",
        "_right",
        "_walls",
        "_walls_left",
        "current_player",
        "is_terminal",
        "returns",
    )

    def __init__(self) -> None:
        self._pawns = [CELLS - SIDE + SIDE // 2, SIDE // 2]
        self._walls = [0, 0]
        """Horizontal and vertical ones, as bits of their places."""
        self._walls_left = [WALLS, WALLS]
        self._down, self._right = _OPEN_DOWN, _OPEN_RIGHT
        """Ways that are open, as bits of the cell where they begin."""
        self._moves = 0
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self) -> list[int]:
        """See Game; a pawn that cannot step anywhere may stay."""
        if self.is_terminal:
            return []
        player = self.current_player
        found = self._steps()
        if self._walls_left[player]:
            found += self._wall_actions()
        found = found or [self._pawns[player]]
        return sorted(_turned(action) for action in found) if player else sorted(found)

    def apply(self, action: int) -> None:
        """See Game; raises ValueError where the rules forbid it or the game is over."""
        if action not in self.legal_actions():
            raise ValueError(f"{action} is not legal: legal are {self.legal_actions()}")
        player = self.current_player
        absolute = _turned(action) if player else action
        if absolute < CELLS:
            self._pawns[player] = absolute
        else:
            kind, place = divmod(absolute - CELLS, PLACES)
            down, right = _BLOCKS[kind][place]
            self._walls[kind] |= 1 << place
            self._down &= ~down
            self._right &= ~right
            self._walls_left[player] -= 1
        self._moves += 1
        if _GOALS[player] >> self._pawns[player] & 1:
            self.is_terminal = True
            self.returns = (-1.0, 1.0) if player else (1.0, -1.0)
        elif self._moves == MOST_MOVES:
            self.is_terminal = True
        self.current_player = 1 - player

    def observation(self, player: int) -> npt.NDArray[np.float32]:
        """See Game: the player's own pawn, the other's, horizontal and vertical walls by the cell
        up left of their middle; all over their planes a tenth of the walls that each has left.
        """
        seen = np.zeros((PLANES, CELLS), np.float32)
        for plane, whose in enumerate((player, 1 - player)):
            cell = self._pawns[whose]
            seen[plane, CELLS - 1 - cell if player else cell] = 1.0
            seen[4 + plane] = self._walls_left[whose] / np.float32(WALLS)
        for kind, walls in enumerate(self._walls):
            for place in _bits(walls):
                seen[2 + kind, _CELL_OF[PLACES - 1 - place if player else place]] = 1.0
        return seen.reshape(SHAPE)

    def clone(self) -> Self:
        """See Game."""
        twin = object.__new__(type(self))
        twin._pawns = self._pawns.copy()
        twin._walls = self._walls.copy()
        twin._walls_left = self._walls_left.copy()
        twin._down, twin._right = self._down, self._right
        twin._moves = self._moves
        twin.current_player = self.current_player
        twin.is_terminal = self.is_terminal
        twin.returns = self.returns
        return twin

    def render(self) -> str:
        """See Game: X began and wants to the top; walls as lines between the cells."""
        lines = []
        for row in range(SIDE):
            cells = range(SIDE * row, SIDE * (row + 1))
            ways = ["|" if not self._right >> cell & 1 else " " for cell in cells][:-1]
            marks = [self._mark(cell) for cell in cells]
            text = "".join(f" {m} {w}" for m, w in zip(marks, [*ways, ""], strict=True))
            lines.append(f"{row + 1} {text}")
            if row < SIDE - 1:
                lines.append(
                    "  " + " ".join("   " if self._down >> cell & 1 else "---" for cell in cells)
                )
        left = f"walls left: X {self._walls_left[0]}, O {self._walls_left[1]}"
        return "\n".join(["   a   b   c   d   e   f   g   h   i", *lines, left])

    def _mark(self, cell: int) -> str:
        return "X" if cell == self._pawns[0] else "O" if cell == self._pawns[1] else "."

    def _steps(self) -> list[int]:
        """Return the cells that the current player's pawn may step to."""
        own, other = self._pawns[self.current_player], self._pawns[1 - self.current_player]
        found = []
        for step in (_UP, _LEFT, _RIGHT, _DOWN):
            if not self._is_open(own, step):
                continue
            if own + step != other:
                found.append(own + step)
            elif self._is_open(other, step):
                found.append(other + step)
            else:
                found += [other + side for side in _SIDEWAYS[step] if self._is_open(other, side)]
        return found

    def _is_open(self, cell: int, step: int) -> bool:
        match step:
            case _ if step == _UP:
                return cell >= SIDE and bool(self._down >> cell - SIDE & 1)
            case _ if step == _DOWN:
                return bool(self._down >> cell & 1)
            case _ if step == _LEFT:
                return cell > 0 and bool(self._right >> cell - 1 & 1)
            case _:
                return bool(self._right >> cell & 1)

    def _wall_actions(self) -> list[int]:
        """Return the walls that have room and leave both pawns a way."""
        ways = [_shortest_way(self._pawns[p], _GOALS[p], self._down, self._right) for p in (0, 1)]
        down_ways, right_ways = ways[0][0] | ways[1][0], ways[0][1] | ways[1][1]
        horizontal, vertical = self._walls
        found = []
        for kind in (0, 1):
            for place, (first, second) in enumerate(_CONFLICTS[kind]):
                if first & horizontal or second & vertical:
                    continue
                down, right = _BLOCKS[kind][place]
                is_on_way = down & down_ways or right & right_ways
                if not is_on_way or self._leaves_ways(down, right):
                    found.append(CELLS + PLACES * kind + place)
        return found

    def _leaves_ways(self, down: int, right: int) -> bool:
        """Say whether both pawns reach their goals with these ways closed."""
        open_down, open_right = self._down & ~down, self._right & ~right
        return all(
            _spread(1 << self._pawns[p], open_down, open_right, until=_GOALS[p])[-1] & _GOALS[p]
            for p in (0, 1)
        )


def _spread(reached: int, down: int, right: int, *, until: int) -> list[int]:
    """Return the cells that are reached in 0, 1, 2 … steps, up to the first of ``until``."""
    layers = [reached]
    while not reached & until:
        wider = (
            reached
            | (reached & down) << SIDE
            | reached >> SIDE & down
            | (reached & right) << 1
            | reached >> 1 & right
        )
        if wider == reached:
            break
        reached = wider
        layers.append(reached)
    return layers


def _shortest_way(cell: int, goal: int, down: int, right: int) -> tuple[int, int]:
    """Return the ways down and to the right of one shortest path, as bits of where they begin."""
    layers = _spread(1 << cell, down, right, until=goal)
    at = (layers[-1] & goal).bit_length() - 1
    down_ways = right_ways = 0
    for before in reversed(layers[:-1]):
        for step in (_UP, _DOWN, _LEFT, _RIGHT):
            upper = min(at, at + step)
            ways = right if abs(step) == 1 else down
            if upper >= 0 and ways >> upper & 1 and before >> at + step & 1:
                if abs(step) == 1:
                    right_ways |= 1 << upper
                else:
                    down_ways |= 1 << upper
                at += step
                break
    return down_ways, right_ways


def _turned(action: int) -> int:
    """Return an action's number on the board that is turned by half."""
    if action < CELLS:
        return CELLS - 1 - action
    kind, place = divmod(action - CELLS, PLACES)
    return CELLS + PLACES * kind + PLACES - 1 - place


def _bits(walls: int) -> list[int]:
    found = []
    while walls:
        found.append((walls & -walls).bit_length() - 1)
        walls &= walls - 1
    return found


class QuoridorGames:
    """See Games."""

    spec: Final = EnvironmentSpec(
        name="quoridor",
        version="1",
        observation=SHAPE,
        actions=Vocabulary(ACTIONS),
        is_forkable=True,
    )

    def __init__(self) -> None:
        none = Symmetry(np.arange(PLANES * CELLS), np.arange(ACTIONS))
        self.symmetries: tuple[Symmetry, ...] = (none, _mirror())

    def new(self, _seed: int) -> Quoridor:
        """See Games."""
        return Quoridor()

    def describe(self, game: Game, action: int) -> str:
        """See Games."""
        absolute = _turned(action) if game.current_player else action
        if absolute < CELLS:
            return f"step to {'abcdefghi'[absolute % SIDE]}{absolute // SIDE + 1}"
        kind, place = divmod(absolute - CELLS, PLACES)
        where = f"{'abcdefgh'[place % (SIDE - 1)]}{place // (SIDE - 1) + 1}"
        return f"{('horizontal', 'vertical')[kind]} wall at {where}"


def _mirror() -> Symmetry:
    """Left and right changed over: cells of nine columns, walls of eight."""
    board = np.arange(CELLS).reshape(SIDE, SIDE)
    cells = board[:, ::-1]
    walls = board.copy()
    walls[:-1, :-1] = board[:-1, -2::-1]
    places = np.arange(PLACES).reshape(SIDE - 1, SIDE - 1)[:, ::-1].reshape(-1)
    planes = (cells, cells, walls, walls, board, board)
    observation = [CELLS * number + plane.reshape(-1) for number, plane in enumerate(planes)]
    actions = [cells.reshape(-1), HORIZONTAL + places, VERTICAL + places]
    return Symmetry(np.concatenate(observation), np.concatenate(actions))
