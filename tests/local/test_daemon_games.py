"""Random games with garbage answers, some on a real daemon: the short form of the benchmark."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_random_games_on_a_daemon_are_sound() -> None:
    """No game is unsound, those on the daemon are the same as those inside, nothing is left."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.daemon.games",
            "--quick",
            "--workers",
            "1",
            "--seed",
            "1",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=360,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    unmet = {name for name, is_met in result["met"].items() if not is_met}
    assert unmet <= {"cards_played", "decision_types"}, result["figures"]
