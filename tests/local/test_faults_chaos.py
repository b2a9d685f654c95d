"""The chaos program, with a few faults: all that must hold holds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_few_faults_leave_every_transition_accounted_for(tmp_path: Path) -> None:
    """Expect games and updates to continue after each fault, a ledger that closes and agrees with
    the witness, nothing lost, and no process that ended by itself."""
    faults = ["--kills", "2", "--partitions", "1", "--role", "redis"]
    chaos = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.chaos.local", *faults, "--folder", tmp_path / "run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, told = chaos.communicate(timeout=400)
    finally:
        with contextlib.suppress(ProcessLookupError):  # and whatever it has started
            os.killpg(chaos.pid, signal.SIGKILL)
    assert chaos.returncode == 0, told
    result = json.loads(out.splitlines()[-1])
    assert result["missing"] == {}, told
    assert set(result["met"].values()) == {"met"}, told
    assert set(result["figures"]["roles"]) == {"redis", "partition"}
