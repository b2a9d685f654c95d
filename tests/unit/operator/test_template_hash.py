"""Members that are replaced, because the spec changed: who ends first, and what stays."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_api.algorithm import Algorithm, Ppo
from trainingrun_api.conditions import ConditionType
from trainingrun_reconciler.desired.actions import Apply, PublishSlots, Remove
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.pod_templates import asked_of, asking
from testkit.operator.simulated_run import UID, SimulatedRun, holds, running

FORGE = {
    "template": asked_of("daemon", image="example/forge:1"),
    "jvm": {"heap": "1Gi"},
    "gamesPerDaemon": 4,
    "autoscaling": {"minReplicas": 2, "maxReplicas": 5},
}


def _new_image(world: SimulatedRun) -> None:
    """The daemons' image changes."""
    world.change(daemon=asking(world.run.spec.daemon, image="example/forge:2"))


def _images(world: SimulatedRun) -> set[str]:
    """Images that daemons were asked for with."""
    return {
        each.workload.image
        for each in world.actions
        if isinstance(each, Apply) and each.workload.role == Role.DAEMON
    }


def test_forge_daemons_finish_their_games_before_they_are_replaced() -> None:
    """They are published as draining, then go together, and as many come back."""
    world = running(games=100_000, daemon=FORGE)
    world.until(lambda each: sum(map(len, each.games.values())) > 0)
    there = world.backend.roles(UID)[Role.DAEMON].replicas
    _new_image(world)
    assert isinstance(world.look().actions[0], PublishSlots)
    world.until(lambda each: "example/forge:2" in _images(each))
    world.until(holds(ConditionType.READY))
    assert world.lost == 0
    assert world.backend.roles(UID)[Role.DAEMON].replicas >= min(there, 5)
    before = world.played
    world.until(lambda each: each.played > before)


@settings(max_examples=15)
@given(limits=st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_interrupted_at_any_step_no_game_is_lost(limits: list[int]) -> None:
    """An operator that dies on the way finds from what it sees where it was."""
    world = running(games=100_000, daemon=FORGE)
    _new_image(world)
    for limit in limits:
        world.step(limit=limit)
    world.until(lambda each: "example/forge:2" in _images(each))
    world.until(holds(ConditionType.READY))
    world.until(lambda each: not each.look().actions)
    assert world.lost == 0


def test_a_forge_daemon_that_never_ends_its_games_is_replaced_after_its_drain_time() -> None:
    """drainTimeoutSeconds bounds the wait."""
    world = running(games=100_000, daemon=FORGE)
    world.stuck_games = True
    _new_image(world)
    begin = world.now
    world.until(lambda each: "example/forge:2" in _images(each), steps=200)
    assert 180 <= world.now - begin <= 200


def test_a_changed_learner_restarts_alone() -> None:
    """Daemons and actors are neither removed nor applied while the learner is replaced."""
    world = running(games=100_000)
    kept = {
        role: [each.name for each in world.backend.roles(UID)[role].members]
        for role in (Role.DAEMON, Role.ACTOR, Role.EVALUATOR)
    }
    done = len(world.actions)
    world.change(algorithm=Algorithm(ppo=Ppo(learning_rate=1e-3)))
    world.step()
    world.until(holds(ConditionType.READY))
    removed = [each.role for each in world.actions[done:] if isinstance(each, Remove)]
    assert removed == [Role.LEARNER]
    for role, members in kept.items():
        assert [each.name for each in world.backend.roles(UID)[role].members] == members
    assert world.lost == 0
