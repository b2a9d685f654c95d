"""Several places and many checkpoints: which one is resumed from, and which ones stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from trainingrun_contracts.reports import Evaluation
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.checkpoint.archive import (
    CheckpointArchive,
    Loaded,
    Owner,
    Retention,
    Skipped,
    best_name,
    resumable,
    scores_due,
)
from trainingrun_trainer.checkpoint.manifest import (
    FORMAT,
    Checkpoint,
    Manifest,
    Progress,
    Score,
    sum_of,
)
from trainingrun_trainer.checkpoint.store import FileStore, StorageError
from trainingrun_trainer.saving import newest_rate


def checkpoint_of(
    step: int, *, epoch: int = 1, run_id: str = "r-1", saved_at: float | None = None
) -> Checkpoint:
    """A small checkpoint, saved at a time that grows with its step."""
    files = {"model.safetensors": b"tensors %d" % step}
    manifest = Manifest(
        format=FORMAT,
        run="r",
        run_id=run_id,
        schema_hash=SPEC.schema_hash,
        saved_at=1000.0 + step if saved_at is None else saved_at,
        epoch=epoch,
        progress=Progress(step=step),
        files={name: sum_of(each) for name, each in files.items()},
        config=msgspec.Raw(b"{}"),
        libraries={},
    )
    return Checkpoint(manifest, files)


def archive_in(
    folder: Path, *, keep: int = 3, keep_best: bool = True, owner: Owner | None = None
) -> CheckpointArchive:
    """An archive of the run ``r``."""
    retention = Retention(keep, keep_best)
    return CheckpointArchive(FileStore(folder), run="r", retention=retention, owner=owner)


def save(archive: CheckpointArchive, step: int, *, rate: float | None = None) -> None:
    """Save a step and tidy up, as a learner does; where it was evaluated, attach that."""
    uri = archive.save(checkpoint_of(step))
    if rate is not None:
        entry = next(each for each in archive.entries() if each.uri == uri)
        archive.attach(entry, Score(step, rate, {"random": rate}))
    archive.tidy(written=uri)


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
        "r-0000000001",
        "r-0000000002",
        "r-0000000003",
        "r-0000000009",
    ]
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
    """Expect the checkpoint of the best evaluation to outlive the newest ones."""
    archive = archive_in(tmp_path, keep=2)
    for step, rate in enumerate([0.5, 0.9, None, 0.6, 0.7, None], start=1):
        save(archive, step, rate=rate)
    assert names(tmp_path) == ["r-0000000002", "r-0000000005", "r-0000000006"]


def test_the_best_goes_when_it_is_not_wanted(tmp_path: Path) -> None:
    """Expect the newest alone with keepBest: false."""
    archive = archive_in(tmp_path, keep=1, keep_best=False)
    for step, rate in ((1, 0.9), (2, 0.1)):
        save(archive, step, rate=rate)
    assert names(tmp_path) == ["r-0000000002"]


def test_a_clock_that_was_ahead_removes_nothing(tmp_path: Path) -> None:
    """Expect checkpoints of a later learner to stay and to be the newest, although those of an
    earlier one were saved an hour ahead by its clock."""
    archive = archive_in(tmp_path, keep=3)
    for step in range(100, 106):
        archive.tidy(written=archive.save(checkpoint_of(step, saved_at=3600.0 + step)))
    for step in range(200, 206):
        uri = archive.save(checkpoint_of(step, epoch=2, saved_at=float(step)))
        archive.tidy(written=uri)
        assert archive.newest_valid().uri == uri
    assert names(tmp_path) == [f"r-{step:010d}" for step in (203, 204, 205)]


def test_a_later_epoch_is_newer_than_a_higher_step(tmp_path: Path) -> None:
    """Expect what was saved after going back to be the newest, and to stay."""
    archive = archive_in(tmp_path, keep=1)
    archive.save(checkpoint_of(9, epoch=4))
    uri = archive.save(checkpoint_of(5, epoch=5, saved_at=0.0))
    archive.tidy(written=uri)
    assert names(tmp_path) == ["r-0000000005"]
    assert archive.newest_epoch() == 5


def test_what_was_just_written_is_never_removed(tmp_path: Path) -> None:
    """Expect a learner whose epoch is behind that of what is there to keep what it wrote."""
    archive = archive_in(tmp_path, keep=1)
    archive.save(checkpoint_of(9, epoch=7))
    archive.tidy(written=archive.save(checkpoint_of(10, epoch=2)))
    assert names(tmp_path) == ["r-0000000009", "r-0000000010"]


def test_namesakes_share_nothing(tmp_path: Path) -> None:
    """Expect a run of the same name, in another namespace or after the first was deleted, neither
    to resume from the first one's checkpoints, nor to remove them, nor to write in their place."""
    mine = archive_in(tmp_path, keep=1, owner=Owner("r", "r-1", "team-a"))
    theirs = archive_in(tmp_path, keep=1, owner=Owner("r", "r-2", "team-b"))
    again = archive_in(tmp_path, keep=1, owner=Owner("r", "r-3", "team-a"))
    mine.save(checkpoint_of(7))
    for other in (theirs, again):
        assert other.newest_valid().checkpoint is None
        run_id = "r-2" if other is theirs else "r-3"
        other.tidy(written=other.save(checkpoint_of(7, run_id=run_id)))
    assert names(tmp_path) == [
        "team-a.r-0000000007",
        "team-a.r-0000000007.1",
        "team-b.r-0000000007",
    ]
    assert theirs.clear() == ("team-b.r-0000000007",)
    assert mine.newest_valid().checkpoint is not None


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
    earlier = msgspec.structs.replace(again.manifest, saved_at=0.0)
    uri = archive.save(Checkpoint(earlier, again.files))
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
    found = resumable(near, archive_in(tmp_path / "far"))
    assert [type(next(found)), type(next(found))] == [Skipped, Loaded]


