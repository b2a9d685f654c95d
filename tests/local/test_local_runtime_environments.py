"""`trainingrun local` with games other than Magic."""

from __future__ import annotations

from pathlib import Path

from testkit.local.local_run import local_run, write_run


def file_of(folder: Path, name: str) -> Path:
    """A run of a game that is found by this name."""
    environment = {"builtIn": {"name": name}}
    return write_run(folder / "run.yaml", games=60, decks=[], environment=environment)


def test_a_game_of_python_is_trained(tmp_path: Path) -> None:
    """To its end, with every transition accounted for, and no folder of decks anywhere."""
    with local_run(tmp_path, file_of(tmp_path, "tic_tac_toe")) as run:
        assert run.finish() == 0, run.said()
        assert run.summary()["games"] >= 60


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    """The run ends with the daemon's sentence, and nothing is started again."""
    with local_run(tmp_path, file_of(tmp_path, "chess")) as run:
        assert run.finish(seconds=60) == 2
        assert "no environment is called 'chess'" in run.said()
