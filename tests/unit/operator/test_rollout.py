"""New default images reach the runs one after the other."""

from __future__ import annotations

from dataclasses import replace

from trainingrun_reconciler.controller.rollouts import BETWEEN_SECONDS, LONGEST_SECONDS, Rollouts
from trainingrun_reconciler.desired.actions import Apply, Remove
from trainingrun_reconciler.desired.decide import Decision, decide
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Images, Settings
from trainingrun_reconciler.store import ResourceKey

from testkit.operator.pod_templates import asking
from testkit.operator.simulated_run import UID, SimulatedRun, running

NEWER = Settings(images=Images("d:2", "a:2", "t:2", "r:2"))


def look(world: SimulatedRun, *, may_roll: bool) -> Decision:
    """Decide with new default images, without acting."""
    return decide(
        world.run, world.observed(), NEWER, world.memory, now=world.now, may_roll=may_roll
    )


def test_members_keep_their_images_until_their_turn_comes() -> None:
    """Nothing is replaced and nothing is said; what else is wanted is done with the old images."""
    world = running()
    decision = look(world, may_roll=False)
    assert not any(isinstance(each, (Apply, Remove)) for each in decision.actions)
    assert not decision.rolls
    assert decision.events == ()
    there = world.backend.roles(UID)[Role.ACTOR]
    world.change(actor=world.run.spec.actor.model_copy(update={"replicas": there.replicas + 1}))
    applied = [each for each in look(world, may_roll=False).actions if isinstance(each, Apply)]
    assert [each.workload.role for each in applied] == [Role.ACTOR]


def test_when_its_turn_comes_all_roles_change_and_it_is_said_once() -> None:
    """With the images from and to."""
    world = running()
    decision = look(world, may_roll=True)
    changed = {each.workload.role for each in decision.actions if isinstance(each, Apply)}
    assert {Role.REDIS, Role.ACTOR, Role.EVALUATOR} <= changed
    assert Remove(Role.LEARNER) in [
        replace(each, successor=None) for each in decision.actions if isinstance(each, Remove)
    ]
    (event,) = (each for each in decision.events if each.reason == "Rolling")
    assert "actor from localhost/trainingrun-actor:0.1.0 to a:2" in event.message
    world.memory = decision.memory
    assert not [each for each in look(world, may_roll=True).events if each.reason == "Rolling"]


def test_a_run_that_names_an_image_waits_for_nobody() -> None:
    """It is its user who asks; the evaluator has the image of the actors."""
    world = running()
    world.change(actor=asking(world.run.spec.actor, image="mine:3"))
    applied = [each for each in look(world, may_roll=False).actions if isinstance(each, Apply)]
    images = {each.workload.role: each.workload.image for each in applied}
    assert images == {Role.ACTOR: "mine:3", Role.EVALUATOR: "mine:3"}


def test_one_run_begins_after_the_other_and_all_within_an_hour() -> None:
    """A run that has begun continues; the others wait, for less where there are many."""
    turns, first, second = Rollouts(), ResourceKey("a", "one"), ResourceKey("a", "two")
    assert turns.allows(first, now=100.0)
    turns.begin(first, runs=2, now=100.0)
    assert turns.allows(first, now=100.0)
    assert not turns.allows(second, now=100.0 + BETWEEN_SECONDS - 1)
    assert turns.allows(second, now=100.0 + BETWEEN_SECONDS)
    turns.begin(second, runs=3600, now=200.0)
    assert turns.allows(ResourceKey("b", "three"), now=200.0 + LONGEST_SECONDS / 3600)
