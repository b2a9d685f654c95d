"""Games come in swapped pairs, reproducibly, with opponents by the configured shares."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from trainingrun_actor.schedule import evaluation_matchups, training_matchups
from trainingrun_contracts.run_config import SelfPlayConfig

DECKS = ("red", "white", "blue")


def test_pairs_swap_seats_over_the_same_game() -> None:
    """Both games of a pair have the same decks and seed; the learner changes seats."""
    games = list(islice(training_matchups(DECKS, SelfPlayConfig(), seed="1"), 40))
    for first, second in zip(games[::2], games[1::2], strict=True):
        assert (first.decks, first.seed, first.opponent) == (
            second.decks, second.seed, second.opponent,
        )  # fmt: skip
        assert {first.seat, second.seat} == {1, 2}


def test_the_same_seed_gives_the_same_games() -> None:
    """Another seed gives others."""

    def games(seed: str) -> list[object]:
        return list(islice(training_matchups(DECKS, SelfPlayConfig(), seed=seed), 20))

    assert games("1") == games("1") != games("2")


def test_shares_are_normalised() -> None:
    """Shares of 0.2 and 0.2 mean one half each; a share of 0 never comes."""
    shares = SelfPlayConfig(latest=0.2, past=0.0, scripted=0.2)
    games = islice(training_matchups(DECKS, shares, seed="1"), 4000)
    counts = Counter(game.opponent for game in games)
    assert set(counts) == {"latest", "random", "aggressive"}
    assert 1800 < counts["latest"] < 2200


def test_no_shares_mean_self_play() -> None:
    """Three zeros give the latest policy as opponent."""
    shares = SelfPlayConfig(latest=0, past=0, scripted=0)
    games = islice(training_matchups(DECKS, shares, seed="1"), 10)
    assert {game.opponent for game in games} == {"latest"}


def test_evaluations_are_whole_pairs() -> None:
    """An odd number of games is rounded up, and half of them are played from each seat."""
    games = evaluation_matchups(DECKS, ["random"], games=9, seed="1")
    assert Counter(game.seat for game in games) == {1: 5, 2: 5}


def test_opponents_of_an_evaluation_take_turns() -> None:
    """Each pair has one opponent, and all get the same number of pairs."""
    games = evaluation_matchups(DECKS, ["v1", "v2", "v3"], games=18, seed="1")
    assert [game.opponent for game in games[:8]] == ["v1", "v1", "v2", "v2", "v3", "v3", "v1", "v1"]
    assert set(Counter(game.opponent for game in games).values()) == {6}


def test_scripted_players_are_those_that_are_named() -> None:
    """Only the engine's own player, when only it is named."""
    shares = SelfPlayConfig(latest=0, past=0, scripted=1, scripted_players=("engine",))
    assert {game.opponent for game in islice(training_matchups(DECKS, shares, seed="1"), 20)} == {
        "engine"
    }
