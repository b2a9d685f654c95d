"""Runs on daemons that exist already: what is made, published, reported, and removed."""

from __future__ import annotations

import pytest
from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.spec import Daemon, ExternalDaemons
from trainingrun_reconciler.desired.actions import Apply, Remove
from trainingrun_reconciler.desired.external import Answer, external_role
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import SimulatedRun, completed, holds, running, training_run

ONE, TWO = "10.0.0.5:17171", "10.0.0.6:17171"
AWAY = "it cannot be reached (Connection refused)"


def world(**answers: Answer) -> SimulatedRun:
    """A run on two external daemons; both answer unless ``one`` or ``two`` say otherwise."""
    external = {"endpoints": [ONE, TWO]}
    run = training_run(daemon={"gamesPerDaemon": 4, "external": external})
    found = {ONE: answers.get("one", Answer(3)), TWO: answers.get("two", Answer(5))}
    return SimulatedRun(run, answers=found)


def made(of: SimulatedRun) -> set[Role]:
    """The roles that were ever applied."""
    return {each.workload.role for each in of.actions if isinstance(each, Apply)}


def capacities(of: SimulatedRun) -> dict[str, int]:
    """What is published."""
    return {endpoint: slot.capacity for endpoint, slot in of.slots.items()}


def test_a_whole_run_makes_no_daemons() -> None:
    """It plays, trains and completes on what is there; the slots are as many as each serves."""
    run = world()
    run.until(lambda now: now.trained > 0)
    assert capacities(run) == {ONE: 3, TWO: 5}
    assert run.run.status.roles[0].display == "2/2"
    run.until(completed, steps=500)
    assert Role.DAEMON not in made(run)
    assert not run.slots, "what is published ends with the run"


@pytest.mark.parametrize("limit", range(6))
def test_a_run_interrupted_after_every_step_comes_to_the_same_end(limit: int) -> None:
    """An operator that dies after any number of actions continues from what is there."""
    run = world()
    run.run = run.run.model_copy(update={"spec": run.run.spec.model_copy(update={"games": 60})})
    for _ in range(40):
        run.step(limit=limit)
        run.step()
        if completed(run):
            break
    assert completed(run)
    assert Role.DAEMON not in made(run)


def test_one_that_is_away_gets_no_games_and_comes_back() -> None:
    """It leaves the slots at once, is reported with its address, and nothing else changes."""
    run = world()
    run.until(lambda now: now.trained > 0)
    run.answers[TWO] = Answer(5, AWAY)
    run.step()
    assert capacities(run) == {ONE: 3}
    assert run.run.status.roles[0].display == "1/2"
    assert [each.message for each in run.events if TWO in each.message] == [
        f"daemon {TWO}: {AWAY}: see that it runs and can be reached, or take it out of"
        " spec.daemon.external.endpoints"
    ]
    assert holds(ConditionType.DAEMONS_AVAILABLE)(run), "one that serves is enough"
    actions = len([each for each in run.actions if isinstance(each, Apply)])
    run.until(holds(ConditionType.DEGRADED), steps=30)
    degraded = run.run.status.condition(ConditionType.DEGRADED)
    assert degraded is not None
    assert degraded.reason == Reason.NO_ANSWER
    run.answers[TWO] = Answer(6)
    run.settle()
    assert capacities(run) == {ONE: 3, TWO: 6}
    assert holds(ConditionType.DEGRADED, ConditionStatus.FALSE)(run)
    assert len([each for each in run.actions if isinstance(each, Apply)]) == actions, (
        "actors stay: they are for all slots, present or away"
    )


def test_none_answers() -> None:
    """The run is not ready and says why; it starts as soon as one answers."""
    run = world(one=Answer(None, AWAY), two=Answer(None, AWAY))
    for _ in range(10):
        run.step()
    found = run.run.status.condition(ConditionType.DAEMONS_AVAILABLE)
    assert found is not None
    assert (found.status, found.reason) == (ConditionStatus.FALSE, Reason.NO_ANSWER)
    assert found.message.startswith(f"{ONE}: {AWAY}")
    run.answers[ONE] = Answer(2)
    run.until(lambda now: now.trained > 0)
    assert capacities(run) == {ONE: 2}


def test_own_daemons_go_after_their_games_when_external_ones_take_over() -> None:
    """Their slots are withdrawn first; the simulation fails when one with a game is taken away."""
    run = running()
    assert run.ready(Role.DAEMON)
    run.answers = {ONE: Answer(3)}
    run.change(daemon=Daemon(external=ExternalDaemons(endpoints=(ONE,))))
    run.step()
    assert capacities(run) == {ONE: 3}
    assert not [each for each in run.actions if isinstance(each, Remove)], "games run on them"
    run.until(lambda now: Role.DAEMON not in now.backend.roles("uid-1"), steps=30)
    run.change(daemon=Daemon())
    run.until(lambda now: now.ready(Role.DAEMON) > 0 and ONE not in now.slots)


def test_a_suspended_run_leaves_them_alone() -> None:
    """Nothing is published and no one is asked; the run continues when it is resumed."""
    run = world()
    run.until(lambda now: now.trained > 0)
    run.change(suspend=True)
    run.until(holds(ConditionType.SUSPENDED))
    run.settle()
    assert not run.slots
    assert run.observed().external is None
    trained = run.trained
    run.change(suspend=False)
    run.until(lambda now: now.trained > trained)


def test_actors_are_as_many_as_all_slots_need() -> None:
    """Known ones count with what they serve, others with gamesPerDaemon; 3 + 4 games by 2."""
    external = {"endpoints": [ONE, TWO]}
    run = training_run(
        daemon={"gamesPerDaemon": 4, "external": external}, actor={"gamesPerActor": 2}
    )
    role = external_role([ONE, TWO], {ONE: Answer(3)})
    assert workloads(run, Settings(), scaled=9, external=role)[Role.ACTOR].replicas == 4


def test_a_capacity_that_nobody_has_is_not_believed() -> None:
    """At most a thousand games; none at all is not ready."""
    role = external_role([ONE, TWO], {ONE: Answer(10**9), TWO: Answer(None, "it serves no games")})
    assert [(each.ready, each.capacity) for each in role.members] == [(True, 1000), (False, None)]


def test_decks_of_external_daemons_are_not_known_here() -> None:
    """A deck that the own image does not hold is no reason to refuse the run."""
    run = world()
    run.settings = Settings(decks=frozenset({"other"}))
    run.until(lambda now: now.trained > 0)
