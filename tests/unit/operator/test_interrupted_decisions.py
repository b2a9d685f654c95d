"""An operator that dies after any action, and another that decides again from what it sees, reach
the same end as one that lives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_api.conditions import ConditionType
from trainingrun_api.limits import Cost
from trainingrun_reconciler.desired.observed import Finished
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.pod_templates import asking
from testkit.operator.simulated_run import (
    UID,
    SimulatedRun,
    completed,
    evaluation_of,
    holds,
    running,
    training_run,
)
from testkit.soak_share import share_of

pytestmark = pytest.mark.soak
INTERRUPTIONS = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def _interrupted(world: SimulatedRun, limits: list[int]) -> SimulatedRun:
    for limit in limits:
        world.step(limit=limit)
    return world


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_start(limits: list[int]) -> None:
    """All roles serve in the end."""
    fixed = {"autoscaling": {"minReplicas": 3, "maxReplicas": 3}}
    world = _interrupted(SimulatedRun(training_run(daemon=fixed)), limits)
    world.until(holds(ConditionType.READY))
    assert world.look().actions == ()


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_suspend_and_resume(limits: list[int]) -> None:
    """Suspend leaves nothing queued, resume trains on."""
    world = running()
    world.change(suspend=True)
    _interrupted(world, limits).until(
        holds(ConditionType.SUSPENDED),
    )
    assert world.queued == 0
    assert world.look().actions == ()
    before = world.played
    world.change(suspend=False)
    _interrupted(world, limits).until(lambda each: each.played > before)
    world.until(holds(ConditionType.READY))


@settings(max_examples=share_of(60))
@given(flips=st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=40))
def test_a_user_who_cannot_decide(flips: list[tuple[bool, int]]) -> None:
    """However often suspend changes on the way, the last word holds and nothing stays queued."""
    world = running()
    for suspend, limit in flips:
        world.change(suspend=suspend)
        world.step(limit=limit)
    world.change(suspend=True)
    world.until(holds(ConditionType.SUSPENDED))
    assert world.look().actions == ()
    world.change(suspend=False)
    world.until(holds(ConditionType.READY))


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_complete(limits: list[int]) -> None:
    """The run succeeds with every transition trained."""
    world = _interrupted(running(games=60), limits)
    world.until(holds(ConditionType.COMPLETE))
    world.until(lambda each: not each.look().actions)
    transitions = world.run.status.transitions
    assert transitions is not None
    assert transitions.produced == transitions.trained
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_complete_by_strength(limits: list[int]) -> None:
    """A run whose win rate is reached succeeds with every transition trained."""
    world = running(games=100_000, stopWhen={"winRate": 0.8})
    world.evaluations.append(evaluation_of(world, low=0.83))
    _interrupted(world, limits)
    world.until(completed)
    assert world.queued == 0
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_spent_budget_and_a_higher_one(limits: list[int]) -> None:
    """A run without money stops with nothing queued, and with more money trains on."""
    world = running(games=100_000, cost={"learnerHourly": 10.0, "budget": 0.06})
    _interrupted(world, limits)
    world.until(holds(ConditionType.SUSPENDED))
    world.until(lambda each: not each.look().actions)
    assert world.queued == 0
    before = world.played
    world.change(cost=Cost(learner_hourly=10.0, budget=1000.0))
    _interrupted(world, limits)
    world.until(lambda each: each.played > before)
    world.until(holds(ConditionType.READY))


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_idle_and_woken(limits: list[int]) -> None:
    """A run without progress stops whatever interrupts the operator, and continues when woken."""
    world = running(games=100_000, idleShutdownSeconds=60)
    world.stuck_games = True
    world.until(lambda each: each.run.status.stop is not None)
    _interrupted(world, limits)
    world.until(holds(ConditionType.SUSPENDED))
    world.until(lambda each: not each.look().actions)
    world.stuck_games = False
    world.change(seed=world.run.spec.seed)
    _interrupted(world, limits)
    world.until(holds(ConditionType.READY))


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_learner_failure(limits: list[int]) -> None:
    """The run fails, and its members go."""
    world = running()
    world.backend.finish(UID, Role.LEARNER, Finished(False, "BackoffLimitExceeded", "exit code 1"))
    _interrupted(world, limits)
    world.until(holds(ConditionType.FAILED))
    world.until(lambda each: not each.look().actions)
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS, most=st.integers(1, 5))
def test_fewer_daemons(limits: list[int], most: int) -> None:
    """A lowered maximum drains daemons; none with a game is taken away (the world checks)."""
    world = running(
        daemon={"gamesPerDaemon": 4, "autoscaling": {"minReplicas": 5, "maxReplicas": 5}}
    )
    daemon = world.run.spec.daemon
    scaling = daemon.autoscaling.model_copy(update={"min_replicas": 1, "max_replicas": most})
    world.change(daemon=daemon.model_copy(update={"autoscaling": scaling}))
    _interrupted(world, limits).until(lambda each: _daemons(each) <= most)
    world.until(lambda each: not each.look().actions)
    assert len(world.slots) == _daemons(world)
    assert not any(slot.draining for slot in world.slots.values())


def _daemons(world: SimulatedRun) -> int:
    return world.backend.roles(UID)[Role.DAEMON].replicas


@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_changed_image(limits: list[int]) -> None:
    """Every member of a changed role is replaced, and the run serves again."""
    world = running()
    world.change(actor=asking(world.run.spec.actor, image="registry/actor:2"))
    _interrupted(world, limits)
    world.until(holds(ConditionType.READY))
    world.until(lambda each: not each.look().actions)
