"""The laws of every environment whose games live in this process.

Sequences of moves come from seeds; a game that needs more than ``MOST_MOVES`` would break the last
law. A new environment is one more entry of ``ALL``.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from trainingrun_contracts.environment_config import (
    BuiltIn,
    EnvironmentConfig,
    OpenSpiel,
    PettingZoo,
    Python,
)
from trainingrun_contracts.environment_spec import FEATURE_BOUND, Vocabulary
from trainingrun_environments.games import Game, Games
from trainingrun_environments.registry import games_of

MOST_MOVES = 2000
SEEDS = range(20)
OTHERS: dict[str, EnvironmentConfig] = {
    "OpenSpiel's connect_four": OpenSpiel("connect_four"),
    "OpenSpiel's breakthrough": OpenSpiel("breakthrough", {"rows": 6, "columns": 6}),
    "OpenSpiel's hex": OpenSpiel("hex", {"board_size": 5}),
    "OpenSpiel's kuhn_poker": OpenSpiel("kuhn_poker"),
    "OpenSpiel's tic_tac_toe": OpenSpiel("tic_tac_toe"),
    "OpenSpiel's backgammon": OpenSpiel("backgammon"),
    "PettingZoo's connect_four": PettingZoo("classic.connect_four_v3"),
    "PettingZoo's tictactoe": PettingZoo("classic.tictactoe_v3"),
    "a class": Python("tests.unit.environments.test_python_object:CopiedRace"),
}
OURS = ("breakthrough", "connect_four", "go", "hex", "othello", "quoridor", "tic_tac_toe")
BY_CHANCE_OR_HIDDEN = ("OpenSpiel's backgammon", "OpenSpiel's kuhn_poker")
"""A search of these would see dice that have not fallen, or another player's card."""
ALL = {
    name: {"zero_sum"} | ({"forkable"} if name not in BY_CHANCE_OR_HIDDEN else set())
    for name in (*OURS, *OTHERS)
}
"""Name, and the laws that hold for this one besides."""


@pytest.fixture(params=sorted(ALL))
def name(request: pytest.FixtureRequest) -> str:
    """Each environment."""
    found: str = request.param
    return found


@pytest.fixture
def games(name: str) -> Games:
    """Its games."""
    return games_of(OTHERS.get(name) or BuiltIn(name))


def seen(game: Game) -> tuple[Any, ...]:
    """All that can be seen of a game."""
    observations = tuple(game.observation(player).tobytes() for player in (0, 1))
    mover = None if game.is_terminal else game.current_player
    return (*observations, mover, tuple(game.legal_actions()), game.returns, game.render())


def played(games: Games, seed: int, *, moves: int = MOST_MOVES) -> tuple[Game, list[int]]:
    """A game after a number of random moves, or at its end; and the moves."""
    game, random, actions = games.new(seed), Random(seed), list[int]()
    while not game.is_terminal and len(actions) < moves:
        actions.append(random.choice(game.legal_actions()))
        game.apply(actions[-1])
    return game, actions


def positions(games: Games) -> list[Game]:
    """Positions of games of all lengths, ends included."""
    return [played(games, seed, moves=2 * seed)[0] for seed in SEEDS]


def test_the_same_seed_and_actions_give_the_same_game(games: Games) -> None:
    """Expect a game that is played again to look the same at every step."""
    for seed in SEEDS:
        _, actions = played(games, seed)
        first, second = games.new(seed), games.new(seed)
        for action in actions:
            first.apply(action)
            second.apply(action)
            assert seen(first) == seen(second)


def test_every_game_ends(games: Games) -> None:
    """Expect an end, and nothing to choose after it."""
    for seed in SEEDS:
        game, _ = played(games, seed)
        assert game.is_terminal


def test_there_is_something_to_choose_before_the_end(games: Games) -> None:
    """Expect ascending numbers of the vocabulary, at least one."""
    actions = games.spec.actions
    assert isinstance(actions, Vocabulary)
    for game in positions(games):
        legal = list(game.legal_actions())
        assert legal == sorted(set(legal))
        assert game.is_terminal or legal
        assert all(0 <= action < actions.size for action in legal)


def test_observations_are_as_the_spec_says(games: Games) -> None:
    """Expect its shape, one type, and finite numbers within the bound, for both players."""
    for game in positions(games):
        for player in (0, 1):
            found = game.observation(player)
            assert found.shape == games.spec.observation
            assert found.dtype == games.new(0).observation(0).dtype
            assert np.isfinite(found).all()
            assert np.abs(found).max() <= FEATURE_BOUND


def test_an_observation_is_no_window(games: Games) -> None:
    """Expect an observation that was taken to stay when the game continues."""
    game = games.new(1)
    before = game.observation(0)
    kept = before.copy()
    game.apply(game.legal_actions()[0])
    assert (before == kept).all()


def test_returns_are_within_the_bound(name: str, games: Games) -> None:
    """Expect nothing beyond it, and a zero sum where that is a law of the game."""
    for seed in SEEDS:
        first, second = played(games, seed)[0].returns
        assert max(abs(first), abs(second)) <= games.spec.reward_bound
        assert first + second == 0 or "zero_sum" not in ALL[name]


def test_games_that_may_be_searched_say_so(name: str, games: Games) -> None:
    """Expect games of chance or of hidden cards to refuse a search, and every other to offer it."""
    assert games.spec.is_forkable == ("forkable" in ALL[name])


@pytest.mark.parametrize("name", sorted(each for each in ALL if "forkable" in ALL[each]))
def test_a_clone_goes_its_own_way(games: Games) -> None:
    """Expect a clone that looks the same, and neither of the two to feel the other's moves."""
    for game in positions(games):
        twin = game.clone()
        before = seen(game)
        assert seen(twin) == before
        if game.is_terminal:
            continue
        twin.apply(twin.legal_actions()[-1])
        assert seen(game) == before
        after = seen(twin)
        game.apply(game.legal_actions()[0])
        assert seen(twin) == after


def test_every_action_has_words(games: Games) -> None:
    """Expect one line of text for each, and different lines for different actions."""
    for game in positions(games):
        words = [games.describe(game, action) for action in game.legal_actions()]
        assert all(words)
        assert not any("\n" in each for each in words)
        assert len(set(words)) == len(words)


def test_a_game_can_be_looked_at(games: Games) -> None:
    """Expect text without a line end, before the game and after."""
    for game in positions(games):
        assert game.render()
        assert not game.render().endswith("\n")
