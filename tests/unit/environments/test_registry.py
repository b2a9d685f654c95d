"""How the games of an environment are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    Python,
)
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_environments import registry
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import environment_of, games_of

from testkit.own_package import write_package

ENGINE = Engine("nim", observation=(3, 8), actions=Vocabulary(21))


def test_games_and_the_actors_side_are_of_one_environment() -> None:
    """Expect the same spec on both sides, so that what is served is what is read."""
    config = BuiltIn("connect_four")
    assert games_of(config).spec is environment_of(config).spec


@pytest.mark.parametrize(("config", "name"), [(Magic(), "magic"), (ENGINE, "nim")])
def test_an_engines_games_are_not_here(config: EnvironmentConfig, name: str) -> None:
    """Expect a sentence that names the environment and who serves it."""
    with pytest.raises(UnknownEnvironment, match=rf"'{name}' has no games .* its own engine"):
        games_of(config)


def test_an_unknown_name_is_answered_by_those_that_there_are() -> None:
    """Expect the names of what is installed."""
    with pytest.raises(UnknownEnvironment, match="installed are breakthrough, connect_four, "):
        games_of(BuiltIn("conect_four"))


def test_a_class_is_an_entry_point_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect a package's class under the name of its entry point, on both sides."""
    value = "tests.unit.environments.test_python_object:Race"
    write_package(tmp_path, {registry.GROUP: {"race": value}}, {})
    monkeypatch.syspath_prepend(tmp_path)
    found = environment_of(BuiltIn("race"))
    assert found.spec == games_of(Python(value)).spec
