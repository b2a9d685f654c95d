"""Runs of other games than Magic, as the verbs of files see them."""

from __future__ import annotations

from typing import Any

import pytest

NIM = {"name": "nim", "observation": [4], "actions": {"vocabulary": {"size": 9}}}


def file_of(shell: Any, environment: dict[str, Any], **spec: Any) -> str:
    """Write a run in this environment; gives the file's name."""

    def change(document: dict[str, Any]) -> None:
        del document["spec"]["decks"]
        document["spec"].update(environment=environment, **spec)

    name: str = shell.write(change)
    return name


@pytest.mark.parametrize(
    "environment",
    [
        {"builtIn": {"name": "connect_four"}},
        {"openSpiel": {"game": "hex", "parameters": {"board_size": 5}}},
        {"pettingZoo": {"environment": "classic.tictactoe_v3"}},
        {"python": {"object": "mine.game:Game"}},
    ],
)
def test_a_run_without_decks_is_valid(shell: Any, environment: dict[str, Any]) -> None:
    """No folder of decks is searched for."""
    answer = shell.run("validate", "-f", file_of(shell, environment))
    assert (answer.code, answer.errors) == (0, [])


def test_what_is_wrong_with_an_environment_is_told_with_its_place(shell: Any) -> None:
    """As everything else in a file is."""
    answer = shell.run("validate", "-f", file_of(shell, {"openSpeil": {"game": "hex"}}))
    assert answer.code == 2
    assert answer.errors == [
        "trainingrun: run.yaml: spec.environment.openSpeil: unknown field, did you mean openSpiel?"
    ]


@pytest.mark.parametrize("verb", ["local", "eval"])
def test_the_image_of_an_engine_is_not_started_here(shell: Any, verb: str) -> None:
    """One sentence, before anything is started."""
    daemon = {"template": {"spec": {"containers": [{"name": "daemon", "image": "nim:1"}]}}}
    answer = shell.run(verb, "-f", file_of(shell, {"engine": NIM}, daemon=daemon))
    assert answer.code == 2
    assert "spec.environment.engine: an" in answer.errors[0]


def test_an_engine_that_listens_already_takes_the_place_of_its_image(shell: Any) -> None:
    """The image is the cluster's way to have one, and none is needed here; no server listens."""
    daemon = {"template": {"spec": {"containers": [{"name": "daemon", "image": "nim:1"}]}}}
    file = file_of(shell, {"engine": NIM}, daemon=daemon)
    answer = shell.run("local", "-f", file, "--daemons", "127.0.0.1:9")
    assert "no external daemon answers" in answer.errors[-1]


def test_a_forge_build_plays_magic_alone(shell: Any) -> None:
    """Whatever the folder holds."""
    file = file_of(shell, {"builtIn": {"name": "connect_four"}})
    answer = shell.run("local", "-f", file, "--forge", str(shell.folder))
    assert answer.code == 2
    assert "a Forge build plays Magic alone" in answer.errors[0]


def test_players_of_magic_are_refused_elsewhere(shell: Any) -> None:
    """Before weights are read."""
    file = file_of(shell, {"builtIn": {"name": "connect_four"}})
    answer = shell.run("eval", "-f", file, "--opponent", "aggressive", "any")
    assert answer.code == 2
