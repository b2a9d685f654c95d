"""Whether a run can be searched, and with which settings: decided before the first game. Pure."""

from __future__ import annotations

from msgspec import Struct
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, SearchConfig
from trainingrun_contracts.board_network import board_shapes
from trainingrun_contracts.run_config import ConfigError, RunConfig
from trainingrun_environments.games import Games
from trainingrun_search.positions import vocabulary_size
from trainingrun_search.selfplay import SelfPlaySettings
from trainingrun_search.settings import Method, SearchSettings

from trainingrun_actor.selfplay.segments import WIDEST_STATE


class Admitted(Struct, frozen=True):
    """What is played, and how."""

    games: Games
    alpha_zero: AlphaZeroConfig
    settings: SelfPlaySettings


def admit(config: RunConfig, games: Games) -> Admitted:
    """Return what a run plays.

    Raises:
        ConfigError: it is no run of AlphaZero, its games cannot be searched, its network does not
            fit them, or a setting is out of its range.
    """
    alpha_zero = config.alpha_zero
    if alpha_zero is None:
        raise ConfigError(
            "the run configuration has no alpha_zero: a run of PPO is played by"
            " trainingrun-actor play"
        )
    if config.sync:
        raise ConfigError("sync is for runs of PPO: leave it out of a run of AlphaZero")
    check_games(games)
    try:
        board_shapes(config.learner.network, games.spec)
        settings = selfplay_settings(alpha_zero.search, slots=config.actor.games_per_actor)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return Admitted(games, alpha_zero, settings)


def check_games(games: Games) -> None:
    """Raise ConfigError unless games can be searched, and fit into segments."""
    spec = games.spec
    try:
        vocabulary_size(spec)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if spec.state_width > WIDEST_STATE:
        raise ConfigError(
            f"an observation of {spec.name} has {spec.state_width} numbers, and segments hold"
            f" {WIDEST_STATE} at most: show players less"
        )


def selfplay_settings(search: SearchConfig, *, slots: int) -> SelfPlaySettings:
    """Return how games are played; raises ValueError where two settings exclude one another."""
    method = None if search.method == "auto" else Method(search.method)
    return SelfPlaySettings(
        search=SearchSettings(
            simulations=search.simulations,
            method=method,
            leaves=search.leaves,
            exploration=search.exploration,
            noise_share=search.noise_share,
            noise_total=search.noise_total,
            visit_scale=search.visit_scale,
        ),
        slots=slots,
        temperature=search.temperature,
        temperature_moves=search.temperature_moves,
        most_moves=search.most_moves,
    )
