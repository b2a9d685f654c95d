"""A run that names a player whom its environment lacks ends at the start, with a sentence."""

from __future__ import annotations

import pytest
from trainingrun_actor.role_parts import named_players
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.run_config import (
    CheckpointConfig,
    ConfigError,
    EvaluationConfig,
    RunConfig,
    SelfPlayConfig,
)
from trainingrun_environments.players import players_of
from trainingrun_environments.registry import environment_of

CONNECT_FOUR = environment_of(BuiltIn("connect_four"))


def config(self_play: SelfPlayConfig, opponents: tuple[str, ...]) -> RunConfig:
    """A run of Connect Four."""
    return RunConfig(
        run="r",
        run_id="r-1",
        seed=1,
        games=1,
        decks=("-",),
        checkpoint=CheckpointConfig(storage="file:///tmp/none"),
        environment=BuiltIn("connect_four"),
        self_play=self_play,
        evaluation=EvaluationConfig(opponents=opponents),
    )


@pytest.mark.parametrize(
    ("self_play", "opponents"),
    [
        (SelfPlayConfig(scripted=0.5, scripted_players=("aggressive",)), ("random",)),
        (SelfPlayConfig(scripted=0.0), ("aggressive",)),
    ],
)
def test_a_player_of_another_environment_is_refused(
    self_play: SelfPlayConfig, opponents: tuple[str, ...]
) -> None:
    """The sentence names the player, and those that there are."""
    with pytest.raises(ConfigError, match="connect_four has no player 'aggressive': name one of"):
        players_of(CONNECT_FOUR, named_players(config(self_play, opponents)))


def test_players_of_a_share_that_is_zero_play_no_part() -> None:
    """The defaults name Magic's, and a share of 0 never draws them."""
    named = named_players(config(SelfPlayConfig(scripted=0.0), ("random", "past")))
    assert set(players_of(CONNECT_FOUR, named)) == {"random"}


def test_players_that_search_are_opponents_of_evaluations_alone() -> None:
    """Expect them not to be asked of the environment there, and to be refused in training."""
    named = named_players(config(SelfPlayConfig(scripted=0.0), ("random", "mcts-100", "past")))
    assert set(players_of(CONNECT_FOUR, named)) == {"random"}
    trained = SelfPlayConfig(scripted=0.5, scripted_players=("mcts-100",))
    with pytest.raises(ConfigError, match=r"mcts-100 searches.*name it in evaluation.opponents"):
        players_of(CONNECT_FOUR, named_players(config(trained, ("random",))))
