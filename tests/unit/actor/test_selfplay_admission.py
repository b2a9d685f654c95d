"""Which runs self-play takes, and with which settings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from trainingrun_actor.selfplay.admission import admit, selfplay_settings
from trainingrun_actor.selfplay.weights import cache_entries, is_costly
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, SearchConfig
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.environment_spec import EnvironmentSpec, Features, Vocabulary
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import (
    ActorConfig,
    CheckpointConfig,
    ConfigError,
    LearnerConfig,
    RunConfig,
)
from trainingrun_environments.games import Game, Games
from trainingrun_environments.registry import games_of
from trainingrun_search.settings import Method

GAMES = games_of(BuiltIn("connect_four"))


class Named:
    """Games of which only the spec is asked."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self.spec = spec

    def new(self, seed: int) -> Game:
        """See Games."""
        raise NotImplementedError

    def describe(self, game: Game, action: int) -> str:
        """See Games."""
        raise NotImplementedError


def config(**changes: Any) -> RunConfig:
    """A run of AlphaZero."""
    values: dict[str, Any] = {
        "run": "r",
        "run_id": "r-1",
        "seed": 1,
        "games": 10,
        "decks": ("",),
        "checkpoint": CheckpointConfig(storage="file:///nowhere"),
        "learner": LearnerConfig(network=Network("resnet", width=32, layers=2)),
        "actor": ActorConfig(games_per_actor=24),
        "alpha_zero": AlphaZeroConfig(),
    }
    return RunConfig(**{**values, **changes})


def test_every_setting_of_the_search_arrives() -> None:
    """Expect what the run says in what self-play is made with."""
    search = SearchConfig(
        simulations=200,
        method="puct",
        leaves=4,
        exploration=1.5,
        noise_share=0.3,
        noise_total=7.0,
        visit_scale=0.7,
        temperature=0.9,
        temperature_moves=12,
        most_moves=77,
    )
    found = admit(config(alpha_zero=AlphaZeroConfig(search=search)), GAMES).settings
    given = msgspec.structs.asdict(search)
    own = {**msgspec.structs.asdict(found), **msgspec.structs.asdict(found.search)}
    assert own["method"] is Method.PUCT
    for name in set(given) - {"method", "symmetries"}:
        assert own[name] == given[name], name
    assert found.slots == 24


@pytest.mark.parametrize(
    ("simulations", "method", "is_gumbel"),
    [(50, "auto", True), (64, "auto", False), (16, "puct", False), (200, "gumbel", True)],
)
def test_the_method_follows_from_the_simulations(
    simulations: int, method: Any, is_gumbel: bool
) -> None:
    """Expect Gumbel search below 64 simulations, and what is asked for otherwise."""
    search = SearchConfig(simulations=simulations, method=method)
    assert selfplay_settings(search, slots=1).search.is_gumbel is is_gumbel


def _spec(**changes: Any) -> EnvironmentSpec:
    values: dict[str, Any] = {
        "name": "mine",
        "version": "1",
        "observation": (2, 3, 3),
        "actions": Vocabulary(9),
        "is_forkable": True,
    }
    return EnvironmentSpec(**{**values, **changes})


@pytest.mark.parametrize(
    ("games", "changes", "words"),
    [
        (GAMES, {"alpha_zero": None}, "trainingrun-actor play"),
        (GAMES, {"sync": True}, "sync is for runs of PPO"),
        (Named(_spec(is_forkable=False)), {}, "its games cannot be cloned"),
        (Named(_spec(actions=Features(4))), {}, "its actions are no vocabulary"),
        (Named(_spec(observation=(18,))), {}, "take kind mlp"),
        (Named(_spec(observation=(1, 1, 4097))), {}, "segments hold 4096 at most"),
        (
            GAMES,
            {"learner": LearnerConfig(network=Network("transformer"))},
            "resnet or mlp, not 'transformer'",
        ),
        (
            GAMES,
            {"alpha_zero": AlphaZeroConfig(search=SearchConfig(method="gumbel", leaves=2))},
            "leaves is 2 with Gumbel search",
        ),
    ],
)
def test_runs_that_cannot_be_searched_are_refused(
    games: Games, changes: dict[str, Any], words: str
) -> None:
    """Expect a sentence that says what is wrong."""
    with pytest.raises(ConfigError, match=words):
        admit(config(**changes), games)


def test_what_is_kept_of_answers_is_bounded() -> None:
    """Expect few entries of a large game, many of a small one, and none for small networks."""
    go = games_of(BuiltIn("go")).spec
    assert cache_entries(go) < cache_entries(GAMES.spec) < 50_000
    assert is_costly(Network("resnet", width=32, layers=1), GAMES.spec)
    assert not is_costly(Network("mlp", width=64, layers=2), GAMES.spec)
    assert is_costly(Network("mlp", width=1024, layers=2), GAMES.spec)
