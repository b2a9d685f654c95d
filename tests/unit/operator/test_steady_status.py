"""What a status says is true and stays so: no alarm at a start, no condition that flips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from trainingrun_api.conditions import ConditionType
from trainingrun_api.spec import Autoscaling
from trainingrun_reconciler.desired.actions import Apply
from trainingrun_reconciler.desired.decide import Decision, Memory, decide
from trainingrun_reconciler.desired.observed import Observed, Problem
from trainingrun_reconciler.desired.scale import Limit, ScaleInputs, ScaleMemory, scale
from trainingrun_reconciler.desired.scale_limits import (
    STANDS_SECONDS,
    UNKNOWN_SECONDS,
    LimitMemory,
    track_limit,
)
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.simulated_run import UID, SimulatedRun, running

OUT_OF_MEMORY = Problem("Crashing", "it used more memory than its limit and was killed")


def look(world: SimulatedRun) -> Decision:
    """Decide and write the status, without acting."""
    decision = world.look()
    world.memory = decision.memory
    world.run = world.run.model_copy(update={"status": decision.status})
    world.events += decision.events
    return decision


def summaries(world: SimulatedRun, *, seconds: float) -> Iterable[str | None]:
    """The summaries of the reconciles of this many seconds."""
    end = world.now + seconds
    while world.now < end:
        world.now += 2
        yield look(world).status.summary


def test_a_member_that_is_killed_again_and_again_stays_degraded() -> None:
    """It serves between two crashes, for less than a minute each time: the column does not flip,
    and there is one event."""
    world = running()
    told: list[str | None] = []
    for _ in range(5):
        world.backend.fail(UID, Role.ACTOR, OUT_OF_MEMORY)
        told += summaries(world, seconds=20)
        world.backend.fail(UID, Role.ACTOR, None)
        world.backend.tick(UID)
        told += summaries(world, seconds=20)
    begun = next(index for index, each in enumerate(told) if "Degraded" in (each or ""))
    assert {(each or "")[:9] for each in told[begun:]} == {"Degraded:"}
    assert [each.reason for each in world.events].count("Problem") == 1


def test_one_crash_is_over_when_the_member_serves() -> None:
    """It has not stayed, so no one has to come."""
    world = running()
    world.backend.fail(UID, Role.ACTOR, OUT_OF_MEMORY)
    list(summaries(world, seconds=6))
    world.backend.fail(UID, Role.ACTOR, None)
    world.backend.tick(UID)
    assert "Degraded" not in " ".join(each or "" for each in summaries(world, seconds=90))


def test_a_run_that_trains_does_not_start_again_after_an_outage() -> None:
    """For some seconds no pod is ready and Redis has no endpoint: the roles serve all the same."""
    world = running()
    roles = {
        role: replace(there, members=tuple(replace(each, ready=False) for each in there.members))
        for role, there in world.backend.roles(UID).items()
    }
    away = Observed(roles, None)
    for seconds, told in ((4, "Training"), (40, "Starting: waiting for")):
        decision = decide(world.run, away, world.settings, world.memory, now=world.now + seconds)
        world.memory = decision.memory
        world.run = world.run.model_copy(update={"status": decision.status})
        assert (decision.status.summary or "").startswith(told)


def test_a_run_that_nobody_looked_at_for_hours_is_not_degraded_when_it_starts_again() -> None:
    """As on a laptop, where its process ended and a new one goes on: the learner is starting, which
    is no news; if it is still missing minutes later, that is."""
    world = running()
    world.backend.fail(UID, Role.LEARNER, Problem("x", "y"))
    world.backend.fail(UID, Role.LEARNER, None)
    look(world)
    world.memory = Memory()
    world.now += 7200
    world.events.clear()
    status = look(world).status
    assert status.condition(ConditionType.DEGRADED).is_true is False  # type: ignore[union-attr]
    assert [each for each in world.events if each.warning] == []
    learner = status.condition(ConditionType.LEARNER_AVAILABLE)
    assert learner is not None
    assert learner.message == "learner starting (0 of 1)"
    world.now += 301
    assert look(world).status.summary == (
        "Degraded: learner starting (0 of 1), for more than 5 minutes"
    )


def test_a_limit_is_told_when_it_has_stood_and_so_is_its_end() -> None:
    """What flips at every reconcile changes nothing; what stands for a minute does."""
    memory = LimitMemory()
    told: list[Limit | None] = []
    flips = [Limit.AT_MAX if index % 2 else Limit.NONE for index in range(60)]
    for index, limit in enumerate([*flips, *[Limit.AT_MAX] * 40, *flips, *[Limit.NONE] * 40]):
        memory = track_limit(memory, limit, now=2.0 * index)
        if not told or told[-1] is not memory.limit:
            told.append(memory.limit)
    assert told == [None, Limit.AT_MAX, Limit.NONE]


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [(Limit.AT_MIN, STANDS_SECONDS), (Limit.METRIC_UNAVAILABLE, UNKNOWN_SECONDS)],
)
def test_a_rate_may_be_unknown_for_longer(limit: Limit, seconds: float) -> None:
    """It is, after each start."""
    memory = track_limit(LimitMemory(), limit, now=0.0)
    assert track_limit(memory, limit, now=seconds - 1).limit is None
    assert track_limit(memory, limit, now=seconds).limit is limit


def test_a_number_that_is_fixed_is_never_limited() -> None:
    """Who writes the same number twice knows that it does not move."""
    world = running(daemon={"autoscaling": {"minReplicas": 2, "maxReplicas": 2}})
    for _ in range(60):
        world.step()
    limited = world.run.status.condition(ConditionType.SCALING_LIMITED)
    assert limited is not None
    assert not limited.is_true
    assert "both 2" in limited.message
    assert not [each for each in world.events if each.reason == "ScalingLimited"]


def test_a_held_number_says_what_runs_what_would_do_and_why_not() -> None:
    """In this order, with the bound that is in the way."""
    inputs = ScaleInputs(0.0, 1, 8, 0, 16384, 240.0, 60.0, 0.0, 0.5)
    decision = scale(
        Autoscaling(min_replicas=1, max_replicas=2), inputs, ScaleMemory(), replicas=1, now=0.0
    )
    assert decision.reason == (
        "1 daemon running; 6 would keep the learner busy (held by the scale-up window; max is 2)"
    )


def ended(games: int = 40) -> SimulatedRun:
    """A run that is over, and has been reconciled since."""
    world = running(games=games)
    world.until(lambda run: run.run.status.finished_at is not None)
    world.settle()
    return world


def test_after_the_end_no_daemon_is_counted() -> None:
    """Its Deployment is gone, and so is the number that it was asked for."""
    status = ended().run.status
    daemons = status.role("daemon")
    assert daemons is not None
    assert (daemons.display, daemons.desired, daemons.ready) == ("0/0", 0, 0)


def test_a_target_that_is_raised_after_the_end_is_refused_and_said_once() -> None:
    """The run is over; what to do instead stands in a condition and in one event."""
    world = ended()
    before = world.run.status
    world.events.clear()
    world.change(games=5000)
    for _ in range(5):
        assert world.step().actions == ()
    after = world.run.status
    progressing = after.condition(ConditionType.PROGRESSING)
    assert progressing is not None
    assert (progressing.is_true, progressing.reason) == (False, "RunOver")
    assert "create another TrainingRun" in progressing.message
    assert after.summary == before.summary
    assert after.observed_generation == before.observed_generation + 1
    assert [each.reason for each in world.events] == ["InvalidSpec"]


def test_a_claim_that_is_made_again_is_said() -> None:
    """What it held is lost, which no one should find out from a counter."""
    world = running()
    roles = dict(world.backend.roles(UID))
    roles[Role.REDIS] = replace(roles[Role.REDIS], intact=False, storage_lost=True)
    observed = Observed(roles, world.observed().signals)
    decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
    assert any(isinstance(each, Apply) for each in decision.actions)
    (event,) = (each for each in decision.events if each.reason == "StorageLost")
    assert event.warning
    assert "redis" in event.message
