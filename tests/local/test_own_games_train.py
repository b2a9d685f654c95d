"""Games that are not ours are trained by `trainingrun local`, as a user's first run: two engines
without any of our code, and the project that `trainingrun init` writes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun.commands.starting.writing import write_project

from testkit.local.local_run import closes, local_run
from testkit.own_engines import EXAMPLES, engine_in_go, engine_in_python, find_go

GAMES = 2000
BETTER_THAN_EVEN = 0.5
"""What the lower bound of the last win rate against random play must pass: untrained weights play
as random does."""


def shortened(example: Path, file: Path, **spec: Any) -> Path:
    """The training of an example with fewer games and smaller batches, under the harness' name."""
    document = yaml.safe_load(example.read_text())
    document["metadata"]["name"] = "small"
    document["spec"]["games"] = GAMES
    document["spec"]["learner"]["batchTransitions"] = 512
    document["spec"]["evaluation"] = {
        "intervalGames": GAMES,
        "games": 200,
        "opponents": ["random"],
    }
    document["spec"].update(spec)
    file.write_text(json.dumps(document))
    return file


def trained(folder: Path, file: Path, environment: Mapping[str, str] | None = None) -> float:
    """Run to the end; gives the lower bound of the last win rate. The ledger must close."""
    with local_run(folder, file, environment=environment, is_warm=environment is None) as run:
        assert run.finish(seconds=300) == 0, run.said()
        summary = run.summary()
    assert closes(summary["ledger"])
    assert summary["ledger"]["lost"] == 0
    last = summary["evaluations"][-1]
    assert last["version"] > 0
    return float(last["low"])


def at(port: int) -> dict[str, Any]:
    """The section of daemons that run already."""
    return {"external": {"endpoints": [f"127.0.0.1:{port}"]}}


def test_an_engine_in_go_is_trained(tmp_path: Path) -> None:
    """Nim, of which nothing is known here but the shapes in its YAML."""
    go = find_go()
    if go is None:
        pytest.skip("needs go on PATH to build examples/engine-in-go")
    example = EXAMPLES / "engine-in-go" / "trainingrun.yaml"
    with engine_in_go(tmp_path, go) as port:
        file = shortened(example, tmp_path / "run.yaml", daemon=at(port))
        assert trained(tmp_path, file) > BETTER_THAN_EVEN


def test_an_engine_in_python_is_trained(tmp_path: Path) -> None:
    """Domineering, by the standard library alone."""
    example = EXAMPLES / "engine-in-python" / "trainingrun.yaml"
    with engine_in_python(tmp_path) as port:
        file = shortened(example, tmp_path / "run.yaml", daemon=at(port))
        assert trained(tmp_path, file) > BETTER_THAN_EVEN


def test_the_project_that_init_writes_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its class is found where an editable install would put it."""
    monkeypatch.chdir(tmp_path)
    project = write_project("four-by-four").absolute()
    file = shortened(project / "trainingrun.yaml", tmp_path / "run.yaml")
    paths = os.pathsep.join(filter(None, (str(project / "src"), os.environ.get("PYTHONPATH"))))
    assert trained(tmp_path, file, {"PYTHONPATH": paths}) > BETTER_THAN_EVEN
