"""A curriculum under `trainingrun local`: phases follow one another; a resume keeps its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from testkit.local.local_run import ENDLESS, LocalRun, closes, local_run, write_run

CURRICULUM: list[dict[str, Any]] = [
    {
        "name": "basics",
        "decks": [{"name": "red_aggro"}],
        "opponents": {"latest": 0.5, "scripted": 0.5},
        "until": {"games": 20},
    },
    {
        "name": "matchups",
        "rewardShaping": {"life": 0.01, "board": 0.02, "cards": 0.01},
        "until": {"winRate": {"opponent": "random", "low": 0.001}},
    },
    {"name": "self-play", "opponents": {"latest": 0.5, "past": 0.5}},
]
EVALUATION = {"intervalGames": 40, "games": 10, "opponents": ["random"]}
NEVER = {**EVALUATION, "intervalGames": ENDLESS}


def course(run: LocalRun) -> dict[str, Any]:
    """The curriculum in the status; empty before it is there."""
    found: dict[str, Any] = run.status().get("curriculum", {})
    return found


def test_phases_are_told_and_outlive_a_stop(tmp_path: Path) -> None:
    """By games, then, after Ctrl-C and a second start, by a win rate. Each begins once on screen
    and in the status, and the ledger closes over all of them.

    Before the stop no one evaluates, so that the second phase cannot be over by then.
    """
    file = tmp_path / "run.yaml"
    write_run(file, games=ENDLESS, curriculum=CURRICULUM, evaluation=NEVER)
    with local_run(tmp_path, file) as run:
        run.wait_until(lambda: course(run).get("number") == 2, "the second phase", seconds=90)
        run.interrupt()
        assert run.finish() == 130, run.said()
        before = course(run)
        write_run(file, games=run.played() + 200, curriculum=CURRICULUM, evaluation=EVALUATION)
        run.start()
        assert run.finish() == 0, run.said()
        after = course(run)
        assert (after["phase"], after["number"]) == ("self-play", 3)
        assert [each["name"] for each in after["passed"]] == ["basics", "matchups"]
        assert after["passed"][0] == before["passed"][0]
        assert after["passed"][1]["since"] == before["since"]
        assert "against random over 10 games" in after["why"]
        lines = [line for line in run.said().splitlines() if line.startswith("- PhaseBegan")]
        assert [line.split()[3] for line in lines] == ["basics", "matchups", "self-play"]
        assert closes(run.summary()["ledger"])
