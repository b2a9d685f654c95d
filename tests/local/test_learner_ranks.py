"""Several ranks under torchrun make the same update as one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from testkit.tree import TESTKIT

PROGRAM = TESTKIT / "roles" / "rank_update.py"
SEGMENTS = 12


def train(folder: Path, *, ranks: int) -> None:
    """Run the program with this many ranks."""
    folder.mkdir()
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    launcher = torchrun if ranks > 1 else []
    done = subprocess.run(
        [sys.executable, *launcher, str(PROGRAM), str(folder), str(SEGMENTS)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_two_ranks_equal_one_with_the_same_global_batch(tmp_path: Path) -> None:
    """Expect the same weights within 1e-5 after two updates of six accumulated steps each, on both
    ranks the same bits, and the same losses reported."""
    train(tmp_path / "one", ranks=1)
    train(tmp_path / "two", ranks=2)
    alone = load_file(tmp_path / "one" / "rank-0.safetensors")
    first = load_file(tmp_path / "two" / "rank-0.safetensors")
    second = load_file(tmp_path / "two" / "rank-1.safetensors")
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, atol=1e-5, rtol=0)
        assert torch.equal(first[name], second[name])
    expected, found, other = (
        json.loads((tmp_path / name).read_text())
        for name in ("one/rank-0.json", "two/rank-0.json", "two/rank-1.json")
    )
    assert found == other
    for one, two in zip(expected, found, strict=True):
        assert two["steps"] == one["steps"] == 6
        assert two["losses"] == pytest.approx(one["losses"], abs=1e-4)
