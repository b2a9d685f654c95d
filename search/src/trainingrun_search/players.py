"""Players that search: ``mcts-50`` … with random games in a network's place, and any evaluator's.

For a ladder of strength, and as opponents of whom nothing is trained.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from trainingrun_contracts.search_players import search_simulations
from trainingrun_environments.games import Game, Games

from trainingrun_search.evaluators import Evaluator, Request, Rollouts
from trainingrun_search.lockstep import Lockstep
from trainingrun_search.positions import vocabulary_size
from trainingrun_search.roots import Root
from trainingrun_search.rules import positions_of
from trainingrun_search.settings import Method, SearchSettings

LADDER: Final = (50, 100, 200, 400, 1000)
"""Simulations of the steps by which strength is measured."""
_CLASSIC_EXPLORATION: Final = 1.4
"""Of UCT, about the root of 2 (Kocsis and Szepesvari 2006): priors are uniform."""


def simulations_of(name: str) -> int:
    """Return the simulations of a player's name.

    Raises:
        ValueError: it is no such name.
    """
    found = search_simulations(name)
    if found is None:
        raise ValueError(
            f"the player {name!r} is none that searches: write mcts-N with N simulations a move,"
            " 1 to 100000, as mcts-100"
        )
    return found


class SearchPlayer:
    """Plays one game after another, each move by a search of its own."""

    def __init__(
        self, games: Games, evaluator: Evaluator, settings: SearchSettings, *, seed: int
    ) -> None:
        """Make room; raises ValueError where such games cannot be searched."""
        self._lockstep = Lockstep(games, evaluator, settings, slots=1)
        self._random = np.random.default_rng(seed)

    def search(self, game: Game) -> Root:
        """Search a position of a game that is not over; the game stays as it is."""
        self._lockstep.place(0, game, self._random)
        while not self._lockstep.done():
            self._lockstep.round()
        return self._lockstep.root(0)

    def choose(self, game: Game) -> int:
        """Return the action to play."""
        root = self.search(game)
        return int(root.actions[root.best])


def mcts_settings(simulations: int) -> SearchSettings:
    """Return how a step of the ladder searches: PUCT with even priors, no noise at the root."""
    return SearchSettings(
        simulations=simulations,
        method=Method.PUCT,
        exploration=_CLASSIC_EXPLORATION,
        first_play_reduction=0.0,
        noise_share=0.0,
        reuse_tree=False,
    )


def mcts_player(games: Games, *, simulations: int, seed: int) -> SearchPlayer:
    """Return the player of a step of the ladder, which plays one random game for each leaf and
    takes the most visited action.
    """
    return SearchPlayer(games, Rollouts(seed=seed), mcts_settings(simulations), seed=seed)


def request_of(games: Games, game: Game) -> Request:
    """Return the request for one position that is not over: what an evaluator says of it without a
    search.
    """
    positions = positions_of(games, 1)
    positions.place(0, game)
    legal = np.zeros((1, vocabulary_size(games.spec)), np.bool_)
    legal[0, list(game.legal_actions())] = True
    seen = game.observation(game.current_player)[None]
    return Request(seen, legal, np.zeros(1, np.int32), positions)
