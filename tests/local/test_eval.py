"""`trainingrun eval` as a user starts it, on checkpoints of random weights."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import save
from trainingrun_contracts.policy_format import Network, shapes_of
from trainingrun_environments.magic.spec import SPEC

from testkit.waiting import until

DECKS = Path(__file__).parents[2] / "decks"
PROGRAM = Path(sys.executable).with_name("trainingrun")
SECONDS = 120


@dataclass
class Place:
    """A folder with a TrainingRun and its checkpoints; temporary files are kept in it, too."""

    folder: Path
    process: subprocess.Popen[str] | None = None

    def checkpoint(self, step: int) -> Path:
        """A checkpoint of the run with random weights."""
        random = np.random.default_rng(step)
        tensors = {
            name: (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
            for name, shape in shapes_of(Network(), SPEC).items()
        }
        content = save(tensors)
        path = self.folder / ".trainingrun" / "small" / "checkpoints" / f"small-{step:010d}"
        path.mkdir(parents=True)
        (path / "model.safetensors").write_bytes(content)
        sums = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest = {
            "format": 1,
            "run": "small",
            "schema_hash": SPEC.schema_hash,
            "saved_at": step,
            "progress": {"step": step, "games": 10 * step},
            "files": {"model.safetensors": sums},
        }
        (path / "manifest.json").write_text(json.dumps(manifest))
        return path

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start ``trainingrun eval``."""
        self.process = subprocess.Popen(
            [PROGRAM, "eval", "-f", "run.yaml", "--decks", DECKS, *options],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def run(self, *options: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        process = self.start(*options)
        out, errors = process.communicate(timeout=SECONDS)
        assert "Traceback" not in errors
        return process.returncode, out, errors

    @property
    def temporary(self) -> Path:
        """Where the program keeps what it needs meanwhile."""
        return self.folder / "tmp"

    def left(self) -> list[Any]:
        """Files and processes that are still there and should not be."""
        processes = [
            each.info["cmdline"]
            for each in psutil.process_iter(["cmdline"])
            if str(self.temporary) in " ".join(each.info["cmdline"] or [])
        ]
        return [*self.temporary.iterdir(), *processes]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A run of two decks with one checkpoint."""
    made = Place(tmp_path)
    made.temporary.mkdir()
    document = {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "small"},
        "spec": {
            "games": 10,
            "decks": [{"name": "red_aggro"}, {"name": "white_weenie"}],
            "daemon": {"autoscaling": {"maxReplicas": 1}},
            "evaluation": {"games": 6, "opponents": ["random"]},
        },
    }
    (tmp_path / "run.yaml").write_text(json.dumps(document))
    made.checkpoint(4)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()


def test_it_measures_and_leaves_nothing(place: Place) -> None:
    """A table with every opponent, a picture, and neither files nor processes afterwards."""
    code, out, errors = place.run("--opponent", "random", "--opponent", "engine", "--report", "r")
    assert code == 0, errors
    assert "version 4 (40 training games)" in out
    for opponent in ("random", "engine"):
        row = next(line.split() for line in out.splitlines() if line.startswith(opponent))
        assert int(row[1]) == 6 == sum(int(count) for count in row[2:5])
    page = (place.folder / "r" / "deck-matrix.html").read_text()
    assert page.count('class="matrix"') == 2
    assert place.left() == []


def test_a_checkpoint_is_an_opponent_too(place: Place) -> None:
    """As JSON: the results against version 2 are named so, and given by decks."""
    rival = place.checkpoint(2)
    code, out, errors = place.run("--opponent", str(rival), "--games", "7", "-o", "json")
    assert code == 0, errors
    report = json.loads(out)
    assert (report["run"], report["version"], report["problems"]) == ("small", 4, [])
    (found,) = report["evaluations"]
    assert (found["opponent"], found["games"]) == ("past", 8)  # whole pairs
    assert {row[0] for row in found["results"]} == {"v2"}
    assert sum(row[3] for row in found["results"]) == 8
    assert found["anchor"] == "v2"


def test_the_same_games_are_played_again(place: Place) -> None:
    """Weights, opponents and seeds are fixed, so a second measurement gives the same results."""
    first, second = (json.loads(place.run("-o", "json")[1])["evaluations"] for _ in range(2))
    assert [each["results"] for each in first] == [each["results"] for each in second]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_interrupted(place: Place, number: signal.Signals) -> None:
    """Exit code 130, and nothing is left."""
    process = place.start("--games", "100000")
    until(
        lambda: any("evaluate" in str(each) for each in place.left()) or _is_playing(process),
        seconds=60,
        what="the evaluator runs",
    )
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert place.left() == []


def _is_playing(process: subprocess.Popen[str]) -> bool:
    """Whether the evaluator is among its processes."""
    try:
        children = psutil.Process(process.pid).children()
        return any("evaluate" in child.cmdline() for child in children)
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--opponent", "nobody"),
            "engine, mcts-N, openspiel-mcts-N nor a checkpoint",
        ),
        (("--checkpoint", "nothing"), "give the path of a checkpoint"),
        (("--games", "1"), "greater than or equal to 2"),
    ],
)
def test_mistakes_are_sentences(place: Place, options: tuple[str, ...], words: str) -> None:
    """Exit code 2 before anything is started."""
    code, out, errors = place.run(*options)
    assert code == 2
    assert out == ""
    assert words in errors
    assert place.left() == []
