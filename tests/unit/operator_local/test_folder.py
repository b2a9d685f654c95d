"""The folder of a run, its lock, and the run that is kept in it."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from trainingrun.local.folder import FolderError, RunFolder
from trainingrun.local.redis import write_config
from trainingrun.local.store import (
    LocalStore,
    adopted,
    document_of,
    reopened,
    saved_run,
)
from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun, parse
from trainingrun_api.status import StopStatus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def run_with(**spec: Any) -> TrainingRun:
    """A run as it comes from a file."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small"},
            "spec": {"games": 10, "decks": [{"name": "bears"}], **spec},
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A folder that was made."""
    made = RunFolder(tmp_path / "small")
    made.make()
    return made


def test_a_new_start_lets_a_run_that_had_stopped_by_itself_go_on() -> None:
    """Neither the stop nor the time of the last progress of an earlier process binds this one."""
    stop = StopStatus(reason="Idle", message="idle", at=NOW, generation=1)
    saved = adopted(run_with(), None, now=NOW)
    status = saved.status.model_copy(update={"stop": stop, "progressed_at": NOW})
    again = adopted(run_with(), saved.model_copy(update={"status": status}), now=NOW)
    assert again.metadata.uid == saved.metadata.uid
    assert again.status.stop is None
    assert again.status.progressed_at is None


def test_lock(folder: RunFolder) -> None:
    """Expect a second holder to be refused with the first one's process, and none afterwards."""
    assert folder.holder() is None
    with folder.locked():
        assert folder.holder() is not None
        with pytest.raises(FolderError, match=r"is running already \(process \d+"), folder.locked():
            pass
    with folder.locked():
        pass


def test_put_aside(folder: RunFolder) -> None:
    """Expect everything under another name, and nothing in its place."""
    folder.status.write_text("{}")
    aside = folder.put_aside(now=NOW)
    assert aside == folder.root.with_name("small.old-20260102-030405")
    assert (aside / "status.json").exists()
    assert not folder.root.exists()
    assert folder.put_aside(now=NOW) is None


def test_only_the_owner_enters(folder: RunFolder) -> None:
    """Expect a folder that no one else can read, because weights and passwords are in it."""
    assert stat.S_IMODE(folder.root.stat().st_mode) == 0o700


def test_the_secret_of_redis_is_made_once(folder: RunFolder) -> None:
    """Expect files that only the owner reads, and the same secret the next time."""
    secret = write_config(folder.redis_config, "run-1")
    assert len(secret) >= 24
    assert write_config(folder.redis_config, "run-1") == secret
    made = [path for path in folder.redis_config.parent.iterdir() if path.name.startswith("redis.")]
    assert len(made) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    assert secret not in folder.redis_config.read_text()


def test_a_run_keeps_its_identity(folder: RunFolder) -> None:
    """Expect the next start to adopt uid, start and status, and to count a change of the spec."""
    first = adopted(run_with(), None, now=NOW)
    LocalStore(first, folder)
    saved = saved_run(folder)
    assert saved is not None
    again = adopted(run_with(), saved, now=datetime.now(UTC))
    assert again.metadata == first.metadata
    more = adopted(run_with(games=20), saved, now=NOW)
    assert more.spec.games == 20
    assert more.metadata.generation == first.metadata.generation + 1


def test_what_cannot_change(folder: RunFolder) -> None:
    """Expect a changed Redis to be refused: the run's queue would be elsewhere."""
    saved = adopted(run_with(), None, now=NOW)
    with pytest.raises(SpecError, match=r"spec\.redis"):
        adopted(run_with(redis={"url": "redis://elsewhere:6379/0"}), saved, now=NOW)


def test_a_stop_is_not_saved(folder: RunFolder) -> None:
    """Expect suspend in memory alone, so that the next start runs."""
    store = LocalStore(adopted(run_with(), None, now=NOW), folder)
    store.suspend()
    store.all_gone()
    assert store.run.spec.suspend
    saved = saved_run(folder)
    assert saved is not None
    assert not saved.spec.suspend


def test_reopened() -> None:
    """Expect a run that failed to be no longer over."""
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": "LearnerFailed",
        "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }
    document = {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "small"},
        "spec": {"games": 10, "decks": [{"name": "bears"}]},
        "status": {"conditions": [condition], "finishedAt": "2026-01-02T03:04:05Z"},
    }
    run = reopened(parse(document))
    assert run.status.end is None
    assert run.status.finished_at is None


def test_damaged_file(folder: RunFolder) -> None:
    """Expect a sentence that offers --fresh."""
    folder.status.write_bytes(document_of(run_with())[:50])
    with pytest.raises(FolderError, match="--fresh"):
        saved_run(folder)