def test_a_storage_that_fails_is_not_empty(tmp_path: Path) -> None:
    """Expect an error, and never the answer that there is no checkpoint, where the cache has none
    and the storage behind it cannot be read: a learner would begin anew."""
    far = archive_in(tmp_path / "far")
    far.save(checkpoint_of(1))
    (tmp_path / "far").rename(tmp_path / "away")
    (tmp_path / "far").write_text("in the way")
    with pytest.raises(StorageError):
        list(resumable(archive_in(tmp_path / "near"), far))


def test_a_cache_that_fails_is_no_reason_to_wait(tmp_path: Path) -> None:
    """Expect a storage without a checkpoint to be believed."""
    (tmp_path / "near").write_text("in the way")
    found = list(resumable(archive_in(tmp_path / "near"), archive_in(tmp_path / "far")))
    assert [type(each) for each in found] == [Skipped]


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
        (lambda d: d.update(run="other"), "it is of run other"),
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
        at=0.0,
        version=version,
        training_games=0,
        opponent=opponent,
        games=10,
        wins=5,
        draws=0,
        rate=rate,
        low=0.0,
        high=1.0,
    )


def test_score_is_of_the_newest_complete_evaluation() -> None:
    """Expect the mean over all opponents of the newest weights that met them all."""
    told = [
        evaluation(1, "random", 0.9),
        evaluation(1, "aggressive", 0.9),
        evaluation(2, "random", 0.8),
        evaluation(2, "aggressive", 0.4),
        evaluation(2, "x", 0.0),
        evaluation(3, "random", 1.0),
    ]
    rate = newest_rate(told, ("random", "aggressive"))
    assert rate == pytest.approx(0.6)
    assert newest_rate(told[:1], ("random", "aggressive")) is None
    assert newest_rate([], ()) is None


def test_an_evaluation_belongs_to_the_nearest_checkpoint(tmp_path: Path) -> None:
    """Expect each evaluation at the first checkpoint that has its weights in it, none for weights
    that were never trained, the final weights to be the best when they are, and nothing twice."""
    archive = archive_in(tmp_path, keep=9)
    for step in (15, 43, 55, 68):
        archive.save(checkpoint_of(step))
    told = [
        evaluation(0, "random", 0.99),
        evaluation(54, "random", 0.7),
        evaluation(50, "random", 0.6),
        evaluation(68, "random", 0.95),
        evaluation(68, "engine", 0.44),
        evaluation(68, "past", 0.5),
        evaluation(99, "random", 1.0),
    ]
    due = scores_due(archive.entries(), told)
    assert due == {
        "r-0000000055": Score(54, 0.7, {"random": 0.7}),
        "r-0000000068": Score(68, pytest.approx(0.695), {"engine": 0.44, "random": 0.95}),
    }
    entries = {entry.name: entry for entry in archive.entries()}
    for name, score in due.items():
        archive.attach(entries[name], score)
    assert scores_due(archive.entries(), told) == {}
    assert best_name(archive.entries()) == "r-0000000068"
    assert archive.newest_valid().checkpoint is not None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"version":-1,"rate":2,"rates":{}}'])
def test_an_evaluation_that_cannot_be_read_says_nothing(tmp_path: Path, content: bytes) -> None:
    """Expect the checkpoint to be as good as one that was never evaluated."""
    archive = archive_in(tmp_path)
    archive.save(checkpoint_of(1))
    (tmp_path / "r-0000000001" / "evaluation.json").write_bytes(content)
    [entry] = archive.entries()
    assert entry.score is None
    assert archive.newest_valid().checkpoint is not None
