"""Updates without a step: when the learner goes back, and when it gives up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, PpoConfig, RunConfig
from trainingrun_contracts.segment import Segment
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.batch import pack
from trainingrun_trainer.checkpoint.archive import open_archive
from trainingrun_trainer.checkpoint.manifest import Checkpoint, CheckpointInvalid, Progress
from trainingrun_trainer.checkpoint.state import capture, restore
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.recovery import (
    ROLL_BACKS,
    STUCK_UPDATES,
    Recovery,
    Verdict,
    all_finite,
)
from trainingrun_trainer.resuming import restore_newest
from trainingrun_trainer.update import PpoUpdater


def after(recovery: Recovery, *, updates: int) -> Recovery:
    """After this many updates of which every step was skipped."""
    for _ in range(updates):
        recovery = recovery.after_update(steps=0, skipped=8)
    return recovery


def test_goes_back_after_some_updates_without_a_step() -> None:
    """Expect patience for a few, and a step in between to begin anew."""
    nearly = after(Recovery(), updates=STUCK_UPDATES - 1)
    assert nearly.verdict(is_finite=True) is Verdict.TRAIN
    assert after(nearly, updates=1).verdict(is_finite=True) is Verdict.ROLL_BACK
    better = nearly.after_update(steps=1, skipped=7)
    assert after(better, updates=1).verdict(is_finite=True) is Verdict.TRAIN


def test_goes_back_at_once_when_the_weights_are_not_finite() -> None:
    """Expect no patience for weights that no later step can repair."""
    assert Recovery().verdict(is_finite=False) is Verdict.ROLL_BACK


def test_gives_up_when_going_back_does_not_help() -> None:
    """Expect an end after some times, unless a checkpoint was written in between."""
    recovery = Recovery()
    for _ in range(ROLL_BACKS):
        recovery = after(recovery, updates=STUCK_UPDATES)
        assert recovery.verdict(is_finite=True) is Verdict.ROLL_BACK
        recovery = recovery.after_roll_back().after_update(steps=8, skipped=0)
    assert after(recovery, updates=STUCK_UPDATES).verdict(is_finite=True) is Verdict.GIVE_UP
    saved = recovery.after_save()
    assert after(saved, updates=STUCK_UPDATES).verdict(is_finite=True) is Verdict.ROLL_BACK


def test_what_skipped_a_step_is_not_saved() -> None:
    """Expect an update to be sound only when all its steps were taken."""
    assert Recovery().after_update(steps=8, skipped=0).is_sound
    assert not Recovery().after_update(steps=7, skipped=1).is_sound


def new_updater(rate: float = 3e-4) -> PpoUpdater:
    """A fresh updater."""
    config = LearnerConfig(ppo=PpoConfig(learning_rate=rate))
    return PpoUpdater(new_policy(1, SPEC), config, seed=1, device=torch.device("cpu"))


@pytest.mark.parametrize("part", ["weights", "moments"])
def test_a_checkpoint_that_is_not_finite_is_invalid(part: str) -> None:
    """Expect right sums and wrong numbers to be passed over, and the updater to stay finite."""
    broken, fresh = new_updater(), new_updater()
    tensors = broken.policy.state_dict() if part == "weights" else broken.optimiser.tensors()
    with torch.no_grad():
        next(iter(tensors.values())).view(-1)[0] = torch.nan
    config = RunConfig(
        run="r", run_id="r", seed=1, games=1, decks=(), checkpoint=CheckpointConfig("file:///x")
    )
    saved: Checkpoint = capture(broken, config, Progress(step=5), now=1.0)
    with pytest.raises(CheckpointInvalid, match="not finite"):
        restore(saved, fresh)
    assert all_finite(fresh.policy.state_dict(), fresh.optimiser.tensors())


def test_a_rate_that_breaks_the_weights_is_seen(make_segment: Callable[..., Segment]) -> None:
    """Expect weights that overflow to skip every later step, and so to be noticed."""
    updater = new_updater(rate=1e37)
    batch = pack([make_segment(seq) for seq in range(8)])
    recovery = Recovery()
    for _ in range(STUCK_UPDATES + 1):
        result = updater.update(batch)
        recovery = recovery.after_update(steps=result.steps, skipped=result.skipped)
    finite = all_finite(updater.policy.state_dict())
    assert recovery.verdict(is_finite=finite) is Verdict.ROLL_BACK


def test_a_storage_that_does_not_answer_is_no_end_for_good(tmp_path: Path) -> None:
    """Expect a learner that must go back to report that the storage failed, which a later start
    may not find; and not that there is no checkpoint, which would fail the run."""
    config = CheckpointConfig(tmp_path.as_uri())
    archive = open_archive(config, run="r")
    run = RunConfig(run="r", run_id="r", seed=1, games=1, decks=(), checkpoint=config)
    assert restore_newest((archive,), new_updater()) is None
    archive.save(capture(new_updater(), run, Progress(step=5), now=1.0))
    assert restore_newest((archive,), new_updater()) == Progress(step=5)
    tmp_path.rename(tmp_path.with_name("away"))
    tmp_path.write_text("in the way")
    with pytest.raises(StorageError):
        restore_newest((archive,), new_updater())
