"""Runs whose actors play the games themselves: what is made, told, and left out."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.conditions import ConditionStatus, ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Daemon
from trainingrun_reconciler.desired.actions import Apply, Remove
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import SimulatedRun, completed, holds, training_run

CONNECT_FOUR = {"builtIn": {"name": "connect_four"}}


def embedded_run(*, daemon: dict[str, Any] | None = None, **spec: Any) -> TrainingRun:
    """A run of Connect Four without daemons."""
    return training_run(
        decks=[], environment=CONNECT_FOUR, daemon={"embedded": True, **(daemon or {})}, **spec
    )


def applied(world: SimulatedRun) -> set[Role]:
    """The roles that were ever applied."""
    return {each.workload.role for each in world.actions if isinstance(each, Apply)}


def test_a_whole_run_makes_no_daemons() -> None:
    """Expect it to play, train, evaluate and complete without one, and to publish no slot."""
    world = SimulatedRun(embedded_run(games=200))
    world.until(lambda now: now.trained > 0)
    assert not world.slots
    world.until(completed, steps=500)
    assert Role.DAEMON not in applied(world)
    assert world.evaluations


def test_its_status_reads_well() -> None:
    """Expect a run that is ready without a word about daemons: no condition, event or count."""
    world = SimulatedRun(embedded_run())
    world.until(holds(ConditionType.READY))
    for _ in range(60):
        world.step()
    limited = world.run.status.condition(ConditionType.SCALING_LIMITED)
    assert world.run.status.condition(ConditionType.DAEMONS_AVAILABLE) is None
    assert limited is not None
    assert (limited.status, limited.message) == (
        ConditionStatus.FALSE,
        "rates decide no number of this run",
    )
    assert not [each for each in world.events if "daemon" in each.message.casefold()]
    assert world.run.status.role("daemon") is None


@pytest.mark.parametrize("limit", range(5))
def test_a_run_interrupted_after_every_step_comes_to_the_same_end(limit: int) -> None:
    """Expect an operator that dies after any number of actions to continue from what is there."""
    world = SimulatedRun(embedded_run(games=60))
    for _ in range(40):
        world.step(limit=limit)
        world.step()
        if completed(world):
            break
    assert completed(world)
    assert Role.DAEMON not in applied(world)


def test_it_is_suspended_and_resumed() -> None:
    """Expect nothing to run while it rests, and training to go on afterwards."""
    world = SimulatedRun(embedded_run())
    world.until(lambda now: now.trained > 0)
    world.change(suspend=True)
    world.until(holds(ConditionType.SUSPENDED))
    assert not world.ready(Role.ACTOR)
    trained = world.trained
    world.change(suspend=False)
    world.until(lambda now: now.trained > trained)


def test_daemons_go_after_their_games_when_games_are_embedded() -> None:
    """Expect them to be drained first, and to come back with the change."""
    world = SimulatedRun(training_run(decks=[], environment=CONNECT_FOUR))
    world.until(lambda now: now.trained > 0)
    assert world.ready(Role.DAEMON)
    world.change(daemon=Daemon(embedded=True))
    world.step()
    assert not [each for each in world.actions if isinstance(each, Remove)], "games run on them"
    world.until(lambda now: Role.DAEMON not in now.backend.roles("uid-1"), steps=60)
    world.change(daemon=Daemon())
    world.until(lambda now: now.ready(Role.DAEMON) > 0)


def test_one_actor_plays_unless_more_are_asked_for() -> None:
    """Expect one, or actor.replicas; both roles that play are told, and neither gets a token."""
    found = workloads(embedded_run(), Settings(), scaled=0)
    assert found[Role.ACTOR].replicas == 1
    assert found[Role.ACTOR].daemon_token is None
    more = workloads(embedded_run(actor={"replicas": 3}), Settings(), scaled=0)
    assert more[Role.ACTOR].replicas == 3
    assert run_config(embedded_run(), Settings()).daemon.embedded
