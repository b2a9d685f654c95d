"""One declaration is an algorithm: it chooses the roles, their programs, the queue, the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from trainingrun.estimate.bill import bill_of_spec
from trainingrun.estimate.fleet import Fleet
from trainingrun.estimate.needs import needs_of
from trainingrun_api.conditions import ConditionType
from trainingrun_contracts.policy_format import Network
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.declaration import AlgorithmDeclaration
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import UID, SimulatedRun, running, training_run
from testkit.operator.sixth_role import GREETER
from testkit.operator.sixth_role import ROLE as GREETERS

SEED = 4711
"""No spec can name it: this seed chooses it."""
PROGRAM = ("python", "-m", "patience")
PATIENCE = AlgorithmDeclaration(
    name="Patience",
    is_chosen=lambda spec: spec.seed == SEED,
    brings=(GREETERS,),
    without=(Role.DAEMON, Role.ACTOR, Role.EVALUATOR),
    programs={Role.LEARNER: PROGRAM},
    queue_capacity=lambda spec: 7 * spec.learner.batch_transitions,
    network=lambda _spec: Network(width=64),
)
CHOSEN = training_run(seed=SEED)
OTHER = training_run()


@pytest.fixture(autouse=True)
def _a_second_algorithm() -> Iterator[None]:
    """The algorithm and its role are there for the time of a test."""
    with ROLES.also(GREETER), ALGORITHMS.also(PATIENCE):
        yield


def test_a_run_has_the_roles_of_its_algorithm() -> None:
    """No others are made; a run that chooses nothing is one of PPO, without the new role."""
    made = workloads(CHOSEN, Settings(), scaled=2)
    assert set(made) == {Role.REDIS, Role.LEARNER, GREETERS}
    assert GREETERS not in workloads(OTHER, Settings(), scaled=2)


def test_its_program_takes_the_learners_place() -> None:
    """All else of the learner is as its role declares it."""
    mine = workloads(CHOSEN, Settings(), scaled=2)[Role.LEARNER]
    usual = workloads(OTHER, Settings(), scaled=2)[Role.LEARNER]
    assert mine.command == PROGRAM
    assert replace(mine, command=usual.command, template_hash=usual.template_hash) == usual


def test_its_network_and_queue_are_the_runs() -> None:
    """The roles read the network; scaling, metrics and tables read the queue's capacity."""
    assert run_config(CHOSEN, Settings()).learner.network == Network(width=64)
    assert run_config(OTHER, Settings()).learner.network == Network()
    batch = CHOSEN.spec.learner.batch_transitions
    assert ALGORITHMS.of(CHOSEN.spec).queue_capacity(CHOSEN.spec) == 7 * batch
    assert ALGORITHMS.of(OTHER.spec).queue_capacity(OTHER.spec) == 2 * batch


def test_a_run_of_it_becomes_ready_and_rests_without_the_roles_that_it_has_not() -> None:
    """Nothing waits for daemons or actors, and no condition is about them."""
    world = SimulatedRun(CHOSEN)
    world.until(lambda it: it.ready(GREETERS) > 0 and it.ready(Role.LEARNER) > 0)
    world.step()
    conditions = {each.type: each for each in world.run.status.conditions}
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER, GREETERS}
    assert conditions[ConditionType.READY].is_true, conditions[ConditionType.READY].message
    absent = {ConditionType.DAEMONS_AVAILABLE, ConditionType.ACTORS_AVAILABLE}
    assert not absent & set(conditions)
    world.change(suspend=True)
    world.settle()
    assert GREETERS not in world.backend.roles(UID)


def test_a_run_of_the_other_goes_on_as_before() -> None:
    """An algorithm that a run has not chosen is nothing to it."""
    world = running()
    assert GREETERS not in world.backend.roles(UID)
    ready = world.run.status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.is_true


def test_a_plan_bills_the_roles_of_the_algorithm() -> None:
    """Those that it has, at the price that each declares."""
    run = training_run(seed=SEED, cost={"actorHourly": 1, "learnerHourly": 2})
    bill = bill_of_spec(needs_of(run), Fleet(1, 1, 1.0, 1.0, "engine"))
    assert {part.role: part.count for part in bill.parts} == {"learner": 1, "greeter": 2}


def test_a_declaration_that_cannot_work_is_refused() -> None:
    """A name that is taken; no learner."""
    with pytest.raises(ValueError, match="declared twice"):
        ALGORITHMS.register(PATIENCE)
    with pytest.raises(ValueError, match="has no learner"):
        ALGORITHMS.register(replace(PATIENCE, name="Idle", without=(Role.LEARNER,)))
