"""The compiled search against the plain one: the same visits, values and policies, to the bit.

``SOAK_SHARE`` says what part of 10,000 positions is compared; a fifth of it here.
"""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_environments.games import Games
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Table
from trainingrun_search.lockstep import Lockstep
from trainingrun_search.positions import vocabulary_size
from trainingrun_search.reference import Reference
from trainingrun_search.roots import draw
from trainingrun_search.settings import Method, SearchSettings

from testkit.soak_share import share_of

POSITIONS = 10_000
MOST_MOVES = 40
KINDS = {
    "puct": SearchSettings(simulations=40, method=Method.PUCT),
    "puct without a kept tree": SearchSettings(
        simulations=30, method=Method.PUCT, reuse_tree=False, noise_share=0.0
    ),
    "puct without proofs": SearchSettings(simulations=40, method=Method.PUCT, solve=False),
    "puct with virtual loss": SearchSettings(simulations=48, method=Method.PUCT, leaves=4),
    "gumbel": SearchSettings(simulations=32, method=Method.GUMBEL),
    "gumbel, few considered": SearchSettings(simulations=16, considered=4, visit_scale=1.0),
    "gumbel, greedy": SearchSettings(simulations=24, is_greedy=True),
}
GAMES = ("breakthrough", "connect_four", "hex", "othello", "quoridor", "tic_tac_toe")


def games_named(name: str) -> Games:
    """The games of a built-in environment."""
    return games_of(BuiltIn(name))


def compare_game(games: Games, settings: SearchSettings, seed: int) -> int:
    """Search a game from a random opening by both; returns how many positions were equal."""
    table = Table(actions=vocabulary_size(games.spec), seed=seed)
    slow, fast = Reference(games, table, settings), Lockstep(games, table, settings, slots=1)
    game, random = games.new(seed), Random(seed)
    for _ in range(random.randrange(12)):
        game.apply(random.choice(game.legal_actions()))
        if game.is_terminal:
            return 0
    slow.place(game, np.random.default_rng(seed))
    fast.place(0, game, np.random.default_rng(seed))
    draws = np.random.default_rng(seed + 1)
    for compared in range(MOST_MOVES):
        slow.run()
        while not fast.done():
            fast.round()
        place = same_root(slow, fast, draws)
        game.apply(slow.root.edges[place].action)
        if game.is_terminal:
            return compared + 1
        action = slow.root.edges[place].action
        is_kept = slow.play(place)
        assert fast.play(0, action) == is_kept
        if not is_kept:
            slow.place(game, np.random.default_rng(seed))
            fast.place(0, game, np.random.default_rng(seed))
    return MOST_MOVES


def same_root(slow: Reference, fast: Lockstep, draws: np.random.Generator) -> int:
    """Hold the roots of both against each other; returns the place of the move to play."""
    root, edges = fast.root(0), slow.root.edges
    assert root.actions.tolist() == [edge.action for edge in edges]
    assert root.visits.tolist() == [edge.visits for edge in edges]
    assert root.priors.tolist() == [edge.prior for edge in edges]
    values = [edge.mean if edge.visits else math.nan for edge in edges]
    np.testing.assert_array_equal(root.values, values)
    assert root.policy.tolist() == pytest.approx(slow.policy(), abs=1e-12)
    assert root.best == slow.best()
    assert root.is_certain == (slow.root.exact is not None)
    return draw(root.policy, 1.0, draws)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GAMES)
def test_the_compiled_search_is_the_plain_one(name: str, kind: str) -> None:
    """Expect equal roots at every move of games from random openings, until the share is done."""
    wanted = share_of(POSITIONS) // (len(KINDS) * len(GAMES))
    compared = seed = 0
    games = games_named(name)
    while compared < wanted:
        compared += compare_game(games, KINDS[kind], seed)
        seed += 1
