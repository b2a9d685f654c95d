"""What a run may play, as its spec says it."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from trainingrun_api import rules
from trainingrun_api.environment import Environment
from trainingrun_api.resource import SpecError
from trainingrun_api.run import parse
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts import environment_spec
from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_contracts.environment_spec import Features, Vocabulary

NIM: dict[str, Any] = {
    "name": "nim",
    "observation": [4],
    "actions": {"vocabulary": {"size": 9}},
}
LISTENING = {"external": {"endpoints": ["10.0.0.5:17171"]}}


def spec(**fields: Any) -> TrainingRunSpec:
    """A small spec without decks."""
    head = {"apiVersion": "trainingrun.dev/v1alpha1", "kind": "TrainingRun"}
    return parse({**head, "metadata": {"name": "small"}, "spec": {"games": 100, **fields}}).spec


def refusal(**fields: Any) -> str:
    """What is said about a spec that is not valid."""
    with pytest.raises(SpecError) as refused:
        spec(**fields)
    return str(refused.value)


def test_a_run_that_names_nothing_plays_magic() -> None:
    """With its decks, and against the player that knows its cards."""
    found = spec(decks=[{"name": "red_aggro"}])
    assert found.environment.is_magic
    assert found.deck_names == ("red_aggro",)
    assert found.evaluation_opponents == ("random", "aggressive")


def test_there_is_a_section_for_every_kind() -> None:
    """The API can say what the run configuration can."""
    kinds = {kind.__struct_config__.tag for kind in get_args(EnvironmentConfig)}
    assert {field.alias for field in Environment.model_fields.values()} == kinds


def test_the_longest_observation_is_that_of_the_roles() -> None:
    """What is admitted, no role refuses for its size."""
    assert rules.LONGEST_OBSERVATION == environment_spec.MOST_NUMBERS


@pytest.mark.parametrize(
    ("kind", "actions", "field", "most"),
    [
        (Features, "features", "width", 1024),
        (Vocabulary, "vocabulary", "size", environment_spec.MOST_ACTIONS),
    ],
)
def test_the_bounds_of_actions_are_those_of_the_roles(
    kind: type[Features | Vocabulary], actions: str, field: str, most: int
) -> None:
    """Both take the most and refuse one more."""

    def engine(number: int) -> dict[str, Any]:
        return {"engine": NIM | {"actions": {actions: {field: number}}}}

    assert spec(environment=engine(most), daemon=LISTENING)
    assert msgspec.convert({"type": actions, field: most}, kind)
    assert "is above the maximum" in refusal(environment=engine(most + 1), daemon=LISTENING)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": actions, field: most + 1}, kind)


@pytest.mark.parametrize("shape", [[256, 256], [65_536], [4, 4, 64, 64]])
def test_an_observation_may_have_this_many_numbers(shape: list[int]) -> None:
    """Whatever its dimensions."""
    found = spec(environment={"engine": NIM | {"observation": shape}}, daemon=LISTENING)
    assert found.environment.engine is not None
    assert found.environment.engine.observation == tuple(shape)


def test_parameters_are_kept_as_text() -> None:
    """As the API server keeps them, which knows whole numbers and text of such a field."""
    game = {"game": "hex", "parameters": {"board_size": 5, "swap": "true"}}
    found = spec(environment={"openSpiel": game}).environment.open_spiel
    assert found is not None
    assert found.parameters == {"board_size": "5", "swap": "true"}


def test_an_engine_may_have_a_player_of_its_own() -> None:
    """Which games of Python have not."""
    players = {"opponents": ["random", "engine"]}
    assert spec(environment={"engine": NIM}, daemon=LISTENING, evaluation=players)
    said = refusal(environment={"builtIn": {"name": "connect_four"}}, evaluation=players)
    assert "this environment has no player engine" in said


@pytest.mark.parametrize(
    "game", ["kuhn_poker", "turn_based_simultaneous_game(game=goofspiel(num_cards=4))"]
)
def test_names_of_open_spiel(game: str) -> None:
    """With parameters in brackets or without."""
    assert spec(environment={"openSpiel": {"game": game}})


@pytest.mark.parametrize("game", ["", "Hex", "hex(board_size=5", "hex board", "hex(a b)"])
def test_what_is_no_name_of_open_spiel(game: str) -> None:
    """It would be refused by the roles, later."""
    assert refusal(environment={"openSpiel": {"game": game}})


@pytest.mark.parametrize(
    ("environment", "title"),
    [
        ({"magic": {}}, "Magic"),
        ({"builtIn": {"name": "connect_four"}}, "connect_four"),
        ({"openSpiel": {"game": "kuhn_poker"}}, "OpenSpiel kuhn_poker"),
        (
            {"openSpiel": {"game": "hex", "parameters": {"board_size": 5}}},
            "OpenSpiel hex(board_size=5)",
        ),
        ({"pettingZoo": {"environment": "classic.go_v5"}}, "PettingZoo classic.go_v5"),
        ({"python": {"object": "my.game:Game"}}, "my.game:Game"),
        ({"engine": NIM}, "nim, version 1, by its own engine"),
    ],
)
def test_what_is_played_has_a_name_for_people(environment: dict[str, Any], title: str) -> None:
    """As the status and the report show it."""
    assert Environment.model_validate_json(json.dumps(environment)).title == title
