"""Which checkpoint `trainingrun eval` takes, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save
from trainingrun.commands.errors import UserError
from trainingrun.commands.eval.weights import Weights, find_weights, with_metadata
from trainingrun_environments.magic.spec import SPEC


def checkpoint(
    folder: Path, step: int, *, saved_at: float, run: str = "small", schema: str = SPEC.schema_hash
) -> Path:
    """A checkpoint with one small tensor in its model."""
    path = folder / f"{run}-{step:010d}"
    path.mkdir(parents=True)
    content = save({"layer": np.full((2, 3), step, np.float32)})
    (path / "model.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    manifest = {
        "format": 1,
        "run": run,
        "schema_hash": schema,
        "saved_at": saved_at,
        "progress": {"step": step, "games": step * 10},
        "files": {"model.safetensors": {"size": len(content), "sha256": digest}},
        "from_the_future": True,
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def found(state: Path, given: str | None = None, storage: str | None = None) -> Weights:
    """What is taken for the run ``small``."""
    return find_weights(given, run="small", storage=storage, state=state)


def test_the_newest_of_the_run_is_the_default(tmp_path: Path) -> None:
    """By the time of saving, as a run that was resumed may have saved a lower step later."""
    own = tmp_path / "small" / "checkpoints"
    checkpoint(own, 7, saved_at=100.0)
    checkpoint(own, 5, saved_at=200.0)
    checkpoint(own, 9, saved_at=300.0, run="other")
    assert found(tmp_path).version == 5
    assert found(tmp_path).games == 50


def test_storage_of_the_run_is_looked_at(tmp_path: Path) -> None:
    """A run may keep its checkpoints elsewhere."""
    checkpoint(tmp_path / "kept", 3, saved_at=1.0)
    assert found(tmp_path / "state", storage=(tmp_path / "kept").as_uri()).version == 3


def test_a_path_a_name_and_a_run_are_found(tmp_path: Path) -> None:
    """A folder of one, a folder of several, a name within the run, another run."""
    own = tmp_path / "small" / "checkpoints"
    first = checkpoint(own, 1, saved_at=1.0)
    checkpoint(own, 2, saved_at=2.0)
    checkpoint(tmp_path / "other" / "checkpoints", 8, saved_at=1.0, run="other")
    assert found(tmp_path, str(first)).version == 1
    assert found(tmp_path, str(own)).version == 2
    assert found(tmp_path, own.as_uri()).version == 2
    assert found(tmp_path, first.name).version == 1
    assert found(tmp_path, "other").version == 8


def test_broken_ones_are_passed_over_but_not_when_they_are_named(tmp_path: Path) -> None:
    """The newest valid one is taken; one that was asked for is not replaced by another."""
    own = tmp_path / "small" / "checkpoints"
    checkpoint(own, 1, saved_at=1.0)
    torn = checkpoint(own, 2, saved_at=2.0)
    (torn / "model.safetensors").write_bytes(b"torn")
    foreign = checkpoint(own, 3, saved_at=3.0, schema="0" * 16)
    (checkpoint(own, 4, saved_at=4.0) / "manifest.json").write_bytes(b"{")
    assert found(tmp_path).version == 1
    with pytest.raises(UserError, match="does not match its sha256"):
        found(tmp_path, str(torn))
    with pytest.raises(UserError, match="another observation encoding"):
        found(tmp_path, str(foreign))


def test_nothing_to_be_found_is_told(tmp_path: Path) -> None:
    """With what to do about it."""
    with pytest.raises(UserError, match="train it first, or name one with --checkpoint"):
        found(tmp_path)
    with pytest.raises(UserError, match="--checkpoint nothing: no such folder"):
        found(tmp_path, "nothing")
    with pytest.raises(UserError, match="trainingrun checkpoint pull"):
        found(tmp_path, "s3://bucket/small-0000000001")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no checkpoint in .*empty can be used"):
        found(tmp_path, str(tmp_path / "empty"))


def test_the_tensors_stay_as_they_are(tmp_path: Path) -> None:
    """Only the header gets the metadata that actors ask for, in place of what it had."""
    tensors = {
        "a": np.arange(5, dtype=np.float32),
        "b": np.ones((2, 2), np.float16),
    }
    written = with_metadata(save(tensors, {"old": "yes"}), {"schema_hash": "x", "version": "3"})
    (tmp_path / "file").write_bytes(written)
    with safe_open(tmp_path / "file", framework="numpy") as file:
        assert file.metadata() == {"schema_hash": "x", "version": "3"}
    assert {name: each.tolist() for name, each in load(written).items()} == {
        name: each.tolist() for name, each in tensors.items()
    }


def test_what_is_no_safetensors_is_told() -> None:
    """A sentence, not a traceback."""
    with pytest.raises(UserError, match="not safetensors"):
        with_metadata(b"\x05\0\0\0\0\0\0\0hello", {})
