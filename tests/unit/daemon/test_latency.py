"""The imitated engine's times: the published quantiles, and the same times for the same game."""

import statistics

import pytest
from trainingrun_daemon.latency import FORGE, GameLatency, Quantiles

SEEDS = range(20_000)


@pytest.fixture(scope="module")
def games() -> list[float]:
    """The lengths of many games in seconds, sorted."""
    return sorted(GameLatency(FORGE, seed=seed).game_seconds for seed in SEEDS)


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.5, 6.4), (0.9, 15.6), (0.95, 19.2), (0.99, 27.7)]
)
def test_games_have_the_published_quantiles(
    games: list[float], share: float, seconds: float
) -> None:
    """Each quantile of 20,000 games is within 5 % of the one measured on the real engine."""
    assert games[round(share * len(games))] == pytest.approx(seconds, rel=0.05)


def test_games_have_the_published_mean_and_maximum(games: list[float]) -> None:
    """The mean is within 3 %, and no game is longer than the longest that was seen."""
    assert statistics.fmean(games) == pytest.approx(7.8, rel=0.03)
    assert 36 < games[-1] <= 53.6


def test_prompts_have_the_published_median_and_maximum() -> None:
    """Half of the prompts take 1.4 ms (within 5 %), the longest 50 ms; most are short."""
    latency = GameLatency(FORGE, seed=1)
    prompts = sorted(latency.next_prompt_seconds() for _ in range(20_000))
    assert statistics.median(prompts) == pytest.approx(0.0014, rel=0.05)
    assert 0.03 < prompts[-1] <= 0.05
    assert statistics.fmean(prompts) > 1.5 * statistics.median(prompts)


def test_the_start_takes_six_to_eight_seconds() -> None:
    """The first and the last quantile are those of the real engine."""
    assert FORGE.start.seconds_at(0) == pytest.approx(6)
    assert FORGE.start.seconds_at(1) == pytest.approx(8)


def test_a_game_takes_the_same_time_again() -> None:
    """The seed decides the length and every prompt; a negative seed is another game."""
    first, second, other = (GameLatency(FORGE, seed=seed) for seed in (7, 7, -7))
    assert first.game_seconds == second.game_seconds != other.game_seconds
    assert [first.next_prompt_seconds() for _ in range(9)] == [
        second.next_prompt_seconds() for _ in range(9)
    ]


def test_between_two_knots_the_logarithm_is_linear() -> None:
    """Half way between 1 and 4 is 2; at a knot it is the knot."""
    shape = Quantiles(((0.0, 1.0), (0.5, 4.0), (1.0, 40.0)))
    assert [shape.seconds_at(share) for share in (0, 0.25, 0.5, 1)] == pytest.approx([1, 2, 4, 40])


def test_a_scaled_profile_keeps_its_shape() -> None:
    """Every quantile is this many times as long."""
    assert FORGE.scaled(0.1).game.seconds_at(0.5) == pytest.approx(0.64)
