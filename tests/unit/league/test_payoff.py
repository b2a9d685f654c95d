"""Who beats whom: payoffs, the mixture that nobody beats, and how much of a pool is a circle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.elo.payoff import chances, nash, non_transitivity, scores_among
from trainingrun_league.elo.ranking import Sums, empty_sums

CIRCLE = np.array([[0.5, 0.1, 0.9], [0.9, 0.5, 0.1], [0.1, 0.9, 0.5]])
"""Rock, paper, scissors."""


def sums(players: str, *rows: tuple[int, int, int, int, int]) -> Sums:
    """Return results of pairings: first, second, wins, draws, losses."""
    table = np.array(rows, np.int64)
    return Sums(tuple(players), table[:, 0], table[:, 1], table[:, 2:])


def ladder(*elo: float) -> np.ndarray:
    """Return the chances of players that ratings describe wholly."""
    none = np.zeros((len(elo), len(elo), 3), np.int64)
    return chances(none, np.array(elo))


def test_scores_are_seen_from_the_row_in_the_order_that_is_asked_for() -> None:
    """Expect losses of one to be wins of the other, and players without results to have none."""
    known = sums("abc", (0, 1, 5, 2, 1), (1, 2, 3, 0, 0))
    found = scores_among(known, ("b", "a", "x"))
    assert found[0, 1].tolist() == [1, 2, 5]
    assert found[1, 0].tolist() == [5, 2, 1]
    assert not found[2].any()
    assert not found[:, 2].any()
    assert not scores_among(empty_sums(), ("a", "b")).any()


def test_one_expected_game_stands_on_top_of_those_played() -> None:
    """Expect the ratings' chance without games, and (wins + draws / 2 + chance) / (games + 1)."""
    scores = np.zeros((2, 2, 3), np.int64)
    expected = 1 / (1 + 10 ** (-200 / 400))
    assert chances(scores, np.array([200.0, 0.0]))[0, 1] == pytest.approx(expected)
    scores[0, 1], scores[1, 0] = (6, 2, 1), (1, 2, 6)
    found = chances(scores, np.array([200.0, 0.0]))
    assert found[0, 1] == pytest.approx((7 + expected) / 10)
    assert found[0, 1] + found[1, 0] == pytest.approx(1)
    assert found[0, 0] == 0.5


def test_a_player_without_a_rating_counts_as_the_anchor() -> None:
    """Expect even chances against 0 Elo."""
    assert ladder(float("nan"), 0.0)[0, 1] == pytest.approx(0.5)


def test_the_mixture_of_a_circle_is_even_and_of_a_ladder_its_best_player() -> None:
    """Expect thirds for rock, paper, scissors; all on the strongest where one is."""
    assert nash(CIRCLE) == pytest.approx([1 / 3] * 3, abs=1e-9)
    assert nash(ladder(0.0, 300.0, 100.0)) == pytest.approx([0, 1, 0], abs=1e-9)
    assert nash(ladder(5.0)).tolist() == [1.0]
    assert nash(np.zeros((0, 0))).tolist() == []


def test_the_mixture_of_an_uneven_circle_is_the_known_one() -> None:
    """Expect weights in proportion to the payoff between the other two, which is the solution of
    a 3 x 3 symmetric game with a circle."""
    payoff = np.array([[0.0, -0.2, 0.8], [0.2, 0.0, -0.4], [-0.8, 0.4, 0.0]])
    weights = np.array([0.4, 0.8, 0.2])
    assert nash((payoff + 1) / 2) == pytest.approx(weights / weights.sum(), abs=1e-9)


@given(st.integers(2, 24), st.integers(0, 2**32 - 1))
def test_nobody_beats_the_mixture(players: int, seed: int) -> None:
    """Expect a payoff of at least 0 against each player, in any pool; its weights sum to 1."""
    wins = np.random.default_rng(seed).uniform(0.01, 0.99, (players, players))
    chance = (wins + 1 - wins.T) / 2
    mixture = nash(chance)
    assert mixture.sum() == pytest.approx(1)
    assert mixture.min() >= 0
    assert (mixture @ (2 * chance - 1)).min() >= -1e-7


@pytest.mark.parametrize("players", [3, 16, 60])
def test_pools_with_many_such_mixtures_have_one(players: int) -> None:
    """Expect one where corners of the program coincide: equals, winners alone, almost a ring."""
    chance = np.random.default_rng(players)
    signs = np.triu(chance.integers(-1, 2, (players, players)), 1).astype(float)
    rows, columns = chance.normal(size=(2, players))
    ring = np.tanh(np.outer(rows, columns) - np.outer(columns, rows))
    for payoff in (np.zeros((players, players)), signs - signs.T, ring):
        mixture = nash((payoff + 1) / 2)
        assert mixture.sum() == pytest.approx(1)
        assert mixture.min() >= 0
        assert (mixture @ payoff).min() >= -2e-9


def test_a_ladder_has_no_circle_and_rock_paper_scissors_nothing_else() -> None:
    """Expect 0 of any Bradley-Terry pool, however steep, and 1 of the even circle."""
    assert non_transitivity(ladder(0.0, 120.0, 900.0, -400.0)) == pytest.approx(0, abs=1e-12)
    assert non_transitivity(CIRCLE) == pytest.approx(1)
    assert non_transitivity(ladder(0.0, 0.0, 0.0)) == 0
    assert non_transitivity(ladder(0.0, 500.0)) == 0


def test_what_is_partly_a_circle_lies_between() -> None:
    """Expect the cyclic part's share of the squared log-odds, which are planted here."""
    steps, circle = np.array([0.0, 1.0, 2.0]), np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    gradient = steps[:, None] - steps[None, :]
    odds = gradient + 0.5 * circle
    chance = 1 / (1 + np.exp(-odds))
    share = (0.25 * 6) / ((gradient**2).sum() + 0.25 * 6)
    assert non_transitivity(chance) == pytest.approx(share)
