"""`trainingrun local` with games other than Magic."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testkit.local.local_run import closes, local_run, write_run
from testkit.servers.faulty_engine import GOAL, Fault, faulty_engine
from testkit.waiting import until


def file_of(folder: Path, name: str) -> Path:
    """A run of a game that is found by this name."""
    environment = {"builtIn": {"name": name}}
    return write_run(folder / "run.yaml", games=60, decks=[], environment=environment)


def test_a_game_of_python_is_trained(tmp_path: Path) -> None:
    """To its end, with every transition accounted for, and no folder of decks anywhere."""
    with local_run(tmp_path, file_of(tmp_path, "tic_tac_toe")) as run:
        assert run.finish() == 0, run.said()
        assert run.summary()["games"] >= 60


def test_it_is_trained_without_daemons(tmp_path: Path) -> None:
    """Expect the actor to play the games of the run to its end, and no process of a daemon."""
    file = write_run(
        tmp_path / "run.yaml",
        games=60,
        decks=[],
        environment={"builtIn": {"name": "tic_tac_toe"}},
        daemon={"embedded": True},
    )
    with local_run(tmp_path, file) as run:
        assert run.finish() == 0, run.said()
        assert run.summary()["games"] >= 60
        assert closes(run.summary()["ledger"])
        assert not list(run.state.rglob("daemon*.log"))


def test_what_cannot_be_embedded_ends_with_a_sentence(tmp_path: Path) -> None:
    """Expect the actor's own sentence where the run cannot tell: the API knows the kinds alone."""
    file = write_run(
        tmp_path / "run.yaml",
        games=60,
        decks=[],
        environment={"builtIn": {"name": "chess"}},
        daemon={"embedded": True},
    )
    with local_run(tmp_path, file) as run:
        assert run.finish(seconds=60) == 2
        assert "no environment is called 'chess'" in run.said()


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    """The run ends with the daemon's sentence, and nothing is started again."""
    with local_run(tmp_path, file_of(tmp_path, "chess")) as run:
        assert run.finish(seconds=60) == 2
        assert "no environment is called 'chess'" in run.said()


ENDLESS = """
class Game:
    observation_shape = (1,)
    actions = 2
    current_player, is_terminal, returns = 0, False, (0.0, 0.0)

    def __init__(self, seed):
        pass

    def legal_actions(self):
        return [0, 1]

    def apply(self, action):
        pass

    def observation(self, player):
        return [0.0]
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('no licence')", "cannot be imported: RuntimeError: no licence"),
        (ENDLESS, "random play did not end in 10000 moves: end a game, say as a draw"),
        (ENDLESS.replace("[0, 1]", "[]"), "legal_actions() is empty after 0 moves"),
        (ENDLESS.replace("[0.0]", "[float('nan')]"), "holds a number that is not finite"),
        (ENDLESS.replace("[0.0]", "[0.0, 1.0]"), "has the shape [2], and observation_shape is [1]"),
    ],
    ids=["fails at import", "endless", "no actions", "NaN", "wrong shape"],
)
def test_a_class_that_cannot_be_played(tmp_path: Path, source: str, words: str) -> None:
    """The run ends at its start with the sentence about the class, and nothing is started again."""
    (tmp_path / "broken_game.py").write_text(source)
    environment = {"python": {"object": "broken_game:Game"}}
    file = write_run(tmp_path / "run.yaml", games=60, decks=[], environment=environment)
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    with local_run(tmp_path, file, environment={"PYTHONPATH": paths}, is_warm=False) as run:
        assert run.finish(seconds=180) == 2
        assert words in run.said()


def test_an_engine_that_sends_what_is_no_number(tmp_path: Path) -> None:
    """The run says what is wrong and what to do about it while it waits for games."""
    environment = {
        "engine": {"name": "adding", "observation": [GOAL], "actions": {"vocabulary": {"size": 3}}}
    }
    with faulty_engine(Fault.NOT_A_NUMBER) as port:
        daemon = {"external": {"endpoints": [f"127.0.0.1:{port}"]}}
        file = write_run(
            tmp_path / "run.yaml", games=60, decks=[], environment=environment, daemon=daemon
        )
        with local_run(tmp_path, file) as run:
            until(lambda: "GameFailed" in run.said(), seconds=120, what="the run says it")
            said = run.said()
    assert "observation holds a number that is not finite, the first at place 4" in said
    assert f"trainingrun daemons check 127.0.0.1:{port} --environment engine" in said
