"""Fixtures of the command line's tests: the real program, and a valid document to spoil."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testkit.warm_program import warm_programs

COMMANDS = "trainingrun"
DOCUMENT: dict[str, Any] = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "small"},
    "spec": {"games": 10, "decks": [{"name": "bears"}]},
}
DECK = "[metadata]\nName=Bears\n[Main]\n24 Forest\n36 Grizzly Bears\n"


@dataclass(frozen=True)
class Answer:
    """What the program said: its exit code, standard output, and lines of standard error."""

    code: int
    out: str
    errors: list[str]


@dataclass(frozen=True)
class Shell:
    """Runs the program in a folder of its own, with a deck."""

    folder: Path

    def run(self, *arguments: str) -> Answer:
        """Run the program to its end."""
        return self.ask("trainingrun", *arguments)

    def ask(self, program: str, *arguments: str, **environment: str) -> Answer:
        """Run one of our programs to its end, with something in its environment."""
        nowhere = {"KUBECONFIG": str(self.folder / "no-kubeconfig")}
        done = warm_programs(COMMANDS).run(
            [program, *arguments],
            cwd=self.folder,
            env={**os.environ, **nowhere, **environment},
        )
        assert "Traceback" not in done.stderr
        return Answer(done.returncode, done.stdout, done.stderr.splitlines())

    def write(self, change: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
        """Write the document, changed; gives the file's name."""
        document = copy.deepcopy(DOCUMENT)
        change(document)
        (self.folder / "run.yaml").write_text(json.dumps(document))
        return "run.yaml"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """The program in a fresh folder."""
    decks = tmp_path / "decks"
    decks.mkdir()
    (decks / "bears.dck").write_text(DECK)
    return Shell(tmp_path)
