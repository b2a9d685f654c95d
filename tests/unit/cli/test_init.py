"""``trainingrun init``: what it writes stands on its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

NAME = "three-in-a-row"


@pytest.fixture
def project(shell: Any) -> Path:
    """A project, written by the program."""
    answer = shell.run("init", "--environment", "python", NAME)
    assert (answer.code, answer.errors) == (0, [])
    return Path(shell.folder / NAME)


def test_the_projects_own_tests_pass(project: Path) -> None:
    """Expect them to pass where the package is found."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_its_training_is_valid(shell: Any, project: Path) -> None:
    """Expect the program that wrote it to approve of it."""
    answer = shell.run("validate", "-f", f"{NAME}/trainingrun.yaml")
    assert answer.errors == []
    assert answer.out == f"{NAME}/trainingrun.yaml: {NAME} is valid\n"


def test_its_training_names_its_class(project: Path) -> None:
    """Expect the class of the package as the environment, and as the entry point."""
    run = yaml.safe_load((project / "trainingrun.yaml").read_text())
    points = tomllib.loads((project / "pyproject.toml").read_text())["project"]["entry-points"]
    named = run["spec"]["environment"]["python"]["object"]
    assert points["trainingrun.environments"] == {"three_in_a_row": named}
    assert named == "three_in_a_row.game:Game"


def test_nothing_of_the_template_is_left(project: Path) -> None:
    """Expect the project's own name everywhere, in files and in their names."""
    for path in project.rglob("*"):
        assert "my_game" not in str(path)
        assert path.is_dir() or not re.search("my[-_]game", path.read_text())


def test_what_is_there_stays(shell: Any, project: Path) -> None:
    """Expect a refusal, and no file changed."""
    (project / "README.md").write_text("mine")
    answer = shell.run("init", NAME)
    assert (answer.code, len(answer.errors)) == (2, 1)
    assert "there already" in answer.errors[0]
    assert (project / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["Nim", "3-in-a-row", "a b", "../nim", "nim-", "json", "x" * 41])
def test_a_name_that_is_none_is_refused(shell: Any, name: str) -> None:
    """Expect one sentence and nothing written."""
    answer = shell.run("init", name)
    assert (answer.code, len(answer.errors)) == (2, 1)
    assert [path.name for path in shell.folder.iterdir()] == ["decks"]
