"""Symmetries of a game: other ways to see a position that mean the same.

``Games`` may have an attribute ``symmetries``; training shows a network positions in them, and
search may ask for an evaluation in one of them. A game without the attribute has none but itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from trainingrun_contracts.environment_spec import EnvironmentSpec

from trainingrun_environments.games import Games

Numbers = npt.NDArray[np.int64]
_CHECKED_MOVES: Final = 300


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


def symmetry_from(spec: EnvironmentSpec, observation: Any, actions: Any) -> Symmetry:
    """Return a symmetry that somebody has written down; raises ValueError where a list has not each
    place once.
    """
    lists = {
        "observation": (observation, spec.state_width),
        "actions": (actions, spec.action_inputs),
    }
    for name, (given, size) in lists.items():
        if sorted(given) != list(range(size)):
            raise ValueError(f"its list of {name} must have each number from 0 to {size - 1} once")
    return Symmetry(np.array(observation, np.int64), np.array(actions, np.int64))


def check_symmetries(games: Games) -> None:
    """Play a random game and its image in each symmetry; raises ValueError where they differ."""
    for number, symmetry in enumerate(symmetries_of(games)[1:], 1):
        game, image, random = games.new(0), games.new(0), Random(number)
        for move in range(_CHECKED_MOVES):
            when = f"symmetry {number} after {move} moves"
            for player in (0, 1):
                seen = game.observation(player).reshape(-1)[symmetry.observation]
                if not np.array_equal(seen, image.observation(player).reshape(-1)):
                    raise ValueError(f"{when}: the image shows something else to player {player}")
            if game.is_terminal:
                break
            legal = list(game.legal_actions())
            if sorted(symmetry.actions[legal].tolist()) != sorted(image.legal_actions()):
                raise ValueError(f"{when}: the image has other legal actions")
            action = random.choice(legal)
            game.apply(action)
            image.apply(int(symmetry.actions[action]))


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
