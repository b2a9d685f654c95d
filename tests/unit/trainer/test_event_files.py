"""Event files for TensorBoard across the starts of a learner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainingrun_contracts.reports import Evaluation
from trainingrun_contracts.run_config import CheckpointConfig, RunConfig
from trainingrun_trainer.telemetry import EventFiles

RESULT = Evaluation(
    at=1000.25, version=3, training_games=0, opponent="random", games=10, wins=5, draws=0,
    rate=0.5, low=0.2, high=0.8, elo=12.0,
)  # fmt: skip
CONFIG = RunConfig(
    run="r", run_id="r-1", seed=1, games=1, decks=(), checkpoint=CheckpointConfig("file:///x")
)


def test_an_evaluation_is_written_once_over_all_starts(tmp_path: Path) -> None:
    """Expect one point although Redis tells of the same evaluation again after a resume, and the
    configuration as a text."""
    for _ in range(3):
        events = EventFiles(tmp_path)
        events.write_config(CONFIG)
        events.write_evaluations([RESULT])
        events.write_evaluations([RESULT])
        events.close()
    (tmp_path / "events.out.tfevents.9.torn").write_bytes(b"\xff" * 40)
    EventFiles(tmp_path).write_evaluations([RESULT])
    (tmp_path / "events.out.tfevents.9.torn").unlink()
    read = EventAccumulator(str(tmp_path)).Reload()
    [point] = read.Scalars("evaluation_win_rate/random")
    assert (point.step, point.value) == (3, 0.5)
    texts = read.Tensors("config/text_summary")
    assert b'"run_id": "r-1"' in texts[0].tensor_proto.string_val[0]


@pytest.mark.parametrize("place", ["checkpoints", "elsewhere"])
def test_an_evaluation_after_the_learner_is_added_once(tmp_path: Path, place: str) -> None:
    """Expect the last evaluation in the curves, in the storage's folder or the cache's, and no file
    more where it is told of again."""
    cache, storage = tmp_path / "checkpoints", tmp_path / place
    folder = cache / "tensorboard"
    folder.mkdir(parents=True)
    storage.mkdir(exist_ok=True)
    options = ("--run", "r", "--run-id", "r-1", "--cache", str(cache), "--", str(storage))
    command = [sys.executable, "-m", "trainingrun_trainer.checkpoint", "score", *options]
    for _ in range(2):
        subprocess.run(command, input=msgspec.json.encode((RESULT,)), check=True)
    assert len(list(folder.iterdir())) == 1
    [point] = EventAccumulator(str(folder)).Reload().Scalars("evaluation_win_rate/random")
    assert (point.step, point.value) == (3, 0.5)
