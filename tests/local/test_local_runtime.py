"""`trainingrun local` from start to end: a whole run, and what is left after a clean stop."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from testkit.local.local_run import ENDLESS, ROLES, change_games, closes, local_run, write_run


def test_a_whole_run(tmp_path: Path) -> None:
    """Expect exit code 0, a report with all fields and figures, and no process left."""
    file = write_run(tmp_path / "run.yaml", games=120)
    with local_run(tmp_path, file) as run:
        run.wait_until(
            lambda: all(map(run.pid_of, ROLES)) and len(run.descendants()) == len(ROLES),
            "a process of each role, and no other",
            seconds=60,
        )
        children = run.descendants()
        assert run.finish() == 0, run.said()
        assert not [child for child in children if child.is_running()]
        summary = run.summary()
        assert summary["games"] >= 120
        assert summary["updates"] >= 1
        assert summary["games_per_second"] > 0
        assert 0 < summary["first_update_seconds"] < summary["seconds"]
        assert {each["opponent"] for each in summary["evaluation"]} == {"random"}
        assert set(summary["evaluation"][0]) == {
            "opponent",
            "games",
            "rate",
            "low",
            "high",
            "elo",
            "elo_error",
        }
        assert len(summary["evaluations"]) >= 1
        assert summary["ledger"]["queued"] == 0
        assert closes(summary["ledger"])
        _expect_whole(summary)
        page = (tmp_path / "report" / "report.html").read_text()
        assert all(title in page for title in ("Strength", "Losses", "Throughput"))
        assert "games " in run.said()


def _expect_whole(summary: dict[str, Any]) -> None:
    """What the summary says beside games and the ledger."""
    assert summary["end"] == {"reason": "complete", "message": ""}
    assert summary["name"] == "small"
    assert summary["spec"]["learner"]["batchTransitions"] == 512
    assert summary["decisions"] > summary["games"]
    assert summary["throughput"]["transitions_per_second"] > 0
    assert set(summary["waits"]["actor"]) == {"engine", "inference", "queue", "slots"}
    assert set(summary["waits"]["learner"]) == {"data", "compute", "publish", "checkpoint"}
    assert summary["bottleneck"]["part"] in {"Engine", "Actor", "Learner", "None"}
    assert summary["figures"]["policy_lag_p95"] >= 0
    assert summary["checkpoints"][-1]["step"] == summary["updates"]
    assert summary["checkpoints"][-1]["size"] > 0
    assert summary["started_at"] < summary["finished_at"]
    assert {"python", "torch", "numpy"} <= set(summary["versions"])


def test_ctrl_c_then_resume(tmp_path: Path) -> None:
    """Expect a checkpoint and exit code 130 on Ctrl-C, then the same run to continue to its end."""
    file = write_run(tmp_path / "run.yaml", games=ENDLESS)
    with local_run(tmp_path, file) as run:
        run.wait_until(lambda: run.version() >= 1, "an update", seconds=90)
        run.interrupt()
        assert run.finish() == 130, run.said()
        assert "run the same command again to resume" in run.said()
        before = run.summary()
        assert before["end"]["reason"] == "stopped"
        assert before["ledger"]["queued"] == 0
        assert closes(before["ledger"])
        assert before["games"] > 0
        config = run.state / "redis" / "redis.conf"
        secret = config.with_suffix(".secret")
        assert {stat.S_IMODE(each.stat().st_mode) for each in (config, secret)} == {0o600}
        assert secret.read_text().strip() not in config.read_text()
        goal = change_games(file, before["games"] + 100)
        run.start()
        assert run.finish() == 0, run.said()
        after = run.summary()
        assert after["games"] >= goal
        assert after["updates"] >= before["updates"]
        assert after["seconds"] > before["seconds"]
        assert after["decisions"] > before["decisions"]
        assert after["ledger"]["produced"] > before["ledger"]["produced"]
        assert closes(after["ledger"])
        run.start()
        assert run.finish() == 0, run.said()
        assert "is complete" in run.said()


def test_second_instance_and_second_ctrl_c(tmp_path: Path) -> None:
    """Expect a second `local` to be refused in a sentence, and a second Ctrl-C to end it now."""
    file = write_run(tmp_path / "run.yaml", games=100_000)
    with local_run(tmp_path, file) as run:
        run.wait_for_games(5)
        with local_run(tmp_path, file) as second:
            assert second.finish(seconds=60) == 2
        assert "trainingrun: run small is running already (process" in run.said()
        children = run.descendants()
        run.interrupt()
        run.wait_until(lambda: "Stopping" in run.said(), "the first Ctrl-C", seconds=60)
        run.interrupt()
        assert run.finish(seconds=60) == 130
        assert not [child for child in children if child.is_running()]
