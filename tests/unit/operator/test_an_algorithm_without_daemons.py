"""An algorithm whose producers, trainer and evaluator have other names, and which has no daemon,
walks through the whole life of a run; only declarations say who takes which part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_api.conditions import ConditionType, Reason
from trainingrun_api.spec import Autoscaling
from trainingrun_contracts.reports import ActorReport, ActorState, Intent
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.desired.actions import Apply, PublishSlots, Remove
from trainingrun_reconciler.desired.decide import Memory
from trainingrun_reconciler.desired.facts import facts_of
from trainingrun_reconciler.desired.observed import Finished, Interruption, Signals
from trainingrun_reconciler.desired.rates import RateMemory
from trainingrun_reconciler.desired.scale import ScaleMemory
from trainingrun_reconciler.desired.size import size_of
from trainingrun_reconciler.desired.stage import Stage, lifecycle_of
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Drain
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.second_algorithm import (
    ARENA,
    OF_TRAINER,
    OF_WORKERS,
    SEARCH,
    SEED,
    TRAINER,
    WORKERS,
    a_second_algorithm,
)
from testkit.operator.simulated_run import (
    UID,
    SimulatedRun,
    completed,
    holds,
    running,
    training_run,
)
from testkit.soak_share import share_of

ALWAYS = {Role.REDIS, TRAINER}
INTERRUPTIONS = st.lists(st.integers(0, 3), min_size=1, max_size=30)


@pytest.fixture(autouse=True)
def _a_second_algorithm() -> Iterator[None]:
    """The algorithm and its roles are there for the time of a test."""
    with a_second_algorithm():
        yield
    assert WORKERS not in ROLES


def searching(**spec: object) -> SimulatedRun:
    """A run of the algorithm that plays and trains."""
    return running(seed=SEED, **spec)


def interrupted(world: SimulatedRun, limits: list[int]) -> SimulatedRun:
    """After reconciles in each of which the operator dies once it has done a number of actions."""
    for limit in limits:
        world.step(limit=limit)
    return world


def roles(world: SimulatedRun) -> set[Role]:
    """Those that exist."""
    return set(world.backend.roles(UID))


def test_a_run_of_it_has_its_roles_and_no_other() -> None:
    """As many workers as the law asks for; a run of PPO has none of them."""
    made = workloads(training_run(seed=SEED), Settings(), scaled=3)
    assert {role: each.replicas for role, each in made.items()} == {
        Role.REDIS: 1,
        WORKERS: 3,
        TRAINER: 1,
        ARENA: 1,
    }
    assert not {WORKERS, TRAINER, ARENA} & set(workloads(training_run(), Settings(), scaled=3))


def walked_through_its_life(limits: list[int]) -> SimulatedRun:
    """Run, suspend, resume, complete, with the interruptions at the begin of each."""
    world = interrupted(SimulatedRun(training_run(seed=SEED, games=100_000)), limits)
    world.until(holds(ConditionType.READY))
    world.change(suspend=True)
    interrupted(world, limits).until(holds(ConditionType.SUSPENDED))
    world.until(lambda each: not each.look().actions)
    assert world.queued == 0, "what was played is trained before the run rests"
    assert world.lost == 0, "no worker goes before its games have ended"
    assert roles(world) <= ALWAYS
    before = world.played
    world.change(suspend=False)
    interrupted(world, limits).until(lambda each: each.played > before)
    world.until(holds(ConditionType.READY))
    world.change(games=world.played)
    interrupted(world, limits).until(completed, steps=500)
    return world


@pytest.mark.soak
@settings(max_examples=share_of(60))
@given(limits=INTERRUPTIONS)
def test_its_life_with_an_operator_that_dies(limits: list[int]) -> None:
    """Whatever it has done when it dies, the next one leads the run to the same end."""
    world = walked_through_its_life(limits)
    transitions = world.run.status.transitions
    assert transitions is not None
    assert transitions.produced == transitions.trained
    assert roles(world) == ALWAYS
    assert {each.opponent for each in world.evaluations if each.version == world.version} == set(
        world.run.spec.evaluation_opponents
    )
    assert not any(isinstance(each, PublishSlots) for each in world.actions), "no role has slots"


@pytest.mark.parametrize("limit", [1, 2])
def test_its_life_with_an_operator_that_dies_at_every_look(limit: int) -> None:
    """One action, or two, of each reconcile are done, and no status but that of one without
    more."""
    world = walked_through_its_life([limit] * 40)
    assert roles(world) == ALWAYS
    assert world.queued == 0


def test_nothing_is_flushed_before_the_workers_are_drained() -> None:
    """Their reports say so; those that hold games keep the run draining."""
    world = searching()
    world.stuck_games = True
    world.change(suspend=True)
    for _ in range(5):
        assert world.step().lifecycle.stage is Stage.DRAINING
    assert roles(world) == {Role.REDIS, WORKERS, TRAINER, ARENA}
    world.stuck_games = False
    world.until(lambda each: each.intent is Intent.FLUSH)
    assert world.lost == 0


def test_what_was_reported_before_a_drain_says_nothing_about_it() -> None:
    """A report that is older than the intent is of a drain before, or of none."""
    world = searching(games=100_000)
    world.change(suspend=True)
    world.until(lambda each: each.intent is Intent.DRAIN)
    seen = world.observed()
    assert isinstance(seen.signals, Signals)
    assert world.since is not None
    drained = [
        msgspec.structs.replace(each, state=ActorState.DRAINED, at=world.since)
        for each in seen.signals.reports
        if isinstance(each, ActorReport)
    ]
    assert drained
    for at, stage in ((world.since, Stage.FLUSHING), (world.since - 1, Stage.DRAINING)):
        reports = tuple(msgspec.structs.replace(each, at=at) for each in drained)
        observed = replace(seen, signals=replace(seen.signals, reports=reports))
        facts = facts_of(world.run, observed, world.settings, now=world.now)
        assert lifecycle_of(facts).stage is stage


def test_the_arena_stays_for_the_last_evaluation() -> None:
    """Workers go when all is played, the trainer's place is a recorder's in the end."""
    world = searching(games=60)
    world.until(lambda each: each.look().lifecycle.stage is Stage.EVALUATING)
    world.step()
    assert ARENA in roles(world)
    assert WORKERS not in roles(world)
    world.until(completed, steps=500)
    assert [each.role for each in world.actions if isinstance(each, Remove)].count(TRAINER) == 1


def test_a_run_without_evaluator_does_not_wait_for_an_evaluation() -> None:
    """No role could play it: the run is complete once all is trained and saved."""
    with ALGORITHMS.also(replace(SEARCH, name="Blind", without=(*SEARCH.without, ARENA))):
        world = searching(games=60)
        world.until(completed, steps=200)
        assert world.evaluations == []


def test_its_trainers_failure_is_the_runs() -> None:
    """The task that ended ill is named by its part, and the workers go."""
    world = searching()
    world.backend.finish(UID, TRAINER, Finished(succeeded=False, message="exit code 1"))
    world.until(holds(ConditionType.FAILED))
    world.until(lambda each: not each.look().actions)
    assert roles(world) == ALWAYS


def test_rates_decide_how_many_workers_there_are() -> None:
    """A learner that waits for data gets more of them, within the bounds, and an event says so."""
    scaling = {"minReplicas": 1, "maxReplicas": 4}
    world = searching(games=1_000_000, daemon={"autoscaling": scaling})
    world.until(lambda each: each.ready(WORKERS) == 4, steps=400)
    scaled = [each.message for each in world.events if each.reason == "ScaledUp"]
    assert scaled[0].startswith("self-play workers from 1 to ")
    decided = world.run.status.autoscaling
    assert decided is not None
    assert decided.last_decision is not None
    assert "self-play worker" in decided.last_decision.reason
    fixed = {"minReplicas": 2, "maxReplicas": 2}
    world.change(daemon=world.run.spec.daemon.model_copy(update={"autoscaling": _of(fixed)}))
    world.until(lambda each: each.backend.roles(UID)[WORKERS].replicas == 2)


def test_a_number_that_is_not_known_is_kept_and_said_by_name() -> None:
    """While Redis is away the law decides nothing; the sentence names the workers."""
    world = searching()
    world.reachable = False
    facts = facts_of(world.run, world.observed(), world.settings, now=world.now)
    size = size_of(facts, lifecycle_of(facts), RateMemory(), ScaleMemory())
    assert size.scaled.replicas == 2
    assert size.scaled.reason.startswith("2 self-play workers running, and the number is kept")


def test_workers_that_are_made_again_are_as_many_as_before() -> None:
    """Their number stands in the status while they are away, above the fewest."""
    scaling = {"minReplicas": 1, "maxReplicas": 4}
    world = searching(games=1_000_000, daemon={"autoscaling": scaling})
    world.until(lambda each: each.ready(WORKERS) == 4, steps=400)
    world.step()
    world.backend.act(UID, Remove(WORKERS))
    while WORKERS in roles(world):
        world.backend.tick(UID)
    world.memory = Memory()  # which the windows of the law are in
    (made,) = (
        each.workload
        for each in world.look().actions
        if isinstance(each, Apply) and each.workload.role == WORKERS
    )
    assert made.replicas == 4


def _of(scaling: dict[str, int]) -> Autoscaling:
    return training_run(daemon={"autoscaling": scaling}).spec.daemon.autoscaling


def test_its_status_counts_the_members_of_its_roles() -> None:
    """By name, with games and interruptions; roles that it has not are not named."""
    world = searching()
    world.interruptions = {TRAINER: (Interruption("trainer-0", world.now, "Stopped"),)}
    world.step()
    counted = {each.name: each for each in world.run.status.roles}
    assert list(counted) == ["workers", "trainer", "arena"]
    assert counted["workers"].display == "2/2"
    assert counted["workers"].busy
    assert counted["trainer"].interruptions == 1
    assert counted["trainer"].busy is None, "it has no games"


def test_its_conditions_are_those_of_its_roles() -> None:
    """Ready without daemons and actors; what is missing is called by its name."""
    world = searching()
    conditions = {each.type: each for each in world.run.status.conditions}
    assert conditions[ConditionType.READY].is_true
    absent = {
        ConditionType.DAEMONS_AVAILABLE,
        ConditionType.ACTORS_AVAILABLE,
        ConditionType.LEARNER_AVAILABLE,
    }
    assert not absent & set(conditions)
    world.backend.act(UID, Remove(TRAINER))
    world.tick()
    world.step()
    ready = world.run.status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == Reason.ROLES_MISSING
    assert "trainer" in ready.message


def test_a_run_without_a_scaled_role_says_so() -> None:
    """Two workers, as declared: the condition about scaling holds no number against it."""
    several = replace(OF_WORKERS, role=Role("several"), scaling=None, members=lambda _extent: 2)
    other = replace(SEARCH, name="Fixed", brings=(several.role, TRAINER, ARENA))
    with ROLES.also(several), ALGORITHMS.also(other):
        run = training_run(seed=SEED, games=300)
        world = SimulatedRun(run)
        assert ALGORITHMS.of(run.spec) is other
        world.until(lambda each: each.trained > 0)
        scaling = world.run.status.condition(ConditionType.SCALING_LIMITED)
        assert scaling is not None
        assert not scaling.is_true
        assert scaling.message == "rates decide no number of this run"
        assert world.run.status.autoscaling is None
        world.until(completed, steps=500)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"report": None}, "fills the queue, and does not report as an actor does"),
        ({"drain": Drain.BY_SLOTS, "scaling": None}, "does not say how many it has"),
    ],
)
def test_a_producer_that_cannot_be_drained_is_refused(
    changes: dict[str, object], said: str
) -> None:
    """When it is declared, and not when a run waits for it for ever."""
    with pytest.raises(ValueError, match=said):
        ROLES.register(replace(OF_WORKERS, role=Role("other"), **changes))  # type: ignore[arg-type]


def test_a_task_that_reports_nothing_is_refused() -> None:
    """No report would say whether it trains."""
    with pytest.raises(ValueError, match="does not report as a learner does"):
        ROLES.register(replace(OF_TRAINER, role=Role("other"), report=None))


def test_an_algorithm_has_one_task_and_scales_one_role() -> None:
    """Two ends of a run contradict one another; the law knows one number."""
    without = (Role.DAEMON, Role.ACTOR, Role.EVALUATOR)
    with pytest.raises(ValueError, match="has learner and trainer"):
        ALGORITHMS.register(
            replace(SEARCH, name="Twice", brings=(WORKERS, TRAINER, ARENA), without=without)
        )
    without = (Role.ACTOR, Role.LEARNER, Role.EVALUATOR)
    with pytest.raises(ValueError, match="scales daemon and workers"):
        ALGORITHMS.register(replace(SEARCH, name="Twice", without=without))


def test_a_run_of_ppo_beside_it_goes_on_as_before() -> None:
    """It has the four roles of its own and none of the others."""
    world = running()
    assert roles(world) == {Role.REDIS, Role.DAEMON, Role.LEARNER, Role.ACTOR, Role.EVALUATOR}
    assert [each.name for each in world.run.status.roles] == [
        "daemon",
        "learner",
        "actor",
        "evaluator",
    ]
