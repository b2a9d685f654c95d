"""Games come in swapped pairs, reproducibly, with opponents by the configured shares."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_actor.schedule import deck_pairs, evaluation_matchups, training_matchups
from trainingrun_contracts.run_config import SelfPlayConfig

DECKS = ("red", "white", "blue")


def test_pairs_swap_seats_over_the_same_game() -> None:
    """Both games of a pair have the same decks and seed; the learner changes seats."""
    games = list(islice(training_matchups(DECKS, SelfPlayConfig(), seed="1"), 40))
    for first, second in zip(games[::2], games[1::2], strict=True):
        assert (first.decks, first.seed, first.opponent) == (
            second.decks,
            second.seed,
            second.opponent,
        )
        assert {first.seat, second.seat} == {1, 2}


@given(count=st.integers(1, 8), rounds=st.integers(1, 4), seed=st.integers())
def test_each_round_every_deck_meets_every_deck_from_either_seat(
    count: int, rounds: int, seed: int
) -> None:
    """Itself too; so each deck sits in each seat equally often."""
    decks = [f"deck {number}" for number in range(count)]
    drawn = list(islice(deck_pairs(decks, Random(seed)), rounds * count**2))
    for begin in range(0, len(drawn), count**2):
        assert len(set(drawn[begin : begin + count**2])) == count**2
    for seat in (0, 1):
        assert set(Counter(pair[seat] for pair in drawn).values()) == {rounds * count}


@given(count=st.integers(2, 8), pairs=st.integers(1, 300), seed=st.integers())
def test_at_any_moment_seats_are_balanced_within_one(count: int, pairs: int, seed: int) -> None:
    """No deck has been dealt to a seat more than once more than another deck or to the other seat,
    and two decks have met with either of them in the first seat equally often, or nearly."""
    decks = [f"deck {number}" for number in range(count)]
    met = Counter(islice(deck_pairs(decks, Random(seed)), pairs))
    dealt: Counter[tuple[int, str]] = Counter()
    for pair, times in met.items():
        for seat in (0, 1):
            dealt[seat, pair[seat]] += times
    numbers = [dealt[seat, deck] for seat in (0, 1) for deck in decks]
    assert max(numbers) - min(numbers) <= 1
    for first in decks:
        for second in decks:
            assert abs(met[first, second] - met[second, first]) <= 1


@pytest.mark.parametrize("games", [1, 2, 7, 100, 301])
def test_the_learner_plays_both_seats_and_both_decks_equally_often(games: int) -> None:
    """Within one game: who begins, and which of two decks one gets, favours no one."""
    played = list(islice(training_matchups(DECKS, SelfPlayConfig(), seed="1"), games))
    seats = Counter(game.seat for game in played)
    assert abs(seats[1] - seats[2]) <= 1
    own = Counter((game.decks, game.decks[game.seat - 1]) for game in played)
    for one, other in {game.decks for game in played if game.decks[0] != game.decks[1]}:
        assert abs(own[(one, other), one] - own[(one, other), other]) <= 1


def test_the_order_of_decks_is_drawn() -> None:
    """Another seed deals them in another order, and so does the next round."""
    every = list(islice(deck_pairs(DECKS, Random(1)), 18))
    assert every[:9] != every[9:]
    assert every[:9] != list(islice(deck_pairs(DECKS, Random(2)), 9))


def test_every_opponent_of_an_evaluation_meets_the_same_decks() -> None:
    """So that their win rates can be compared."""
    games = evaluation_matchups(DECKS, ["random", "aggressive"], games=36, seed="1")
    met = {
        name: [game.decks for game in games if game.opponent == name]
        for name in ("random", "aggressive")
    }
    assert met["random"] == met["aggressive"]
    assert len(set(met["random"])) == 9


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
