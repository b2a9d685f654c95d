"""OpenSpiel's search on our games: it finds what it finds on its own, and sits in matches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import mcts
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.search_players import is_open_spiels, search_simulations
from trainingrun_environments.registry import games_of
from trainingrun_search.matches import Match, MatchGame, Pairing
from trainingrun_search.open_spiel_bot import OpenSpielBot, OpenSpielPlayer

GAMES = games_of(BuiltIn("tic_tac_toe"))
EXPLORATION = 2.0


def theirs(moves: list[int], *, simulations: int, seed: int) -> Any:
    """The root that the bot searches on OpenSpiel's own rules."""
    game = pyspiel.load_game("tic_tac_toe")
    state = game.new_initial_state()
    for move in moves:
        state.apply_action(move)
    random = np.random.RandomState(seed)
    evaluator = mcts.RandomRolloutEvaluator(1, random)
    bot = mcts.MCTSBot(game, EXPLORATION, simulations, evaluator, random_state=random)
    return bot.mcts_search(state)


@pytest.mark.parametrize("moves", [[], [4], [4, 0, 8], [0, 4, 8, 2, 6]])
@pytest.mark.parametrize("simulations", [2, 60, 500])
def test_it_finds_what_it_finds_on_its_own_rules(moves: list[int], simulations: int) -> None:
    """Expect the same visits of every move, the same values and the same choice, by one seed."""
    game = GAMES.new(0)
    for move in moves:
        game.apply(move)
    found = OpenSpielBot(GAMES, simulations=simulations).search(game, np.random.RandomState(5))
    root = theirs(moves, simulations=simulations, seed=5)
    assert dict(zip(found.actions, found.visits, strict=True)) == {
        child.action: child.explore_count for child in root.children
    }
    assert found.action == root.best_child().action
    for child, value in zip(
        sorted(root.children, key=lambda each: each.action), found.values, strict=True
    ):
        seen = child.total_reward / child.explore_count if child.explore_count else 0.0
        assert value == (seen if child.outcome is None else child.outcome[child.player])


def test_it_takes_a_win_and_leaves_the_game_alone() -> None:
    """Expect the third in a row, the game as it was, and a legal move of a single simulation."""
    game = GAMES.new(0)
    for move in (0, 3, 1, 4):
        game.apply(move)
    before = game.render()
    assert OpenSpielBot(GAMES, simulations=50).search(game, np.random.RandomState(1)).action == 2
    once = OpenSpielBot(GAMES, simulations=1).search(game, np.random.RandomState(1))
    assert once.action in game.legal_actions()
    assert game.render() == before


def test_matches_repeat_themselves_whatever_is_beside_them() -> None:
    """Expect the same games with one place and with eight."""

    def played(places: int) -> list[MatchGame]:
        players = {
            "near": OpenSpielPlayer(GAMES, simulations=20, seed=1),
            "far": OpenSpielPlayer(GAMES, simulations=10, seed=2),
        }
        pairings = [
            Pairing(("near", "far") if seed % 2 else ("far", "near"), seed, (seed % 9,))
            for seed in range(12)
        ]
        match, found = Match(GAMES, players, pairings, places=places), list[MatchGame]()
        while not match.is_over:
            found += match.round()
        return sorted(found, key=lambda each: each.number)

    assert [each.number for each in played(8)] == list(range(12))
    assert played(1) == played(8)


def test_names() -> None:
    """Expect both kinds to be names of players that search, and to be told apart."""
    assert search_simulations("openspiel-mcts-100") == search_simulations("mcts-100") == 100
    assert is_open_spiels("openspiel-mcts-100")
    for other in ("mcts-100", "openspiel-mcts-0", "openspiel-mcts-100001", "openspiel-"):
        assert not is_open_spiels(other)
