"""Files of weights that people publish: what is read of them, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_contracts.league.policies import read_policy
from trainingrun_contracts.weights import WeightsError

TENSORS = {"a": np.zeros(3, np.float32)}


def test_bytes_and_schema_come_from_the_file(tmp_path: Path) -> None:
    """Expect the bytes as they are, and the metadata's schema."""
    blob = save(TENSORS, metadata={"schema_hash": "f00", "version": "3"})
    (tmp_path / "m").write_bytes(blob)
    assert read_policy(tmp_path / "m") == (blob, "f00")


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\xff" * 8,
        b"\x02" + b"\0" * 7 + b"{}",
        b"\xff\xff" + b"\0" * 6 + b"[" * 65_535,
        save(TENSORS),
        save(TENSORS, metadata={"version": "3"}),
        save(TENSORS, metadata={"schema_hash": "f00"})[:20],
    ],
    ids=["empty", "huge header", "no metadata", "nested", "plain", "no schema", "cut off"],
)
def test_what_says_no_schema_is_refused(tmp_path: Path, blob: bytes) -> None:
    """Expect the file's name and what to give."""
    (tmp_path / "m").write_bytes(blob)
    with pytest.raises(WeightsError, match="m: no safetensors with the metadata schema_hash"):
        read_policy(tmp_path / "m")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Expect the system's reason for a folder and for nothing."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(WeightsError, match=str(path)):
            read_policy(path)
