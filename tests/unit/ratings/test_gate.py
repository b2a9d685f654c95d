"""The champion gate: its decisions, and its error rates by simulation with fixed seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from trainingrun_contracts.ratings.gate import (
    LEAST_PAIRS,
    GateTest,
    expected_score,
    judge,
    log_likelihood_ratio,
)
from trainingrun_contracts.reports import GateVerdict

TESTS = 400
DEFAULT = GateTest()


def independent(elo: float, pairs: int, generator: np.random.Generator) -> list[float]:
    """Pairs of games that do not depend on one another."""
    wins = generator.random((pairs, 2)) < expected_score(elo)
    return [float(score) for score in wins.mean(axis=1)]


def decided_by_decks(elo: float, pairs: int, generator: np.random.Generator) -> list[float]:
    """Pairs in which the decks decide much: what they give in one game they take in the other."""
    tilt = generator.normal(0.0, 2.0, pairs)
    strength = elo * math.log(10) / 400 * 1.57  # so that the mean result is that of ``elo``
    chances = 1 / (1 + np.exp(-(strength + np.stack([tilt, -tilt], axis=1))))
    return [float(score) for score in (generator.random((pairs, 2)) < chances).mean(axis=1)]


@pytest.mark.parametrize("games", [independent, decided_by_decks])
@pytest.mark.parametrize(
    ("elo", "least", "most"),
    [(-35.0, 0.0, 0.01), (0.0, 0.0, 0.075), (35.0, 0.8, 1.0), (70.0, 0.98, 1.0)],
)
def test_error_rates(games: object, elo: float, least: float, most: float) -> None:
    """Of 400 tests about 5 % promote an equal, at least 80 % a challenger of 35 Elo, and nearly
    all one of 70 Elo; one who is weaker has no chance."""
    assert callable(games)
    generator = np.random.default_rng(5)
    found = [judge(games(elo, DEFAULT.most_pairs, generator), DEFAULT) for _ in range(TESTS)]
    promoted = sum(finding.verdict is GateVerdict.PROMOTE for finding in found) / TESTS
    assert least <= promoted <= most
    assert all(finding.verdict is not GateVerdict.CONTINUE for finding in found)
    assert sum(finding.pairs for finding in found) / TESTS < 0.55 * DEFAULT.most_pairs


def test_it_goes_on_until_a_bound_is_crossed() -> None:
    """Even results within the length of the test decide nothing."""
    assert judge([0.5] * 10, DEFAULT).verdict is GateVerdict.CONTINUE
    assert judge([], DEFAULT) == judge(iter(()), DEFAULT)


def test_truncation_keeps_the_champion() -> None:
    """After the longest test without a decision the champion stays."""
    short = GateTest(most_pairs=30)
    finding = judge([0.5, 1.0, 0.0] * 10, short)
    assert (finding.verdict, finding.pairs) == (GateVerdict.KEEP, 30)


def test_a_lucky_beginning_does_not_decide() -> None:
    """Nothing is decided before the least number of pairs; what follows a decision is not read."""
    wins = [1.0] * LEAST_PAIRS
    assert judge(wins[:-1], DEFAULT).verdict is GateVerdict.CONTINUE
    decided = judge([*wins, *[0.0] * 400], DEFAULT)
    assert (decided.verdict, decided.pairs) == (GateVerdict.PROMOTE, LEAST_PAIRS)


def test_an_unlucky_beginning_does_not_decide_either() -> None:
    """A challenger who loses its first pairs is judged after the least number of them, too."""
    losses = [0.0] * LEAST_PAIRS
    assert judge(losses[:-1], DEFAULT).verdict is GateVerdict.CONTINUE
    decided = judge([*losses, *[1.0] * 400], DEFAULT)
    assert (decided.verdict, decided.pairs) == (GateVerdict.KEEP, LEAST_PAIRS)


def test_the_ratio_of_independent_games_is_walds() -> None:
    """For many independent games it comes to the textbook ratio of wins and losses."""
    scores = independent(20.0, 20_000, np.random.default_rng(3))
    wins = 2 * sum(scores)
    losses = 2 * len(scores) - wins
    better = expected_score(DEFAULT.elo)
    textbook = wins * math.log(better / 0.5) + losses * math.log((1 - better) / 0.5)
    assert log_likelihood_ratio(scores, DEFAULT) == pytest.approx(textbook, rel=0.05, abs=1.0)


def test_the_bounds_are_walds() -> None:
    """5 % and 5 % give ln 19 on both sides."""
    assert DEFAULT.bounds == pytest.approx((-math.log(19), math.log(19)))
    assert judge([0.0] * 40, DEFAULT).verdict is GateVerdict.KEEP
