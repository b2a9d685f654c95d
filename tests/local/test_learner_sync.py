"""``trainingrun local --sync``: the same seed gives the same run, bit for bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from testkit.local.local_run import closes, local_run, write_run

LEARNER: dict[str, Any] = {"batchTransitions": 256}
ALGORITHM = {"ppo": {"learningRate": 0.003}}
SELF_PLAY = {"latest": 0.5, "past": 0.3, "scripted": 0.2, "snapshotEveryPublishes": 2}


def run_in_step(folder: Path, *, seed: int, games: int) -> tuple[bytes, str]:
    """A whole run; gives the bytes of its loss curve and the hash of its last weights."""
    folder.mkdir()
    file = write_run(
        folder / "run.yaml",
        games=games,
        seed=seed,
        algorithm=ALGORITHM,
        learner=LEARNER,
        selfPlay=SELF_PLAY,
    )
    with local_run(folder, file, "--sync") as run:
        assert run.finish(seconds=300) == 0, run.said()
        assert closes(run.summary()["ledger"])
        checkpoints = run.state / "checkpoints"
        newest = max(checkpoints.rglob("model.safetensors"), key=lambda path: path.parent.name)
        weights = hashlib.sha256(newest.read_bytes()).hexdigest()
        return next(checkpoints.rglob("losses.jsonl")).read_bytes(), weights


def test_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """Expect equal bytes of the loss curve and of the weights, with games against the policy
    itself, past selves and scripted players."""
    first = run_in_step(tmp_path / "first", seed=5, games=24)
    second = run_in_step(tmp_path / "second", seed=5, games=24)
    assert first == second
    steps = [json.loads(line) for line in first[0].splitlines()]
    assert len(steps) >= 3
    assert all(step["transitions"] > 0 for step in steps)
