"""`trainingrun checkpoint`: the real program on folders of checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trainingrun.commands.checkpoint.places import Location, place_of
from trainingrun.commands.errors import UserError
from trainingrun_contracts.checkpoints import CheckpointState
from trainingrun_contracts.run_config import CheckpointConfig, RunConfig, encode
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.checkpoint.archive import CheckpointArchive, Retention
from trainingrun_trainer.checkpoint.inspection import (
    BEST,
    NEWEST,
    NothingFound,
    find_place,
    list_checkpoints,
    pull_checkpoint,
    verify_checkpoints,
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

MODEL = "model.safetensors"


def save(folder: Path, step: int, *, rate: float, schema: str = SPEC.schema_hash) -> None:
    """Write a checkpoint of the run ``small``."""
    files = {MODEL: b"tensors %d" % step}
    manifest = Manifest(
        format=FORMAT,
        run="small",
        run_id="x",
        schema_hash=schema,
        saved_at=1000.0 + step,
        progress=Progress(step=step, games=10 * step),
        config=msgspec.Raw(b"{}"),
        libraries={},
        files={name: sum_of(each) for name, each in files.items()},
    )
    archive = CheckpointArchive(FileStore(folder), run="small", retention=Retention(keep=9))
    uri = archive.save(Checkpoint(manifest, files))
    entry = next(entry for entry in archive.entries() if entry.uri == uri)
    archive.attach(entry, Score(step, rate, {"random": rate}))


@pytest.fixture
def folder(shell: Any) -> Path:
    """The checkpoints of a local run: 1 is the best, 2 is whole, 3 is damaged, 4 is torn."""
    run = Path(shell.folder) / ".trainingrun" / "small"
    folder = run / "checkpoints"
    for step, rate in ((1, 0.9), (2, 0.5), (3, 0.5), (4, 0.5)):
        save(folder, step, rate=rate)
    (folder / "small-0000000003" / MODEL).write_bytes(b"tensors x")
    (folder / "small-0000000004" / "manifest.json").unlink()
    (folder / "tensorboard").mkdir()
    config = RunConfig(
        run="small",
        run_id="x",
        seed=1,
        games=1,
        decks=(),
        checkpoint=CheckpointConfig(folder.as_uri()),
    )
    (run / "config.json").write_bytes(encode(config))
    return folder


def test_ls_shows_each(shell: Any, folder: Path) -> None:
    """Expect a row each, newest first, with the best and what is wrong."""
    answer = shell.run("checkpoint", "list", "small")
    assert answer.code == 0
    rows = [line.split() for line in answer.out.splitlines()]
    assert rows[0] == ["CHECKPOINT", "STEP", "GAMES", "SAVED", "SIZE", "STATE"]
    names = [row[0] for row in rows[1:5]]
    assert names == [f"small-{step:010d}" for step in (4, 3, 2, 1)]
    assert rows[1][-1] == "damaged"
    assert rows[2][-2:] == ["listed,", "newest"]
    assert rows[4][-2:] == ["listed,", "best"]
    assert "small-0000000001: 90% against random (version 1)" in answer.out
    assert "small-0000000004: manifest.json is missing" in answer.out


def test_ls_for_programs(shell: Any, folder: Path) -> None:
    """Expect one JSON document with the facts."""
    listing = json.loads(shell.run("checkpoint", "list", "small", "-o", "json").out)
    assert listing["place"] == folder.as_uri()
    oldest = listing["checkpoints"][-1]
    assert oldest == {
        "name": "small-0000000001",
        "uri": f"{folder.as_uri()}/small-0000000001",
        "run": "small",
        "state": "listed",
        "step": 1,
        "games": 10,
        "transitions": 0,
        "saved_at": "1970-01-01T00:16:41Z",
        "size": 9,
        "win_rate": 0.9,
        "win_rates": {"random": 0.9},
        "evaluated_version": 1,
        "is_best": True,
    }


def test_verify_reads_every_byte(shell: Any, folder: Path) -> None:
    """Expect exit code 1 and the damage, and 0 for one that is whole."""
    answer = shell.run("checkpoint", "verify", "small")
    assert answer.code == 1
    assert f"small-0000000003: {MODEL} does not match its sha256" in answer.out
    states = [line.split()[7:] for line in answer.out.splitlines()[1:5]]
    words = [word for row in states for word in row if word in ("newest", "best")]
    assert words == ["newest", "best"]
    assert answer.out.count("damaged") == 2


def test_another_encoding_is_told(folder: Path) -> None:
    """Expect a whole checkpoint of another release to be called foreign, and to be no damage."""
    save(folder.parent / "other", 1, rate=0.5, schema="0" * 16)
    place = find_place(str(folder.parent / "other"), endpoint_url=None)
    (row,) = verify_checkpoints(place).checkpoints
    assert row.state is CheckpointState.FOREIGN
    assert "another observation encoding" in row.why


def test_pull_takes_the_newest_whole_one(shell: Any, folder: Path) -> None:
    """Expect the damaged ones to be passed over with a line each, and a verified copy."""
    answer = shell.run("checkpoint", "pull", "small", "--to", "models")
    copy = Path(shell.folder) / "models" / "small-0000000002"
    assert (answer.code, answer.out.strip()) == (0, str(copy))
    assert [line.split(" is passed over")[0] for line in answer.errors] == [
        "trainingrun: small-0000000004",
        "trainingrun: small-0000000003",
    ]
    original = folder / "small-0000000002"
    assert (copy / MODEL).read_bytes() == (original / MODEL).read_bytes()
    (row,) = verify_checkpoints(find_place(str(copy), endpoint_url=None)).checkpoints
    assert row.state is CheckpointState.WHOLE


def test_pull_by_name_and_best(folder: Path, tmp_path: Path) -> None:
    """Expect the checkpoint that was asked for, also by its own address."""
    best = pull_checkpoint(find_place(str(folder), endpoint_url=None), BEST, into=tmp_path / "m")
    assert best.pulled == str(tmp_path / "m" / "small-0000000001")
    one = find_place((folder / "small-0000000002").as_uri(), endpoint_url=None)
    assert [row.name for row in list_checkpoints(one).checkpoints] == ["small-0000000002"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nobody", "(found: small), no folder and no s3:// address"),
        ("./nobody", "no folder"),
        ("ftp://x/y", "give s3://bucket/prefix"),
        ("s3:/x", "no folder"),
    ],
)
def test_places_that_are_none(folder: Path, target: str, words: str) -> None:
    """Expect one sentence that says what to give."""
    with pytest.raises(UserError) as caught:
        place_of(target, state=folder.parents[1], endpoint_url=None)
    assert words in str(caught.value)


def test_the_place_of_a_run_is_in_its_configuration(folder: Path) -> None:
    """Expect a run's bucket with its endpoint, and where the copies are."""
    cache = str(folder)
    config = RunConfig(
        run="small",
        run_id="x",
        seed=1,
        games=1,
        decks=(),
        checkpoint=CheckpointConfig("s3://b/p", endpoint_url="http://e:1", cache=cache),
    )
    (folder.parent / "config.json").write_bytes(encode(config))
    place = place_of("small", state=folder.parents[1], endpoint_url=None)
    assert place == Location("s3://b/p", "http://e:1", folder)


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("small-0000000003", "does not match its sha256"),
        ("nobody", "it has small-0000000004"),
    ],
)
def test_nothing_to_pull(folder: Path, tmp_path: Path, which: str, words: str) -> None:
    """Expect a sentence that says what is wrong, or what is there."""
    with pytest.raises(NothingFound, match=words):
        pull_checkpoint(find_place(str(folder), endpoint_url=None), which, into=tmp_path / "models")


def test_mistakes_end_with_2(shell: Any, folder: Path) -> None:
    """Expect the storage's own sentence, with where the copies are, and exit code 2."""
    answer = shell.run("checkpoint", "list", "file:///nobody")
    assert (answer.code, answer.out) == (2, "")
    assert answer.errors == ["trainingrun: /nobody: there is no such directory"]


def test_a_copy_is_not_written_over(folder: Path, tmp_path: Path) -> None:
    """Expect a second pull into the same folder to be refused."""
    place = find_place(str(folder), endpoint_url=None)
    pull_checkpoint(place, NEWEST, into=tmp_path / "models")
    with pytest.raises(StorageError, match="is there already"):
        pull_checkpoint(place, NEWEST, into=tmp_path / "models")


def test_nothing_there(shell: Any) -> None:
    """Expect an empty folder to be no mistake."""
    answer = shell.run("checkpoint", "list", "decks")
    assert (answer.code, answer.out.strip().endswith("no checkpoints")) == (0, True)
