"""What games cost who plays them himself: the table's arithmetic, held against a slow sum."""

from __future__ import annotations

import pytest
from trainingrun.commands.plan.price_file import read_search_rates
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.search_rates import (
    EMBEDDED_MICROSECONDS,
    GAME_SECONDS,
    PlayedGame,
    played_game,
    search_rates,
)
from trainingrun_api.run import TrainingRun

from testkit.planning.questions import run_of


def searched(*, simulations: int = 50, samples: float = 4.0, **network: object) -> TrainingRun:
    """A run of AlphaZero of Connect Four."""
    return run_of(
        {
            "decks": [],
            "environment": {"builtIn": {"name": "connect_four"}},
            "algorithm": {
                "alphaZero": {
                    "search": {"simulations": simulations},
                    "replay": {"samplesPerRow": samples},
                }
            },
            "learner": {"network": network or {"kind": "mlp", "width": 64, "layers": 1}},
        }
    )


def game_of(run: TrainingRun) -> PlayedGame:
    """Its mean game."""
    found = played_game(run, read_search_rates())
    assert found is not None
    return found


def test_a_game_is_its_moves_simulations_and_positions() -> None:
    """Expect the sum that a reader of the table would make: a small network has no cache."""
    table = read_search_rates()
    row, network = table.games["connect_four"], table.networks["mlp"]
    multiplied = 84 * 64 + 64 * 7 + 64 * 64 + 64 + (64 + 7 + 64 + 1)  # with the biases
    position = network.microseconds + network.nanoseconds * multiplied / 1000
    wanted = row.moves * 50 * (row.tree_microseconds + row.valued / 100 * position) / 1e6
    assert game_of(searched()).player_seconds == pytest.approx(wanted + GAME_SECONDS)


def test_more_simulations_and_larger_networks_take_longer() -> None:
    """Expect twice the simulations to take twice the time, and a network's cost to grow."""
    one, two = game_of(searched(simulations=50)), game_of(searched(simulations=100))
    assert two.player_seconds - GAME_SECONDS == pytest.approx(
        2 * (one.player_seconds - GAME_SECONDS)
    )
    small = game_of(searched(kind="resnet", width=32, layers=3))
    large = game_of(searched(kind="resnet", width=64, layers=4))
    assert large.player_seconds > small.player_seconds > one.player_seconds
    assert large.learner_microseconds > small.learner_microseconds


def test_the_learner_pays_for_each_draw() -> None:
    """Expect its time for a position to grow with samplesPerRow."""
    four, eight = game_of(searched(samples=4.0)), game_of(searched(samples=8.0))
    assert eight.learner_microseconds == pytest.approx(2 * four.learner_microseconds)


def test_an_embedded_game_is_its_decisions() -> None:
    """Expect moves of random games, and half of them trained against others than the latest."""
    run = run_of(
        {
            "decks": [],
            "environment": {"builtIn": {"name": "connect_four"}},
            "daemon": {"embedded": True},
            "selfPlay": {"latest": 0.0, "past": 0.0, "scripted": 1.0},
        }
    )
    game, row = game_of(run), read_search_rates().games["connect_four"]
    assert game.player_seconds == pytest.approx(row.random_moves * EMBEDDED_MICROSECONDS / 1e6)
    assert game.transitions == pytest.approx(row.random_moves / 2)


def test_games_that_were_not_measured_are_not_guessed() -> None:
    """Expect nothing for a class of the user's."""
    run = searched()
    other = run.spec.environment.model_copy(update={"built_in": None})
    spec = run.spec.model_copy(update={"environment": other})
    assert played_game(run.model_copy(update={"spec": spec}), read_search_rates()) is None


def test_a_damaged_table_is_named() -> None:
    """Expect the file and the remedy."""
    with pytest.raises(PlanError, match=r"search_rates\.yaml: .* restore the file"):
        search_rates({"asOf": "2026-01-01"})
