"""Environments as people write them on a command line."""

from __future__ import annotations

import msgspec
import pytest
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    PettingZoo,
    Python,
)
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.names import config_of


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("magic", Magic()),
        ("connect_four", BuiltIn("connect_four")),
        ("openSpiel:kuhn_poker", OpenSpiel("kuhn_poker")),
        ("openSpiel:hex(board_size=5)", OpenSpiel("hex", {"board_size": 5})),
        (
            "openSpiel:go(komi=7.5, handicap=0,name=x, ko=False)",
            OpenSpiel("go", {"komi": 7.5, "handicap": 0, "name": "x", "ko": False}),
        ),
        ("openSpiel:hex()", OpenSpiel("hex")),
        (
            "openSpiel:misere(game=nim(pile_sizes=1;3))",
            OpenSpiel("misere(game=nim(pile_sizes=1;3))"),
        ),
        ("pettingZoo:classic.connect_four_v3", PettingZoo("classic.connect_four_v3")),
        ("python:my.game:Game", Python("my.game:Game")),
    ],
)
def test_spellings(text: str, config: EnvironmentConfig) -> None:
    """Expect each kind by its own spelling."""
    assert config_of(text) == config


@pytest.mark.parametrize(
    "config",
    [
        Magic(),
        OpenSpiel("hex", {"board_size": 5}),
        Engine("nim", observation=(3, 8), actions=Vocabulary(21)),
    ],
)
def test_json_is_that_of_a_run(config: EnvironmentConfig) -> None:
    """Expect what a program writes to be read as it was."""
    assert config_of(msgspec.json.encode(config).decode()) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no name: write NAME, openSpiel:GAME"),
        ("openSpiel:", "has no name"),
        ("gym:CartPole", "of the unknown kind 'gym': write NAME, openSpiel:GAME"),
        ("openSpiel:hex(board_size)", "'hex(board_size)' cannot be read"),
        ("openSpiel:hex(a=1", "cannot be read: write openSpiel:GAME"),
        ('{"kind": "gym"}', "no JSON of a run's environment"),
        ("{", "no JSON of a run's environment"),
    ],
)
def test_what_is_none_of_them_is_refused(text: str, words: str) -> None:
    """Expect the spellings that there are."""
    with pytest.raises(UnknownEnvironment) as refused:
        config_of(text)
    assert words in str(refused.value)
