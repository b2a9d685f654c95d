"""What is made of the raw results of an evaluation."""

from __future__ import annotations

import pytest
from trainingrun_actor.evaluation_results import (
    Played,
    evaluation_of,
    pair_scores,
    rating_of,
)
from trainingrun_actor.match_runner import evenly
from trainingrun_actor.schedule import Matchup
from trainingrun_contracts.reports import DeckResult, Evaluation


def game(seat: int, reward: float, opponent: str = "random") -> Played:
    """Red sits in seat 1 and white in seat 2."""
    return Played(Matchup(("red", "white"), seat, 7, opponent), reward)


def evaluation(games: list[Played], version: int = 3, opponent: str = "random") -> Evaluation:
    """The result of these games."""
    return evaluation_of(games, opponent=opponent, version=version, training_games=50, at=9.0)


def test_raw_results_are_counted_by_decks() -> None:
    """The policy's deck is that of its own seat."""
    found = evaluation([game(1, 1.0), game(1, 1.0), game(2, -1.0), game(2, 0.0)])
    assert (found.games, found.wins, found.draws, found.rate) == (4, 2, 1, 0.625)
    assert set(found.results) == {
        DeckResult("random", "red", "white", games=2, wins=2, draws=0),
        DeckResult("random", "white", "red", games=2, wins=0, draws=1),
    }


def test_pairs_are_scored_in_order_up_to_the_first_gap() -> None:
    """Win and loss are one half; what comes behind a game that has not ended is not read."""
    rewards = [1.0, -1.0, 1.0, 1.0, 0.0, 1.0, 1.0, None, 1.0, 1.0]
    assert list(pair_scores(rewards)) == [0.5, 1.0, 0.75]


def test_the_rating_uses_all_results_so_far() -> None:
    """Version 5 never met the random player, but version 3, who did."""
    first = evaluation([game(1, 1.0)] * 30 + [game(2, -1.0)] * 10)
    second = evaluation([game(1, 1.0, "v3")] * 30 + [game(2, -1.0, "v3")] * 10, 5, "past")
    anchor, rating = rating_of(5, [first, second])
    assert anchor == "random"
    assert rating is not None
    alone = rating_of(3, [first])[1]
    assert alone is not None
    assert rating.elo == pytest.approx(2 * alone.elo)
    assert rating.error > alone.error


def test_results_of_before_the_raw_ones_were_kept_count() -> None:
    """A run that is resumed after an update keeps its history."""
    old = Evaluation(
        at=1.0,
        version=3,
        training_games=0,
        opponent="aggressive",
        games=10,
        wins=5,
        draws=0,
        rate=0.5,
        low=0.2,
        high=0.8,
    )
    anchor, rating = rating_of(3, [old])
    assert anchor == "aggressive"
    assert rating is not None
    assert rating.elo == pytest.approx(0.0)


def test_without_scripted_opponents_the_oldest_version_is_the_anchor() -> None:
    """By number, not by name: v9 is older than v10."""
    met = evaluation([game(1, 1.0, "v9"), game(1, -1.0, "v10")], 11, "past")
    assert rating_of(11, [met])[0] == "v9"


def test_without_the_random_player_the_weakest_search_is_the_anchor() -> None:
    """By simulations, not by name, and before any version."""
    met = [
        evaluation([game(1, 1.0, name), game(1, -1.0, name)], 11, name)
        for name in ("openspiel-mcts-20", "mcts-1000", "mcts-50", "v3")
    ]
    assert rating_of(11, met)[0] == "mcts-50"
    assert rating_of(11, [*met, evaluation([game(1, 1.0)], 11)])[0] == "random"


def test_oneself_gives_no_rating() -> None:
    """A version without a past plays itself, which says nothing."""
    assert rating_of(3, [evaluation([game(1, 1.0, "v3")], opponent="past")])[0] == "v3"


def test_snapshots_are_taken_evenly() -> None:
    """The oldest and the newest are among them."""
    many = [(f"sha{number}", number) for number in range(16)]
    assert [version for _, version in evenly(many, 4)] == [0, 5, 10, 15]
    assert evenly(many[:3], 4) == many[:3]
