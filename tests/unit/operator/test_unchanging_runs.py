"""An idle run is left alone for no longer than time changes nothing: no deadline is missed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trainingrun_contracts.reports import Report
from trainingrun_reconciler.controller.idle import changes_nothing
from trainingrun_reconciler.desired.decide import Decision

from testkit.operator.simulated_run import SimulatedRun, running, training_run

STEP = 5.0


class Silent(SimulatedRun):
    """A run whose roles are there and do not say a word."""

    def _reports(self) -> list[Report]:
        return []

    def tick(self) -> None:
        """Time goes by, and nothing else."""
        self.now += 2.0


def silent(**spec: object) -> tuple[Silent, Decision]:
    """A run that has nothing to do any longer, and what was decided last."""
    world = Silent(training_run(**spec))
    for _ in range(20):
        SimulatedRun.tick(world)
        world.step()
    decision = world.step()
    assert not decision.actions
    return world, decision


def told(decision: Decision) -> object:
    """What people wait for."""
    found = decision.status
    conditions = [(each.type, each.status, each.reason) for each in found.conditions]
    return conditions, found.stop, decision.actions, decision.events, decision.expired


def first_event(world: Silent, *, within: float) -> float | None:
    """After how many seconds a reconcile every few of them finds something new."""
    before, begin = told(world.look()), world.now
    while world.now - begin < within:
        world.now += STEP
        decision = world.look()
        if told(decision) != before:
            return world.now - begin
        world.memory = decision.memory
        world.run = world.run.model_copy(update={"status": decision.status})
    return None


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"idleShutdownSeconds": 300},
        {
            "checkpoint": {
                "intervalSeconds": 120,
                "storage": {"directory": {"path": "/checkpoints"}},
            }
        },
        {"activeDeadlineSeconds": 400},
    ],
    ids=["no progress", "idle", "checkpoint overdue", "deadline"],
)
def test_the_next_deadline_ends_the_delay(spec: dict[str, object]) -> None:
    """Nothing comes before it, and at it is not called uneventful."""
    world, decision = silent(**spec)
    run, observed, now = world.run, world.observed(), world.now
    first = first_event(world, within=2000.0)
    assert first is not None

    def unchanged(seconds: float) -> bool:
        return changes_nothing(run, observed, world.settings, decision, until=now + seconds)

    assert first > 2 * STEP
    assert unchanged(first - 2 * STEP)
    assert not unchanged(first)
    assert not unchanged(first + 300.0)


def test_a_run_whose_roles_report_may_change() -> None:
    """Reports grow old, and a decision that is made now does not see that."""
    world = running()
    world.stuck_games = world.learner_hangs = True
    decision = replace(world.look(), actions=())
    until = world.now + 10.0
    assert not changes_nothing(world.run, world.observed(), world.settings, decision, until=until)


def test_a_run_may_change_while_redis_is_away() -> None:
    """No poll reports its return."""
    world, _ = silent()
    world.reachable = False
    decision = world.step()
    until = world.now + 10.0
    assert not changes_nothing(world.run, world.observed(), world.settings, decision, until=until)
