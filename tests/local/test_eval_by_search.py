"""`trainingrun eval` of a run of AlphaZero: no daemons, and the network as it is published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from trainingrun_contracts.checkpoints import POLICY_FILE
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.registry import spec_of

from testkit.roles.board_weights import random_board_weights, write_checkpoint

PROGRAM = Path(sys.executable).with_name("trainingrun")
SPEC = spec_of(BuiltIn("tic_tac_toe"))
SECONDS = 240
RUN = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "three"},
    "spec": {
        "games": 10,
        "environment": {"builtIn": {"name": "tic_tac_toe"}},
        "algorithm": {"alphaZero": {"search": {"simulations": 20}}},
        "learner": {"network": {"kind": "mlp", "width": 32, "layers": 1}},
        "evaluation": {"games": 6, "opponents": ["random", "mcts-10"]},
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of AlphaZero with two checkpoints of random weights."""
    (tmp_path / "run.yaml").write_text(json.dumps(RUN))
    config = {
        "environment": {"kind": "builtIn", "name": "tic_tac_toe"},
        "alpha_zero": {"search": {"simulations": 20}},
    }
    for step in (2, 4):
        blob = random_board_weights(Network("mlp", 32, 1), SPEC, version=step)
        files = {POLICY_FILE: blob, "model.safetensors": b"of the training"}
        checkpoints = tmp_path / ".trainingrun" / "three" / "checkpoints"
        write_checkpoint(checkpoints, "three", step, spec=SPEC, config=config, files=files)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "opponents"),
    [
        ((), {"random", "mcts-10"}),
        (("--opponent", "mcts-20", "--opponent", "three-0000000002"), {"mcts-20", "past"}),
    ],
)
def test_it_measures_the_search(
    folder: Path, options: tuple[str, ...], opponents: set[str]
) -> None:
    """Expect the newest checkpoint with its search, against searches and checkpoints, too."""
    done = subprocess.run(
        [PROGRAM, "eval", "-f", "run.yaml", "-o", "json", *options],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["run"], report["version"], report["problems"]) == ("three", 4, [])
    found = {each["opponent"]: each for each in report["evaluations"]}
    assert set(found) == opponents
    assert {each["games"] for each in found.values()} == {6}
    if "past" in found:
        assert {row[0] for row in found["past"]["results"]} == {"v2"}
