"""The positions of a search's nodes, and what the rules say of them.

The border between trees and games: numbers of nodes and actions come in, legal actions,
observations and results go out, all leaves of a round at once. ``PythonPositions`` holds any
forkable game; ``CompiledPositions`` those of which there are compiled rules, so that a simulation
does not enter the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary
from trainingrun_environments.games import Game, Games

from trainingrun_search.chance import Chance
from trainingrun_search.tree import NO_NODE, Bool, Int32, Leaves

Observations = npt.NDArray[Any]
"""[positions, *shape], as the player to move sees them."""
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
UInt64 = npt.NDArray[np.uint64]
States = npt.NDArray[Any]


class Positions(Protocol):
    """Positions by the number of their node."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of observations."""

    def place(self, node: int, game: Game) -> None:
        """Put a game's position at a node; the game stays the caller's."""

    def expand(self, leaves: Leaves, count: int, observations: Observations, legal: Bool) -> int:
        """Play each leaf's action and fill in what the rules say; those that are not over get a row
        of ``observations`` and of ``legal``. Returns the number of rows.
        """

    def observe(self, node: int) -> Observations:
        """Return what the player to move sees at a node."""

    def move(self, sources: Int32, targets: Int32) -> None:
        """Copy positions of nodes to other nodes, which are free."""

    def rollouts(self, nodes: Int32, seeds: UInt64) -> Float32:
        """Play random games from nodes that are not over; returns values for the player to move."""


def vocabulary_size(spec: EnvironmentSpec) -> int:
    """Return the number of actions; raises ValueError for games that cannot be searched."""
    if not spec.is_forkable:
        raise ValueError(
            f"the environment {spec.name!r} cannot be searched: its games cannot be cloned, or a"
            " clone would know what players do not (hidden information, chance to come): give its"
            " class a method clone(), or train it by PPO"
        )
    if not isinstance(spec.actions, Vocabulary):
        raise ValueError(
            f"the environment {spec.name!r} cannot be searched: its actions are no vocabulary"
        )
    return spec.actions.size


class PythonPositions:
    """Any forkable game; see Positions."""

    def __init__(self, games: Games, nodes: int) -> None:
        first = games.new(0)
        self.dtype = first.observation(first.current_player).dtype
        self._bound = games.spec.reward_bound
        self._games: list[Game | None] = [None] * nodes

    def place(self, node: int, game: Game) -> None:
        """See Positions."""
        self._games[node] = game.clone()

    def expand(self, leaves: Leaves, count: int, observations: Observations, legal: Bool) -> int:
        """See Positions."""
        rows = 0
        parents, nodes = (
            leaves.items[:count]["parent"].tolist(),
            leaves.items[:count]["node"].tolist(),
        )
        actions = leaves.items[:count]["action"].tolist()
        for leaf, (parent, node, action) in enumerate(zip(parents, nodes, actions, strict=True)):
            if parent != NO_NODE:
                game = self._game(parent).clone()
                game.apply(action)
                self._games[node] = game
            game = self._game(node)
            is_over = game.is_terminal
            leaves.items[leaf]["is_over"] = is_over
            if is_over:
                leaves.items[leaf]["player"] = 0
                leaves.items[leaf]["outcome"] = outcome_of(game, self._bound)
                leaves.items[leaf]["count"] = 0
                leaves.items[leaf]["row"] = -1
                continue
            found = game.legal_actions()
            leaves.items[leaf]["player"] = game.current_player
            leaves.items[leaf]["count"] = len(found)
            leaves.legal[leaf, : len(found)] = found
            leaves.items[leaf]["row"] = rows
            observations[rows] = game.observation(game.current_player)
            legal[rows] = False
            legal[rows, found] = True
            rows += 1
        return rows

    def observe(self, node: int) -> Observations:
        """See Positions."""
        game = self._game(node)
        return game.observation(game.current_player)

    def move(self, sources: Int32, targets: Int32) -> None:
        """See Positions."""
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            self._games[target] = self._games[source]

    def rollouts(self, nodes: Int32, seeds: UInt64) -> Float32:
        """See Positions."""
        found = [
            rollout(self._game(node), seed, self._bound)
            for node, seed in zip(nodes.tolist(), seeds.tolist(), strict=True)
        ]
        return np.array(found, np.float32)

    def _game(self, node: int) -> Game:
        game = self._games[node]
        assert game is not None
        return game


def outcome_of(game: Game, bound: float) -> float:
    """Return what a game that is over is worth to player 0, in [-1, 1]; a draw is 0."""
    first, second = game.returns
    return (first - second) / (2.0 * bound)


def rollout(game: Game, seed: int, bound: float) -> float:
    """Play a random game from here; returns its value for the player to move."""
    chance, mover, game = Chance(seed), game.current_player, game.clone()
    while not game.is_terminal:
        legal = game.legal_actions()
        game.apply(legal[chance.below(len(legal))])
    value = outcome_of(game, bound)
    return value if mover == 0 else -value


class Rules(NamedTuple):
    """Compiled rules of one game. A state is a row of ``width`` integers of ``dtype``."""

    dtype: type[np.int8 | np.int64]
    width: int
    most_legal: int
    state_of: Callable[[Game], States]
    """Reads a game's position from what its players see."""
    expand: Callable[[States, Leaves, int, npt.NDArray[np.uint8], Bool], int]
    """As ``Positions.expand``, with all states first; observations are flat."""
    observe: Callable[[States, npt.NDArray[np.uint8]], None]
    """Writes what the player to move sees, flat."""
    rollouts: Callable[[States, Int32, UInt64, Float32], None]
    """As ``Positions.rollouts``, into the last argument."""


class CompiledPositions:
    """Games with compiled rules; see Positions."""

    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(self, rules: Rules, spec: EnvironmentSpec, nodes: int) -> None:
        self._rules = rules
        self._spec = spec
        self._states = np.zeros((nodes, rules.width), rules.dtype)

    def place(self, node: int, game: Game) -> None:
        """See Positions."""
        self._states[node] = self._rules.state_of(game)

    def expand(self, leaves: Leaves, count: int, observations: Observations, legal: Bool) -> int:
        """See Positions."""
        flat = observations.reshape(len(observations), -1)
        return self._rules.expand(self._states, leaves, count, flat, legal)

    def observe(self, node: int) -> Observations:
        """See Positions."""
        seen = np.zeros(self._spec.state_width, np.uint8)
        self._rules.observe(self._states[node], seen)
        return seen.reshape(self._spec.observation)

    def move(self, sources: Int32, targets: Int32) -> None:
        """See Positions."""
        self._states[targets] = self._states[sources]

    def rollouts(self, nodes: Int32, seeds: UInt64) -> Float32:
        """See Positions."""
        found = np.zeros(len(nodes), np.float32)
        self._rules.rollouts(self._states, nodes, seeds, found)
        return found
