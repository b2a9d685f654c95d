"""The curriculum of a run on the API server: what its user and its actors are given."""

from __future__ import annotations

from typing import Any

from trainingrun_contracts.curriculum import CurrentPhase, phase_from
from trainingrun_contracts.stream.keys import Keys

from testkit.operator.operator_process import OperatorProcess, Trainer

PHASES: list[dict[str, Any]] = [
    {
        "name": "basics",
        "decks": [{"name": "red_aggro"}],
        "opponents": {"scripted": 1},
        "until": {"games": 30},
    },
    {"name": "matchups", "rewardShaping": {"life": 0.01}, "until": {"games": 100_000}},
    {"name": "self-play"},
]


def course(trainer: Trainer, name: str) -> dict[str, Any]:
    """The curriculum in the status; empty before it is there."""
    found: dict[str, Any] = trainer.run(name).get("status", {}).get("curriculum", {})
    return found


def told(trainer: Trainer, uid: str) -> CurrentPhase | None:
    """The phase that actors would read."""
    with trainer.queue.client() as client:
        reply: Any = client.get(Keys(uid).phase)
    return phase_from(reply)


def begun(trainer: Trainer, name: str) -> set[str]:
    """Phases of which events say that they began."""
    told = [note for reason, note in trainer.events(name) if reason == "PhaseBegan"]
    return {note.split()[1] for note in told}


def test_a_phase_is_recorded_told_and_outlives_the_operator(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """Status, event and key agree; an operator that is killed continues in the same phase."""
    trainer.start("course", games=1_000_000, curriculum=PHASES)
    trainer.wait_until(lambda: course(trainer, "course").get("phase") == "matchups")
    before = course(trainer, "course")
    (passed,) = before["passed"]
    assert (before["number"], passed["name"]) == (2, "basics")
    assert passed["sinceGames"] < 30 <= before["sinceGames"]
    uid = trainer.run("course")["metadata"]["uid"]
    phase = told(trainer, uid)
    assert phase is not None
    assert (phase.name, phase.setting.shaping) == ("matchups", {"life": 0.01})
    assert phase.setting.decks == ("red_aggro", "white_weenie")
    trainer.wait_until(lambda: begun(trainer, "course") == {"basics", "matchups"})
    operator.kill()
    with trainer.queue.client() as client:
        client.delete(Keys(uid).phase)
    operator.start()
    trainer.wait_until(lambda: told(trainer, uid) == phase)
    assert course(trainer, "course") == before
