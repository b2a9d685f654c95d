"""What the status says of evaluations, and when the last one is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trainingrun_api.status import TrainingRunStatus
from trainingrun_contracts.reports import (
    CHAMPION,
    Champion,
    Evaluation,
    EvaluatorReport,
    EvaluatorState,
    GateResult,
    GateVerdict,
    Intent,
)
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_reconciler.desired.decide import decide
from trainingrun_reconciler.desired.facts import facts_of
from trainingrun_reconciler.desired.observed import Observed, Signals
from trainingrun_reconciler.desired.stage import Stage, lifecycle_of

from testkit.operator.simulated_run import UID, SimulatedRun, running

GATED: dict[str, Any] = {"opponents": ["random"], "gate": {}}
POINTER = Pointer(epoch=1, version=9, publish=4, sha256="ab" * 32, at=1.0)


def evaluation(opponent: str, *, at: float = 5.0, **changed: Any) -> Evaluation:
    """Version 9 wins three of four games."""
    values: dict[str, Any] = {
        "at": at,
        "version": 9,
        "training_games": 100,
        "opponent": opponent,
        "games": 400,
        "wins": 300,
        "draws": 0,
        "rate": 0.75,
        "low": 0.7,
        "high": 0.79,
        "elo": 190.84,
        "elo_error": 20.06,
        "anchor": "random",
    }
    return Evaluation(**{**values, **changed})


def told(world: SimulatedRun, **signals: Any) -> TrainingRunStatus:
    """The status when Redis says this."""
    found = world.observed().signals
    assert isinstance(found, Signals)
    observed = Observed(world.backend.roles(UID), replace(found, at=world.now, **signals))
    return decide(world.run, observed, world.settings, world.memory, now=world.now).status


def test_elo_is_told_with_its_error() -> None:
    """To a tenth in the entry, and for people beside the win rate."""
    status = told(running(), evaluations=(evaluation("random"),))
    (entry,) = status.evaluation
    assert (entry.elo, entry.elo_error, entry.elo_anchor) == (190.8, 20.1, "random")
    assert status.elo == "191 ±20"


def test_results_of_before_ratings_are_read() -> None:
    """A run that is resumed after an update has no Elo until its next evaluation."""
    old = evaluation("random", elo=None, elo_error=None, anchor="")
    status = told(running(), evaluations=(old,))
    assert status.evaluation[0].elo is None
    assert status.elo is None


def test_the_gates_decision_is_told() -> None:
    """With the champion that was played against, and who is the champion now."""
    found = GateResult(verdict=GateVerdict.PROMOTE, champion=4, ratio=2.9876, pairs=120)
    status = told(
        running(evaluation=GATED),
        evaluations=(evaluation("random"), evaluation(CHAMPION, gate=found)),
        champion=Champion(9, "ab" * 32, 5.0),
        pointer=POINTER,
    )
    gate = status.evaluation[-1].gate
    assert gate is not None
    assert (gate.verdict, gate.champion, gate.pairs) == ("Promote", 4, 120)
    assert gate.log_likelihood_ratio == 2.99
    assert status.model is not None
    assert status.model.champion == 9


def test_without_a_gate_there_is_no_champion() -> None:
    """A result against a champion of before the gate was taken away is no longer reported."""
    status = told(running(), evaluations=(evaluation("random"), evaluation(CHAMPION)))
    assert [each.opponent for each in status.evaluation] == ["random"]


def stage_with(world: SimulatedRun, **signals: Any) -> Stage:
    """The stage when Redis says this."""
    found = world.observed().signals
    assert isinstance(found, Signals)
    observed = Observed(world.backend.roles(UID), replace(found, at=world.now, **signals))
    return lifecycle_of(facts_of(world.run, observed, world.settings, now=world.now)).stage


def report(
    world: SimulatedRun, state: EvaluatorState, *, version: int, at: float = 0.0
) -> EvaluatorReport:
    """What the evaluator says now."""
    return EvaluatorReport(
        member="evaluator-0",
        at=world.now + at,
        state=state,
        running=0,
        games=10,
        weights_version=version,
    )


def test_a_run_with_a_gate_waits_for_the_evaluator() -> None:
    """Results against the other opponents are not the end: the champion is played last."""
    world = running(games=60, evaluation=GATED)
    world.until(lambda w: w.intent is Intent.EVALUATE and bool(w.evaluations))
    newest = world.pointer
    assert newest is not None
    playing = report(world, EvaluatorState.PLAYING, version=newest.version)
    assert stage_with(world, reports=(playing,)) is Stage.EVALUATING
    early = report(world, EvaluatorState.DONE, version=newest.version, at=-1000.0)
    assert stage_with(world, reports=(early,)) is Stage.EVALUATING
    older = report(world, EvaluatorState.DONE, version=newest.version - 1)
    assert stage_with(world, reports=(older,)) is Stage.EVALUATING
    done = report(world, EvaluatorState.DONE, version=newest.version)
    assert stage_with(world, reports=(done,)) is Stage.RECORDING


def test_an_opponent_that_cannot_be_played_does_not_hold_the_end() -> None:
    """The evaluator is done without a result against it."""
    world = running(games=60, evaluation={"opponents": ["random", "engine"]})
    world.until(lambda w: w.intent is Intent.EVALUATE)
    newest = world.pointer
    assert newest is not None
    done = report(world, EvaluatorState.DONE, version=newest.version)
    assert stage_with(world, reports=(), evaluations=()) is Stage.EVALUATING
    assert stage_with(world, reports=(done,), evaluations=()) is Stage.COMPLETE
