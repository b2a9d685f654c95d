"""Event files for TensorBoard across the starts of a learner."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from trainingrun_contracts.reports import Evaluation
from trainingrun_contracts.run_config import CheckpointConfig, RunConfig
from trainingrun_trainer.recording import record
from trainingrun_trainer.telemetry import TENSORBOARD_VARIABLE, EventFiles, event_folder

RESULT = Evaluation(
    at=1000.25,
    version=3,
    training_games=0,
    opponent="random",
    games=10,
    wins=5,
    draws=0,
    rate=0.5,
    low=0.2,
    high=0.8,
    elo=12.0,
)
CONFIG = RunConfig(
    run="r", run_id="r-1", seed=1, games=1, decks=(), checkpoint=CheckpointConfig("file:///x")
)


def test_an_evaluation_is_written_once_over_all_starts(tmp_path: Path) -> None:
    """Expect one point although Redis gives the same evaluation again after a resume, and the
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


def test_points_of_updates_that_are_gone_are_dropped(tmp_path: Path) -> None:
    """Expect those at the first update of a new start and behind it to go, and none before it; an
    evaluation stands for the version that it was of."""
    first = EventFiles(tmp_path)
    first.restart(1)
    first.write_evaluations([RESULT])
    for step in range(1, 6):
        first.write({"loss/policy": 1.0}, step=step)
    second = EventFiles(tmp_path)
    second.restart(4)
    for step in range(4, 6):
        second.write({"loss/policy": 2.0}, step=step)
    read = EventAccumulator(str(tmp_path)).Reload()
    points = [(each.step, each.value) for each in read.Scalars("loss/policy")]
    assert points == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0)]
    assert len(read.Scalars("evaluation_win_rate/random")) == 1


def test_hyperparameters_bear_the_names_that_people_know(tmp_path: Path) -> None:
    """Expect what TensorBoard's table reads: PPO's by the names of Stable-Baselines3."""
    EventFiles(tmp_path).write_config(CONFIG)
    contents = EventAccumulator(str(tmp_path)).Reload().PluginTagToContent("hparams")
    data = HParamsPluginData.FromString(contents["_hparams_/session_start_info"])
    found = data.session_start_info.hparams
    numbers = {
        "learning_rate": 3e-4,
        "n_epochs": 2,
        "clip_range": 0.2,
        "ent_coef": 0.01,
        "vf_coef": 0.5,
        "gamma": 1.0,
        "gae_lambda": 0.95,
        "max_grad_norm": 0.5,
        "target_kl": 0.03,
        "seed": 1,
        "minibatches": 4,
        "batch_transitions": 8192,
        "network.layers": 2,
    }
    assert {name: found[name].number_value for name in numbers} == numbers
    assert found["network.kind"].string_value == "mlp"


def test_an_evaluation_after_the_learner_is_added_once(tmp_path: Path) -> None:
    """Expect the last evaluation in the curves, and no further file where it is reported again."""
    storage = CheckpointConfig(storage=tmp_path.as_uri())
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    for _ in range(2):
        record(msgspec.structs.replace(CONFIG, checkpoint=storage), (RESULT,))
    assert len(list(folder.iterdir())) == 1
    [point] = EventAccumulator(str(folder)).Reload().Scalars("evaluation_win_rate/random")
    assert (point.step, point.value) == (3, 0.5)


@pytest.mark.parametrize(
    ("storage", "cache", "named", "folder"),
    [
        ("file:///there", None, "", Path("/there/tensorboard")),
        ("s3://bucket/prefix", "/here", "", Path("/here/tensorboard")),
        ("s3://bucket/prefix", None, "", None),
        ("s3://bucket/prefix", None, "/curves", Path("/curves")),
    ],
)
def test_where_event_files_stay(
    storage: str,
    cache: str | None,
    named: str,
    folder: Path | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Expect them beside the checkpoints of this machine, or where the environment says."""
    monkeypatch.setenv(TENSORBOARD_VARIABLE, named)
    checkpoint = CheckpointConfig(storage=storage, cache=cache)
    assert event_folder(msgspec.structs.replace(CONFIG, checkpoint=checkpoint)) == folder
