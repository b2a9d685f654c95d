"""The saver writes beside the training, reports failures, and skips what a newer one replaces."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from trainingrun_contracts.reports import CheckpointReport
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, RunConfig
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.checkpoint.archive import open_archive
from trainingrun_trainer.checkpoint.manifest import Checkpoint, Progress
from trainingrun_trainer.checkpoint.state import capture
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.saving import CheckpointWriter
from trainingrun_trainer.update import PpoUpdater


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """A run with its checkpoints in a temporary folder."""
    storage = CheckpointConfig(storage=(tmp_path / "store").as_uri())
    return RunConfig(run="r", run_id="r-1", seed=1, games=1, decks=(), checkpoint=storage)


def checkpoint_of(config: RunConfig, *, step: int) -> Checkpoint:
    """A checkpoint at a step."""
    updater = PpoUpdater(new_policy(1, SPEC), LearnerConfig(), seed=1, device=torch.device("cpu"))
    return capture(updater, config, Progress(step=step), now=float(step))


def new_saver(
    config: RunConfig, saved: list[CheckpointReport], failed: list[StorageError]
) -> CheckpointWriter:
    """A saver that records what it reports."""
    archive = open_archive(config.checkpoint, run=config.run)
    return CheckpointWriter(archive, on_saved=saved.append, on_failure=failed.append)


def test_tells_of_what_is_written(config: RunConfig) -> None:
    """Expect the newest checkpoint to be on disk and reported, with its address and hash."""
    saved: list[CheckpointReport] = []
    writer = new_saver(config, saved, [])
    for step in (1, 2, 3):
        writer.save(checkpoint_of(config, step=step))
    writer.finish()
    assert writer.saved is not None
    assert writer.saved.step == 3
    assert saved[-1].uri == f"{config.checkpoint.storage}/r-0000000003"
    assert len(saved[-1].sha256) == 64


def test_the_same_step_may_be_saved_again(config: RunConfig) -> None:
    """Expect a second checkpoint of a step to take the first one's place."""
    writer = new_saver(config, [], [])
    for _ in range(2):
        writer.save(checkpoint_of(config, step=1))
        writer.wait()
    writer.finish()
    found = open_archive(config.checkpoint, run="r").newest_valid()
    assert found.checkpoint is not None
    assert found.skipped == ()


def test_failures_are_told_and_survived(config: RunConfig, tmp_path: Path) -> None:
    """Expect a sentence for a storage that went bad, and the next checkpoint to be written."""
    saved: list[CheckpointReport] = []
    failed: list[StorageError] = []
    writer = new_saver(config, saved, failed)
    (tmp_path / "store").write_text("a file in the way")
    writer.save(checkpoint_of(config, step=1))
    writer.wait()
    (tmp_path / "store").unlink()
    writer.save(checkpoint_of(config, step=2))
    writer.finish()
    assert [error.reason for error in failed] == ["CheckpointStorageUnusable"]
    assert [report.step for report in saved] == [2]
