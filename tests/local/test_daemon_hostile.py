"""A small storm of hostile clients on a real daemon: the benchmark's short form, as a test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "daemon_hostile.py"


@pytest.mark.parametrize("workers", [1, 2])
def test_hostile_clients_leave_no_trace(workers: int) -> None:
    """STATUS stays quick; no slot, descriptor, process or memory is lost; nothing is logged."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--quick", "--workers", str(workers)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert [name for name, is_met in result["met"].items() if not is_met] == [], result["figures"]
