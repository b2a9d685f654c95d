"""Matches in lock step: pairs, openings, and results that no place and no order changes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_contracts.environment_config import BuiltIn, OpenSpiel
from trainingrun_environments.games import Games
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Table, Uniform
from trainingrun_search.matches import (
    GreedyPlayer,
    Match,
    MatchGame,
    Pairing,
    Player,
    SearchingPlayer,
    ladder_player,
    measured_settings,
    places_for,
    swapped,
)
from trainingrun_search.openings import draw_openings, plies_needed
from trainingrun_search.players import mcts_settings
from trainingrun_search.settings import Method, SearchSettings

GAMES = games_of(BuiltIn("tic_tac_toe"))
CONNECT_FOUR = games_of(BuiltIn("connect_four"))
EVEN = SearchSettings(simulations=20, noise_share=0.0, is_greedy=True, reuse_tree=False)


def pairs(count: int, games: Games = GAMES) -> list[Pairing]:
    """Games of ``near`` and ``far`` in swapped pairs."""
    first = [
        Pairing(("near", "far"), seed, opening)
        for seed, opening in enumerate(draw_openings(games, range(count)))
    ]
    return [each for one in first for each in (one, swapped(one))]


def played(match: Match) -> list[MatchGame]:
    """All games, by their numbers."""
    found: list[MatchGame] = []
    while not match.is_over:
        found += match.round()
    return sorted(found, key=lambda game: game.number)


def two(places: int) -> dict[str, Player]:
    """Two players who play the same from the same position, whatever is beside it."""
    return {
        "near": SearchingPlayer(GAMES, Table(actions=9, seed=1), EVEN, places=places),
        "far": SearchingPlayer(GAMES, Uniform(), EVEN, places=places),
    }


@pytest.mark.parametrize("name", ["tic_tac_toe", "connect_four", "hex", "go"])
def test_openings_are_different_and_of_one_length(name: str) -> None:
    """Expect as few moves as give every pair an opening of its own."""
    games = games_of(BuiltIn(name))
    found = draw_openings(games, range(20))
    assert len(set(found)) == len(found) == 20
    assert {len(each) for each in found} == {plies_needed(games, 0, openings=20)}
    assert all(not after(games, seed, each).is_terminal for seed, each in enumerate(found))


def test_openings_come_from_seeds() -> None:
    """Expect the same ones again, and others from other seeds."""
    assert draw_openings(GAMES, range(10)) == draw_openings(GAMES, range(10))
    assert draw_openings(GAMES, range(10)) != draw_openings(GAMES, range(10, 20))
    assert draw_openings(GAMES, ()) == ()


def test_more_pairs_have_longer_openings_up_to_a_limit() -> None:
    """Expect openings to grow with their number, and to repeat where there are too few."""
    plies = [plies_needed(CONNECT_FOUR, 0, openings=count) for count in (1, 20, 200, 10**9)]
    assert plies == sorted(plies)
    assert plies[-1] == 8
    crowd = draw_openings(GAMES, range(400))
    assert len(crowd) == 400
    assert all(not after(GAMES, 0, each).is_terminal for each in crowd)


def test_a_pair_is_one_opening_with_changed_seats() -> None:
    """Expect both games to begin with the same moves, and the players to have changed."""
    pairings = pairs(6)
    games = played(Match(GAMES, two(4), pairings, places=4))
    assert [game.number for game in games] == list(range(12))
    for first, second in list(pairwise(games))[::2]:
        opening = pairings[first.number].opening
        assert opening
        assert first.actions[: len(opening)] == second.actions[: len(opening)] == opening
        names = pairings[first.number].players
        assert pairings[second.number].players == (names[1], names[0])


def test_results_do_not_depend_on_places() -> None:
    """Expect the same games with one place and with many, in which they end in another order."""
    alone, together = (played(Match(GAMES, two(n), pairs(8), places=n)) for n in (1, 7))
    assert alone == together
    assert len({game.actions for game in alone}) > 8


def test_outcomes_are_of_the_game_as_it_was_played() -> None:
    """Expect the same moves in a game of its own to give the same outcome."""
    for game in played(Match(GAMES, two(4), pairs(8), places=4)):
        end = after(GAMES, game.number // 2, game.actions)
        assert end.is_terminal
        first, second = end.returns
        assert game.outcome == (first - second) / 2


def test_a_stop_plays_what_runs_to_its_end() -> None:
    """Expect the games that had begun, and no other."""
    match = Match(GAMES, two(3), pairs(20), places=3)
    match.round()
    begun = match.running
    match.stop()
    assert {game.number for game in played(match)} == set(begun) == {0, 1, 2}


def test_a_game_that_is_too_long_is_a_draw() -> None:
    """Expect games to be cut off at the most moves, and to say so."""
    games = played(Match(GAMES, two(4), pairs(4), places=4, most_moves=4))
    assert all(game.is_capped and game.outcome == 0 for game in games)
    assert {len(game.actions) for game in games} == {4}


def test_more_simulations_win() -> None:
    """Expect 400 simulations to beat 5, from both seats together."""
    players = {
        "near": ladder_player(CONNECT_FOUR, simulations=400, seed=1, places=16),
        "far": ladder_player(CONNECT_FOUR, simulations=5, seed=2, places=16),
    }
    games = played(Match(CONNECT_FOUR, players, pairs(20, CONNECT_FOUR), places=16))
    score = sum(game.outcome if game.number % 2 == 0 else -game.outcome for game in games)
    assert score > 25


@pytest.mark.parametrize("game", ["connect_four", "openSpiel"])
def test_without_a_search_the_likeliest_action_is_played(game: str) -> None:
    """Expect the evaluator's largest prior among the legal actions, of several games at once."""
    config = BuiltIn(game) if game == "connect_four" else OpenSpiel("connect_four")
    games = games_of(config)
    table = Table(actions=7, seed=3)
    player = GreedyPlayer(games, table, places=4)
    full = after(games, 0, (2, 2, 2, 2, 2, 2))
    for place in (3, 1):
        player.ask(place, full, seed=0)
    chosen = dict(player.advance())
    assert set(chosen) == {1, 3}
    assert chosen[1] == chosen[3] != 2
    assert player.advance() == ()


def test_what_counts_is_played_without_noise() -> None:
    """Expect the run's own search, without noise or a kept tree."""
    found = measured_settings(SearchConfig(simulations=80, method="puct", exploration=2.0))
    assert (found.simulations, found.method, found.exploration) == (80, Method.PUCT, 2.0)
    assert (found.noise_share, found.is_greedy, found.reuse_tree) == (0.0, True, False)
    assert measured_settings(SearchConfig(simulations=10)).is_gumbel


def test_trees_bound_how_many_games_are_played_at_once() -> None:
    """Expect all places for small trees and at least one for the largest."""
    assert places_for(CONNECT_FOUR, [mcts_settings(50)]) == 64
    assert places_for(CONNECT_FOUR, [mcts_settings(50), mcts_settings(100_000)]) == 5
    assert places_for(games_of(BuiltIn("go")), [mcts_settings(100_000)]) == 1
    assert places_for(CONNECT_FOUR, []) == 64


def after(games: Games, seed: int, actions: tuple[int, ...]):  # type: ignore[no-untyped-def]
    """The game of a seed after actions."""
    game = games.new(seed)
    for action in actions:
        game.apply(action)
    return game
