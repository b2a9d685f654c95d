"""Compile what searches are made of, so that processes find it in numba's cache.

For the build of an image: ``python -m trainingrun_search.prewarm`` with the ``NUMBA_*`` variables
that the image's processes will have. A game of every kind with compiled rules is played by each
method, and a move by the player that knows no network.
"""

from __future__ import annotations

from itertools import product

from trainingrun_environments.names import config_of
from trainingrun_environments.registry import games_of

from trainingrun_search.evaluators import Uniform
from trainingrun_search.players import mcts_player
from trainingrun_search.rules import COMPILED
from trainingrun_search.selfplay import SelfPlay, SelfPlaySettings
from trainingrun_search.settings import Method, SearchSettings


def main() -> None:
    """Play; what is compiled on the way is kept by numba."""
    for (name, _), method in product(COMPILED, Method):
        games = games_of(config_of(name))
        settings = SelfPlaySettings(search=SearchSettings(simulations=8, method=method), slots=2)
        moves = sum(
            record.moves for record in SelfPlay(games, Uniform(), settings, seed=1).play([0])
        )
        mcts_player(games, simulations=4, seed=1).choose(games.new(0))
        print(f"{name}, {method.value}: {moves} moves")


if __name__ == "__main__":
    main()
