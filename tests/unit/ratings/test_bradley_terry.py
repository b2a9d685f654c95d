"""The fit of ratings: against a slow obvious one, against the truth, and against online Elo."""

from __future__ import annotations

from collections.abc import Iterable
from math import log10
from random import Random

import numpy as np
import pytest
from trainingrun_contracts.ratings.bradley_terry import PRIOR_DRAWS, Rating, Tally, fit


def by_fixed_point(
    tallies: Iterable[Tally], *, anchor: str, rounds: int = 20_000
) -> dict[str, float]:
    """The same maximum by Zermelo's iteration (1929): strength = score / sum of games shared."""
    games: dict[tuple[str, str], float] = {}
    score: dict[str, float] = {}
    for tally in tallies:
        pair = (tally.first, tally.second)
        for own, other in (pair, pair[::-1]):
            if (own, other) not in games:
                games[own, other] = PRIOR_DRAWS
                score[own] = score.get(own, 0.0) + PRIOR_DRAWS / 2
            games[own, other] += tally.games
        score[tally.first] += tally.score
        score[tally.second] += tally.games - tally.score
    strength = dict.fromkeys(score, 1.0)
    for _ in range(rounds):
        for player in strength:
            shared = sum(
                count / (strength[player] + strength[other])
                for (own, other), count in games.items()
                if own == player
            )
            strength[player] = score[player] / shared
    return {name: 400 * log10(each / strength[anchor]) for name, each in strength.items()}


def online(results: Iterable[tuple[str, str, float]], *, step: float = 32.0) -> dict[str, float]:
    """The running update of chess clubs."""
    ratings: dict[str, float] = {}
    for first, second, score in results:
        gap = ratings.get(second, 0.0) - ratings.get(first, 0.0)
        change = step * (score - 1 / (1 + 10 ** (gap / 400)))
        ratings[first] = ratings.get(first, 0.0) + change
        ratings[second] = ratings.get(second, 0.0) - change
    return ratings


def test_two_players_by_hand() -> None:
    """3 of 4 games and a drawn one on top are 3.5 of 5: 400 log10(3.5 / 1.5)."""
    found = fit([Tally("v1", "random", 4, 3.0)], anchor="random")
    assert found["random"] == Rating(0.0, 0.0)
    assert found["v1"].elo == pytest.approx(400 * log10(3.5 / 1.5), abs=1e-4)
    information = 5 * 0.7 * 0.3
    assert found["v1"].error == pytest.approx(400 / np.log(10) / information**0.5, rel=1e-6)


def test_it_equals_the_slow_fit() -> None:
    """Seven players with wins, draws, a clean sweep and pairings in both orders: to 0.001 Elo."""
    random = Random(4)
    names = ["random", *(f"v{number}" for number in range(6))]
    tallies = [Tally("v0", "random", 50, 50.0)]
    for first in names:
        for second in random.sample([name for name in names if name != first], 3):
            games = random.randint(1, 60)
            tallies.append(Tally(first, second, games, random.randint(0, 2 * games) / 2))
    fast = fit(tallies, anchor="random")
    slow = by_fixed_point(tallies, anchor="random")
    assert {name: rating.elo for name, rating in fast.items()} == pytest.approx(slow, abs=1e-3)


def test_a_clean_sweep_is_finite() -> None:
    """400 of 400 games are 1161 Elo, and not infinity."""
    found = fit([Tally("v9", "random", 400, 400.0)], anchor="random")
    assert found["v9"].elo == pytest.approx(400 * log10(400.5 / 0.5))


def test_long_ladders_converge() -> None:
    """Thirty players who each beat the one below by 39 to 1, from 636 Elo a rung upwards."""
    ladder = [Tally(f"v{n + 1}", f"v{n}", 40, 39.0) for n in range(30)]
    found = fit(ladder, anchor="v0")
    assert found["v30"].elo == pytest.approx(30 * 400 * log10(39.5 / 1.5), rel=1e-6)
    assert found["v30"].error == pytest.approx(30**0.5 * found["v1"].error, rel=1e-6)


def test_players_without_a_link_are_left_out() -> None:
    """Nothing can be said of a group that never met the anchor's; nor of games with oneself."""
    tallies = [Tally("v1", "random", 4, 2), Tally("a", "b", 4, 2), Tally("v2", "v2", 4, 2)]
    assert set(fit(tallies, anchor="random")) == {"random", "v1"}
    assert fit([], anchor="random") == {"random": Rating(0.0, 0.0)}


def test_errors_are_what_they_say() -> None:
    """Over 300 simulated seasons the truth lies within two standard errors in 93 to 98 %."""
    generator = np.random.default_rng(7)
    truth = {"random": 0.0, "v1": 150.0, "v2": 320.0}
    within = 0
    for _ in range(300):
        tallies = []
        for first, second in (("v1", "random"), ("v2", "random"), ("v2", "v1")):
            chance = 1 / (1 + 10 ** ((truth[second] - truth[first]) / 400))
            tallies.append(Tally(first, second, 200, float(generator.binomial(200, chance))))
        found = fit(tallies, anchor="random")
        within += sum(abs(found[v].elo - truth[v]) < 2 * found[v].error for v in ("v1", "v2"))
    assert 0.93 <= within / 600 <= 0.98


def test_online_elo_is_off_where_the_fit_is_not() -> None:
    """Twelve versions 100 Elo apart, 200 games of each against two yardsticks and its two
    predecessors: the fit is off by at most 60 Elo, K=32 in the order of play by more than 200."""
    random = Random(11)
    truth = {"random": 0.0, "aggressive": 500.0, **{f"v{n}": 100.0 * n for n in range(12)}}
    results: list[tuple[str, str, float]] = []
    for number in range(12):
        past = [f"v{number - back}" for back in (1, 2) if number >= back]
        for other in ("random", "aggressive", *past):
            chance = 1 / (1 + 10 ** ((truth[other] - truth[f"v{number}"]) / 400))
            results += [(f"v{number}", other, float(random.random() < chance)) for _ in range(200)]
    found = fit([Tally(a, b, 1, score) for a, b, score in results], anchor="random")
    running = online(results)
    off = max(abs(found[name].elo - truth[name]) for name in truth)
    off_online = max(abs(running[name] - running["random"] - truth[name]) for name in truth)
    assert off < 60
    assert off_online > 200
