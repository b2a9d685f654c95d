"""Checkpoints on a file system: whole or not there, newest valid first, N kept, same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, RunConfig
from trainingrun_contracts.segment import Segment
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.batch import pack
from trainingrun_trainer.checkpoint.archive import CheckpointArchive, open_archive
from trainingrun_trainer.checkpoint.manifest import Checkpoint, CheckpointInvalid, Progress
from trainingrun_trainer.checkpoint.state import capture, restore
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.update import PpoUpdater


def new_updater(seed: int = 1) -> PpoUpdater:
    """A fresh updater."""
    return PpoUpdater(
        new_policy(seed, SPEC), LearnerConfig(), seed=seed, device=torch.device("cpu")
    )


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """A run that keeps three checkpoints in a temporary folder."""
    storage = CheckpointConfig(storage=(tmp_path / "store").as_uri(), keep=3)
    return RunConfig(run="r", run_id="r-1", seed=1, games=1, decks=(), checkpoint=storage)


@pytest.fixture
def archive(config: RunConfig) -> CheckpointArchive:
    """The run's archive, checked."""
    archive = open_archive(config.checkpoint, run=config.run)
    archive.check()
    return archive


def checkpoint_of(config: RunConfig, *, step: int) -> Checkpoint:
    """A checkpoint at a step, saved at a time that grows with it."""
    return capture(new_updater(), config, Progress(step=step, games=10 * step), now=1000.0 + step)


def folder(config: RunConfig, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return Path(config.checkpoint.storage.removeprefix("file://")) / f"r-{step:010d}"


def test_resume_gives_the_same_bits(
    config: RunConfig, archive: CheckpointArchive, make_segment: Callable[..., Segment]
) -> None:
    """Expect a learner that was saved and resumed to continue exactly as one that was not."""
    batches = [pack([make_segment(seq) for seq in range(n, n + 4)]) for n in (0, 4)]
    straight = new_updater()
    straight.update(batches[0])
    progress = Progress(step=1, publish=2, games=3, transitions=64, first_update_at=5.0)
    archive.save(capture(straight, config, progress, now=1.0))
    expected = straight.update(batches[1])

    resumed = new_updater(seed=2)
    found = archive.newest_valid()
    assert found.checkpoint is not None
    assert restore(found.checkpoint, resumed) == progress
    assert resumed.update(batches[1]) == expected
    for name, tensor in straight.policy.state_dict().items():
        assert torch.equal(tensor, resumed.policy.state_dict()[name])


def test_keeps_the_newest(config: RunConfig, archive: CheckpointArchive) -> None:
    """Expect the three newest to stay, and other runs' checkpoints to be left alone."""
    other = open_archive(config.checkpoint, run="other")
    other.save(checkpoint_of(config, step=1))
    for step in range(1, 6):
        archive.save(checkpoint_of(config, step=step))
        archive.tidy()
    names = sorted(path.name for path in folder(config, 1).parent.iterdir())
    assert names == ["other-0000000001", "r-0000000003", "r-0000000004", "r-0000000005"]


def test_newest_is_by_epoch_and_step(config: RunConfig, archive: CheckpointArchive) -> None:
    """Expect a later learner's checkpoint of a lower step (after going back) to win, whatever the
    clocks say."""
    archive.save(capture(new_updater(), config, Progress(step=9), now=2.0, epoch=1))
    archive.save(capture(new_updater(), config, Progress(step=4), now=1.0, epoch=2))
    found = archive.newest_valid().checkpoint
    assert found is not None
    assert found.manifest.progress.step == 4


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: (path / "model.safetensors").write_bytes(b"x"), "bytes instead of"),
        (lambda path: (path / "optimizer.safetensors").unlink(), "is missing"),
        (lambda path: (path / "manifest.json").unlink(), "is missing"),
        (lambda path: (path / "manifest.json").write_text("{"), "cannot be read"),
        (lambda path: (path / "manifest.json").write_bytes(b"\xff\x00"), "cannot be read"),
    ],
)
def test_damaged_checkpoints_are_skipped(
    config: RunConfig, archive: CheckpointArchive, damage: Callable[[Path], object], why: str
) -> None:
    """Expect the next older one, and a word about what is wrong with the newest."""
    archive.save(checkpoint_of(config, step=1))
    archive.save(checkpoint_of(config, step=2))
    damage(folder(config, 2))
    found = archive.newest_valid()
    assert found.checkpoint is not None
    assert found.checkpoint.manifest.progress.step == 1
    assert [why in skipped.why for skipped in found.skipped] == [True]


def test_flipped_bit_is_found(config: RunConfig, archive: CheckpointArchive) -> None:
    """Expect a file of the right size and the wrong content to be refused."""
    archive.save(checkpoint_of(config, step=1))
    file = folder(config, 1) / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    found = archive.newest_valid()
    assert found.checkpoint is None
    assert "sha256" in found.skipped[0].why


def test_half_written_checkpoints_are_not_seen(
    config: RunConfig, archive: CheckpointArchive
) -> None:
    """Expect what a killed learner left to be ignored, and cleared at the next start."""
    left = folder(config, 1).parent / ".tmp-r-0000000007-99"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    assert archive.newest_valid().checkpoint is None
    archive.check()
    assert not left.exists()


def test_a_checkpoint_of_another_policy_is_refused(config: RunConfig) -> None:
    """Expect tensors that do not fit to be refused with a sentence."""
    whole = checkpoint_of(config, step=1)
    torn = Checkpoint(whole.manifest, {**whole.files, "model.safetensors": b"\x00" * 16})
    with pytest.raises(CheckpointInvalid, match="does not fit"):
        restore(torn, new_updater())


def test_a_checkpoint_of_another_environment_is_refused(config: RunConfig) -> None:
    """Whole, and of the same shapes: what the numbers mean is another."""
    whole = checkpoint_of(config, step=1)
    manifest = msgspec.structs.replace(whole.manifest, schema_hash="0123456789abcdef")
    with pytest.raises(CheckpointInvalid, match="made for another observation encoding"):
        restore(Checkpoint(manifest, whole.files), new_updater())


def test_denied_directory() -> None:
    """Expect a place where no one may make a directory to be refused as denied."""
    config = CheckpointConfig(storage="file:///sys/trainingrun-checkpoints")
    with pytest.raises(StorageError, match="right to write") as caught:
        open_archive(config, run="r").check()
    assert caught.value.reason == "CheckpointStorageDenied"


@pytest.mark.parametrize("storage", ["ftp://x/y", "file://host/x", "s3://", "relative"])
def test_unknown_storages_are_refused(storage: str) -> None:
    """Expect a sentence that shows the right form."""
    with pytest.raises(StorageError, match="give"):
        open_archive(CheckpointConfig(storage=storage), run="r")
