"""kill -9 of every role, one after the other: the run completes, and its ledger closes."""

from __future__ import annotations

import json
from pathlib import Path

from testkit.local.local_run import ENDLESS, LocalRun, closes, local_run, write_run

ORDER = ("actor", "daemon", "learner", "redis", "evaluator")


def test_each_role_killed(tmp_path: Path) -> None:
    """Expect every killed role to come back, the run to complete, and no transition unaccounted."""
    file = write_run(tmp_path / "run.yaml", games=ENDLESS)
    with local_run(tmp_path, file) as run:
        run.wait_until(lambda: run.version() >= 1, "an update", seconds=90)
        for role in ORDER:
            kill_and_recover(run, role)
        goal = run.complete(more=100)
        summary = run.summary()
        print("ledger after kill -9 of every role:", json.dumps(summary["ledger"]))
        assert summary["games"] >= goal
        assert summary["ledger"]["queued"] == 0
        assert closes(summary["ledger"]), summary["ledger"]


def kill_and_recover(run: LocalRun, role: str) -> None:
    """Kill a role, see it come back as another process, and see games continue."""
    old = run.kill(role)
    run.wait_until(
        lambda: run.pid_of(role) not in {None, old}, f"the {role} after kill -9", seconds=60
    )
    played = run.played()
    run.wait_until(lambda: run.played() > played, f"games after the {role}'s death", seconds=60)
