"""What the roles of a run are given of its environment."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_contracts import run_config
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    PettingZoo,
    Python,
)
from trainingrun_contracts.environment_spec import Features, Vocabulary
from trainingrun_environments.names import config_of
from trainingrun_reconciler.desired import run_config as rendering
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import SecretKey
from trainingrun_reconciler.manifests.pod import pod_template
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings

from testkit.operator.pod_templates import asked_of
from testkit.operator.simulated_run import training_run

NIM = {"name": "nim", "observation": [4], "actions": {"vocabulary": {"size": 9}}}
OWN_IMAGE = {"template": asked_of("daemon", image="registry.example.com/nim:1")}
SERVED: list[tuple[dict[str, Any], str, EnvironmentConfig]] = [
    ({"builtIn": {"name": "connect_four"}}, "connect_four", BuiltIn("connect_four")),
    (
        {"openSpiel": {"game": "kuhn_poker"}},
        "openSpiel:kuhn_poker",
        OpenSpiel("kuhn_poker"),
    ),
    (
        {"openSpiel": {"game": "hex", "parameters": {"board_size": 5, "swap": "true"}}},
        '{"game":"hex","kind":"openSpiel","parameters":{"board_size":5,"swap":"true"}}',
        OpenSpiel("hex", {"board_size": 5, "swap": "true"}),
    ),
    (
        {"openSpiel": {"game": "hex(board_size=5)"}},
        '{"game":"hex(board_size=5)","kind":"openSpiel","parameters":{}}',
        OpenSpiel("hex(board_size=5)"),
    ),
    (
        {"pettingZoo": {"environment": "classic.tictactoe_v3"}},
        "pettingZoo:classic.tictactoe_v3",
        PettingZoo("classic.tictactoe_v3"),
    ),
    (
        {"python": {"object": "mine.game:Game"}},
        "python:mine.game:Game",
        Python("mine.game:Game"),
    ),
]


def daemon_of(environment: dict[str, Any], **daemon: Any) -> Workload:
    """The daemons of a run in this environment."""
    run = training_run(environment=environment, decks=[], daemon=daemon)
    return workloads(run, Settings(), scaled=1)[Role.DAEMON]


def config_for(environment: dict[str, Any], **spec: Any) -> run_config.RunConfig:
    """What the other roles of a run in this environment read, after its way through the file."""
    run = training_run(environment=environment, decks=[], **spec)
    rendered = rendering.run_config(run, Settings())
    return run_config.decode(run_config.encode(rendered))


@pytest.mark.parametrize(("environment", "argument", "config"), SERVED)
def test_a_daemon_is_told_what_it_serves(
    environment: dict[str, Any], argument: str, config: EnvironmentConfig
) -> None:
    """In one argument, and nothing of decks."""
    command = daemon_of(environment).command
    assert command[command.index("--environment") + 1] == argument
    assert "--decks" not in command


@pytest.mark.parametrize(("environment", "argument", "config"), SERVED)
def test_all_roles_are_told_the_same(
    environment: dict[str, Any], argument: str, config: EnvironmentConfig
) -> None:
    """The daemon reads its argument as the others read the run configuration."""
    assert config_of(argument) == config_for(environment).environment == config


def test_a_daemon_of_magic_is_told_its_decks() -> None:
    """And no environment: a daemon of an older image knows no other."""
    run = training_run()
    command = workloads(run, Settings(), scaled=1)[Role.DAEMON].command
    assert "--decks" in command
    assert "--environment" not in command
    assert rendering.run_config(run, Settings()).environment == Magic()


def test_an_engine_is_described_to_the_roles_that_play() -> None:
    """Its shapes are in no package."""
    described = NIM | {"actions": {"features": {"width": 3}}, "rewardBound": 2.5, "version": "7"}
    config = config_for({"engine": described}, daemon=OWN_IMAGE)
    assert config.environment == Engine("nim", (4,), Features(3), version="7", reward_bound=2.5)


def test_actions_of_an_engine_may_be_numbers() -> None:
    """Out of a vocabulary."""
    found = config_for({"engine": NIM}, daemon=OWN_IMAGE).environment
    assert isinstance(found, Engine)
    assert found.actions == Vocabulary(9)


def test_the_image_of_an_engine_starts_its_own_program() -> None:
    """What the image is made to start, no image of ours knows."""
    workload = daemon_of({"engine": NIM}, **OWN_IMAGE)
    run = RunIdentity("default", "nim", "uid")
    pod = pod_template(run, workload, SecretKey("redis", "url"))
    [container] = pod["spec"]["containers"]
    assert "command" not in container


def test_games_without_decks_are_asked_for_with_a_dash() -> None:
    """As the line protocol has it."""
    assert config_for({"builtIn": {"name": "connect_four"}}).decks == ("-",)


def test_players_that_know_magic_play_magic_alone() -> None:
    """By default; named elsewhere, they are refused."""
    config = config_for({"builtIn": {"name": "connect_four"}})
    assert config.evaluation.opponents == config.self_play.scripted_players == ("random",)


def test_by_default_a_role_that_is_started_by_hand_plays_as_a_run_does() -> None:
    """The defaults that follow the environment are those of Magic in the run configuration."""
    config = rendering.run_config(training_run(), Settings())
    assert config.evaluation.opponents == run_config.EvaluationConfig().opponents
    assert config.self_play.scripted_players == run_config.SelfPlayConfig().scripted_players
