"""Several places and many checkpoints: which one is resumed from, and which ones stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from trainingrun_contracts.observation.schema import SCHEMA_HASH
from trainingrun_contracts.reports import Evaluation
from trainingrun_trainer.checkpoint.archive import (
    CheckpointArchive,
    Loaded,
    Retention,
    Skipped,
    resumable,
)
from trainingrun_trainer.checkpoint.manifest import (
    FORMAT,
    Checkpoint,
    Manifest,
    Progress,
    Score,
    score_of,
    sum_of,
)
from trainingrun_trainer.checkpoint.store import FileStore


def checkpoint_of(step: int, *, rate: float | None = None, evaluated: int = 0) -> Checkpoint:
    """A small checkpoint, saved at a time that grows with its step."""
    files = {"model.safetensors": b"tensors %d" % step}
    manifest = Manifest(
        format=FORMAT, run="r", run_id="r-1", schema_hash=SCHEMA_HASH, saved_at=1000.0 + step,
        progress=Progress(step=step), files={name: sum_of(each) for name, each in files.items()},
        config=msgspec.Raw(b"{}"), libraries={},
        score=None if rate is None else Score(evaluated, rate, {"random": rate}),
    )  # fmt: skip
    return Checkpoint(manifest, files)


def archive_in(folder: Path, *, keep: int = 3, keep_best: bool = True) -> CheckpointArchive:
    """An archive of the run ``r``."""
    return CheckpointArchive(FileStore(folder), run="r", retention=Retention(keep, keep_best))


def names(folder: Path) -> list[str]:
    """What a folder has."""
    return sorted(path.name for path in folder.iterdir())


def test_clearing_removes_the_run_and_nothing_else(tmp_path: Path) -> None:
    """Whole and torn checkpoints of the run go; those of a namesake and of others stay."""
    archive, other = archive_in(tmp_path), tmp_path / "r-b-0000000001"
    for step in (1, 2, 3):
        archive.save(checkpoint_of(step))
    other.mkdir()
    (tmp_path / "r-0000000009").mkdir()
    assert sorted(archive.clear()) == [
        "r-0000000001", "r-0000000002", "r-0000000003", "r-0000000009",
    ]  # fmt: skip
    assert names(tmp_path) == ["r-b-0000000001"]
    assert archive.clear() == ()


def first_loaded(*archives: CheckpointArchive) -> tuple[str, list[str]]:
    """Address of what is resumed from, and why others were passed over."""
    passed: list[str] = []
    for found in resumable(*archives):
        if isinstance(found, Loaded):
            return found.uri, passed
        passed.append(found.why)
    return "", passed


def test_the_best_stays(tmp_path: Path) -> None:
    """Expect the first checkpoint after the best evaluation to outlive the newest ones."""
    archive = archive_in(tmp_path, keep=2)
    rates = [0.5, 0.9, 0.9, 0.6, 0.7, 0.7]
    for step, rate in enumerate(rates, start=1):
        archive.save(checkpoint_of(step, rate=rate, evaluated=2 if rate == 0.9 else step))
        archive.tidy()
    assert names(tmp_path) == ["r-0000000002", "r-0000000005", "r-0000000006"]


def test_the_best_goes_when_it_is_not_wanted(tmp_path: Path) -> None:
    """Expect the newest alone with keepBest: false."""
    archive = archive_in(tmp_path, keep=1, keep_best=False)
    for step, rate in ((1, 0.9), (2, 0.1)):
        archive.save(checkpoint_of(step, rate=rate))
        archive.tidy()
    assert names(tmp_path) == ["r-0000000002"]


def test_remains_push_nothing_out(tmp_path: Path) -> None:
    """Expect torn checkpoints to be cleared and not to count among those that are kept."""
    archive = archive_in(tmp_path, keep=2)
    for step in (1, 2, 3, 4):
        archive.save(checkpoint_of(step))
        if step in (2, 3):
            (tmp_path / f"r-{step:010d}" / "manifest.json").unlink()
    archive.tidy()
    assert names(tmp_path) == ["r-0000000001", "r-0000000004"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """Expect a step that is saved again to get a name of its own, and to be the newer one."""
    archive = archive_in(tmp_path)
    first, again = checkpoint_of(1), checkpoint_of(1)
    archive.save(first)
    later = msgspec.structs.replace(again.manifest, saved_at=2000.0)
    uri = archive.save(Checkpoint(later, again.files))
    assert names(tmp_path) == ["r-0000000001", "r-0000000001.1"]
    assert archive.newest_valid().uri == uri


def test_the_newest_of_all_places_wins(tmp_path: Path) -> None:
    """Expect the newer one, wherever it is, and the nearer copy of the same one."""
    near, far = archive_in(tmp_path / "near"), archive_in(tmp_path / "far")
    near.save(checkpoint_of(1))
    far.save(checkpoint_of(1))
    assert first_loaded(near, far)[0].endswith("near/r-0000000001")
    far.save(checkpoint_of(2))
    assert first_loaded(near, far)[0].endswith("far/r-0000000002")
    near.save(checkpoint_of(3))
    assert first_loaded(near, far)[0].endswith("near/r-0000000003")


def test_a_torn_copy_is_replaced_by_the_other(tmp_path: Path) -> None:
    """Expect the far copy when the near one is damaged, before anything older."""
    near, far = archive_in(tmp_path / "near"), archive_in(tmp_path / "far")
    for archive in (near, far):
        archive.save(checkpoint_of(1))
        archive.save(checkpoint_of(2))
    (tmp_path / "near" / "r-0000000002" / "model.safetensors").write_bytes(b"torn")
    uri, passed = first_loaded(near, far)
    assert uri.endswith("far/r-0000000002")
    assert passed == ["model.safetensors has 4 bytes instead of 9 bytes"]


def test_a_place_that_fails_is_passed_over(tmp_path: Path) -> None:
    """Expect the other place to do, and a word about the one that cannot be read."""
    near = archive_in(tmp_path / "near")
    near.save(checkpoint_of(1))
    (tmp_path / "far").write_text("in the way")
    found = list(resumable(near, archive_in(tmp_path / "far")))
    assert [type(each) for each in found] == [Skipped, Loaded]


def edit(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change a manifest."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(files={"../../x": {"size": 1, "sha256": ""}}), "names a file"),
        (lambda d: d.update(files={"manifest.json": {"size": 1, "sha256": ""}}), "names a file"),
        (lambda d: d["files"]["model.safetensors"].update(size=1 << 60), "bytes for"),
        (lambda d: d["files"]["model.safetensors"].update(size=-1), "bytes for"),
        (lambda d: d["files"]["model.safetensors"].update(size=3), "more than 3 bytes"),
        (lambda d: d.update(files={f"f{n}": {"size": 1, "sha256": ""} for n in range(99)}), "64"),
        (lambda d: d.update(format=1), "format 1"),
        (lambda d: d.update(run="other"), "belongs to the run other"),
        (lambda d: d.update(libraries={"x": "y" * 2_000_000}), "more than"),
    ],
)
def test_hostile_manifests(
    tmp_path: Path, change: Callable[[dict[str, object]], object], why: str
) -> None:
    """Expect names and sizes that no learner writes to be refused before anything is read."""
    archive = archive_in(tmp_path)
    archive.save(checkpoint_of(1))
    edit(tmp_path / "r-0000000001" / "manifest.json", change)
    (skipped,) = archive.newest_valid().skipped
    assert why in skipped.why


def test_fields_of_a_later_release_do_no_harm(tmp_path: Path) -> None:
    """Expect a configuration with unknown fields to leave the checkpoint readable."""
    archive = archive_in(tmp_path)
    archive.save(checkpoint_of(1))
    edit(
        tmp_path / "r-0000000001" / "manifest.json",
        lambda d: d.update(config={"new": {"deep": [1]}}, news=1),
    )
    assert archive.newest_valid().checkpoint is not None


def evaluation(version: int, opponent: str, rate: float) -> Evaluation:
    """A result."""
    return Evaluation(
        at=0.0, version=version, training_games=0, opponent=opponent, games=10, wins=5, draws=0,
        rate=rate, low=0.0, high=1.0,
    )  # fmt: skip


def test_score_is_of_the_newest_complete_evaluation() -> None:
    """Expect the mean over all opponents of the newest weights that met them all."""
    told = [
        evaluation(1, "random", 0.9), evaluation(1, "aggressive", 0.9),
        evaluation(2, "random", 0.8), evaluation(2, "aggressive", 0.4), evaluation(2, "x", 0.0),
        evaluation(3, "random", 1.0),
    ]  # fmt: skip
    score = score_of(told, ("random", "aggressive"))
    assert score is not None
    assert (score.version, round(score.rate, 9)) == (2, 0.6)
    assert score_of(told[:1], ("random", "aggressive")) is None
    assert score_of([], ()) is None
