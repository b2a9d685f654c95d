"""Symmetries of a game: other ways to see a position that mean the same.

``Games`` may have an attribute ``symmetries``; training shows a network positions in them, and
search may ask for an evaluation in one of them. A game without the attribute has none but itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from trainingrun_environments.games import Games

Numbers = npt.NDArray[np.int64]


class Symmetry(Struct, frozen=True):
    """One symmetry. What happens in its image is what happens in the game: an action is legal in
    the image where it is in the game, and leads to the image of where it leads.

    Attributes:
        observation: [numbers]: the image of a flat observation ``o`` is ``o[observation]``.
        actions: [actions]: the image of action ``a`` is ``actions[a]``.
    """

    observation: Numbers
    actions: Numbers


def symmetries_of(games: Games) -> Sequence[Symmetry]:
    """Return the symmetries of games, the one that changes nothing first."""
    found: Sequence[Symmetry] | None = getattr(games, "symmetries", None)
    if found:
        return found
    actions = np.arange(games.spec.action_inputs)
    return (Symmetry(np.arange(games.spec.state_width), actions),)


def symmetry_of_cells(planes: int, cells: npt.NDArray[Any], actions: npt.NDArray[Any]) -> Symmetry:
    """Return a symmetry that moves the cells of every plane alike: the image's cell ``i`` shows
    what cell ``cells[i]`` shows in the game.
    """
    flat = np.asarray(cells, np.int64).reshape(-1)
    observation = np.concatenate([flat + plane * len(flat) for plane in range(planes)])
    return Symmetry(observation, np.asarray(actions, np.int64))


def images_of_square(side: int) -> tuple[Numbers, ...]:
    """Return the cells of a square board in its eight symmetries, the identity first: in each,
    the image's cell ``i`` shows cell ``cells[i]``.
    """
    board = np.arange(side * side).reshape(side, side)
    turned = [np.rot90(board, turns) for turns in range(4)]
    both = [*turned, *(each[:, ::-1] for each in turned)]
    return tuple(each.reshape(-1).copy() for each in both)


def places_of(cells: Numbers) -> Numbers:
    """Return where each cell goes: the inverse of ``cells``."""
    return np.argsort(cells)
