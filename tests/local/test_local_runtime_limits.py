"""`trainingrun local` that ends before its games are played: a time limit, a budget, kill -9."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from testkit.local.local_run import ENDLESS, change_games, closes, local_run, write_run


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
    """Expect no child to outlive a kill -9 of the runtime, and the next start to continue."""
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
