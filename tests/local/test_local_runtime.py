"""`trainingrun local` from start to end: a whole run, and what is left after a clean stop."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import psutil
from local_run import ENDLESS, ROLES, change_games, closes, local_run, write_run


def test_a_whole_run(tmp_path: Path) -> None:
    """Expect exit code 0, a report with all fields and figures, and no process left."""
    file = write_run(tmp_path / "run.yaml", games=120)
    with local_run(tmp_path, file) as run:
        run.wait_until(
            lambda: all(map(run.pid_of, ROLES)) and len(run.descendants()) == len(ROLES),
            "a process of each role, and no other", seconds=60,
        )  # fmt: skip
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
            "opponent", "games", "rate", "low", "high", "elo", "elo_error",
        }  # fmt: skip
        assert len(summary["evaluations"]) >= 1
        assert summary["ledger"]["queued"] == 0
        assert closes(summary["ledger"])
        _expect_whole(summary)
        for name in ("win-rate.png", "losses.png", "throughput.png"):
            content = (tmp_path / "report" / name).read_bytes()
            assert content.startswith(b"\x89PNG")
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
    """Expect a checkpoint and exit code 130 on Ctrl-C, then the same run to go on to its end."""
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


def test_time_limit(tmp_path: Path) -> None:
    """Expect a run with a time limit to save and stop with exit code 0."""
    file = write_run(tmp_path / "run.yaml", games=100_000)
    with local_run(tmp_path, file, "--time-limit", "12s") as run:
        assert run.finish(seconds=90) == 0, run.said()
        assert "time limit" in run.said()
        assert run.status()["conditions"]
        document = json.loads((run.state / "status.json").read_bytes())
        assert document["spec"]["suspend"] is False


def test_a_spent_budget_ends_the_command_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    """Expect the run saved and the exit code 0; the next start, with more money, completes it."""
    cost = {"learnerHourly": 36_000.0, "budget": 30.0}
    file = write_run(tmp_path / "run.yaml", games=100_000, cost=cost)
    with local_run(tmp_path, file) as run:
        assert run.finish(seconds=90) == 0, run.said()
        assert "USD are spent, and cost.budget is 30.00" in run.said()
        assert run.status()["stop"]["reason"] == "BudgetExhausted"
        assert run.status()["transitions"]["queued"] == 0
        played = run.played()
        more = {**cost, "budget": 1_000_000.0}
        write_run(file, games=played + 20, cost=more)
        run.start()
        assert run.finish() == 0, run.said()
        assert f"  spec.games: 100000 → {played + 20}\n" in run.said()
        assert "  spec.cost.budget: 30.0 → 1000000.0\n" in run.said()
        assert run.status()["cost"]["spent"] > 30
        assert run.played() >= played + 20


def test_kill_of_the_runtime_takes_its_children_along(tmp_path: Path) -> None:
    """Expect no child to outlive a kill -9 of the runtime, and the next start to go on."""
    file = write_run(tmp_path / "run.yaml", games=ENDLESS)
    with local_run(tmp_path, file) as run:
        run.wait_until(lambda: run.version() >= 1, "an update", seconds=90)
        children = run.descendants()
        assert run.process is not None
        run.process.kill()
        run.process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive
        goal = change_games(file, run.played() + 100)
        run.start()
        assert run.finish() == 0, run.said()
        summary = run.summary()
        assert summary["games"] >= goal
        assert summary["ledger"]["queued"] == 0
        assert closes(summary["ledger"]), summary["ledger"]
        print("ledger after kill -9 of the runtime:", json.dumps(summary["ledger"]))
