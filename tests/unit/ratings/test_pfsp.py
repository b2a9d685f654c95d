"""Whom self-play prefers, and what it forgets."""

from __future__ import annotations

import pytest
from trainingrun_contracts.ratings.pfsp import FLOOR, Record, weight, weights


def test_hard_prefers_those_who_still_win() -> None:
    """(1 - x)^2, with a floor for those who never do."""
    assert weight(0.2, "hard") == pytest.approx(0.64)
    assert weight(0.0, "hard") == 1.0
    assert weight(1.0, "hard") == FLOOR


def test_variance_prefers_ones_own_strength() -> None:
    """x (1 - x): greatest at one half, the same for far stronger and far weaker ones."""
    assert weight(0.5, "variance") == 0.25
    assert weight(0.1, "variance") == pytest.approx(weight(0.9, "variance"))
    assert weight(1.0, "variance") == weight(0.0, "variance") == pytest.approx(FLOOR / 4)


def test_even_knows_no_preference() -> None:
    """Every opponent weighs the same."""
    assert weights((1, 2), {1: Record(50, 50)}, "even") == (1.0, 1.0)


def test_unknown_opponents_count_as_even() -> None:
    """A snapshot that was never met has the weight of one that is beaten half the time."""
    known = {1: Record(50.0, 49.0), 2: Record(50.0, 5.0)}
    beaten, strong, new = weights((1, 2, 3), known, "hard")
    assert beaten < new < strong
    assert new == weight(0.5, "hard")


def test_few_games_say_little() -> None:
    """One lost game does not make an opponent invincible."""
    assert Record().after(games=1, score=0.0).rate == pytest.approx(1 / 3)


def test_old_games_are_forgotten() -> None:
    """After 300 won games the fifty lost ones before do not count any longer."""
    lost = Record().after(games=50, score=0.0)
    assert lost.rate < 0.05
    assert lost.after(games=300, score=300.0).rate > 0.97
    assert lost.after(games=300, score=300.0).games == pytest.approx(50, abs=0.2)


def test_games_at_once_and_one_by_one_agree() -> None:
    """Ten draws in one reading are ten readings of one draw."""
    one_by_one = Record()
    for _ in range(10):
        one_by_one = one_by_one.after(games=1, score=0.5)
    at_once = Record().after(games=10, score=5.0)
    assert (one_by_one.games, one_by_one.score) == pytest.approx((at_once.games, at_once.score))
    assert Record(3, 1).after(games=0, score=0.0) == Record(3, 1)
