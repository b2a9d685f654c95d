"""Members that had to leave their nodes: each is counted once, by any operator and however
often."""

from __future__ import annotations

from trainingrun_api.conditions import ConditionType
from trainingrun_api.status import RoleStatus
from trainingrun_reconciler.desired.decide import Memory
from trainingrun_reconciler.desired.observed import Interruption
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.simulated_run import SimulatedRun, running


def gone(world: SimulatedRun, number: int, *, ago: float = 0.0) -> tuple[Interruption, ...]:
    """This many daemons that had to go at one moment."""
    at = world.now - ago
    names = range(number)
    return tuple(Interruption(f"d{at:.0f}-{each}", at, "EvictionByEvictionAPI") for each in names)


def told(world: SimulatedRun) -> list[str]:
    """What events said of it."""
    return [each.message for each in world.events if each.reason == "Interrupted"]


def daemons(world: SimulatedRun) -> RoleStatus:
    """The status of the daemons."""
    found = world.run.status.role("daemon")
    assert found is not None
    return found


def test_a_run_that_lost_nobody_says_nothing() -> None:
    """Expect no count: a backend that cannot see interruptions must not promise that none were."""
    assert daemons(running()).interruptions is None


def test_each_is_counted_once_by_an_operator_that_lives() -> None:
    """Expect the sum of two waves, those of one second distinguished, and one event for each
    wave."""
    world = running()
    first = gone(world, 2)
    world.interruptions = {Role.DAEMON: first}
    world.step()
    world.step()
    world.interruptions = {Role.DAEMON: (*first, *gone(world, 1), *gone(world, 5, ago=2.0))}
    for _ in range(3):
        world.step()
    assert daemons(world).interruptions == 8
    assert len(told(world)) == 2
    assert "2 members of daemon" in told(world)[0]
    assert "and 3 more" in told(world)[1]


def test_an_operator_that_restarts_counts_what_is_newer() -> None:
    """Expect none to be counted again, although it sees them all again, and none to be missed."""
    world = running()
    first = gone(world, 3)
    world.interruptions = {Role.DAEMON: first}
    world.step()
    world.tick()
    world.interruptions = {Role.DAEMON: (*first, *gone(world, 1))}
    world.memory = Memory()
    world.step(forget=True)
    world.step()
    assert daemons(world).interruptions == 4


def test_a_status_that_was_not_written_is_counted_again() -> None:
    """Expect an operator that dies before its status is written to leave the count to the next."""
    world = running()
    world.interruptions = {Role.DAEMON: gone(world, 3)}
    world.look()  # and dies
    world.memory = Memory()
    world.step()
    assert daemons(world).interruptions == 3


def test_a_role_that_was_away_is_not_counted_again() -> None:
    """Expect the count to stand when a reconcile finds no such role, and when it is back."""
    world = running()
    there = {Role.DAEMON: gone(world, 2)}
    world.interruptions = there
    world.step()
    world.interruptions = {}
    world.step()
    world.interruptions = there
    world.step()
    assert daemons(world).interruptions == 2


def test_roles_are_counted_apart_and_nothing_is_blamed() -> None:
    """Expect a count of the learner's own, and neither a problem nor a failure."""
    world = running()
    world.interruptions = {Role.LEARNER: (Interruption("l", world.now, "Stopped"),)}
    world.step()
    learner = world.run.status.role("learner")
    assert learner is not None
    assert learner.interruptions == 1
    assert learner.interrupted_at is not None
    assert daemons(world).interruptions is None
    degraded = world.run.status.condition(ConditionType.DEGRADED)
    assert degraded is not None
    assert not degraded.is_true
    assert not [each for each in world.events if each.warning]
