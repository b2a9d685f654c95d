"""Runs that the operator ends or stops by itself: strong enough, idle, or out of money."""

from __future__ import annotations

import pytest
from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.limits import Cost
from trainingrun_api.requests import WAKE
from trainingrun_reconciler.desired.actions import Remove
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.simulated_run import (
    UID,
    SimulatedRun,
    completed,
    evaluation_of,
    holds,
    running,
)

PRICES = {"daemonHourly": 1.0, "actorHourly": 0.5, "learnerHourly": 2.0}
TWO_DAEMONS = {"gamesPerDaemon": 4, "autoscaling": {"minReplicas": 2, "maxReplicas": 2}}


def _condition(world: SimulatedRun, kind: ConditionType) -> tuple[ConditionStatus, str]:
    found = world.run.status.condition(kind)
    assert found is not None, f"no condition {kind}"
    return found.status, found.reason


def _evaluated(world: SimulatedRun, *, low: float, opponent: str = "random") -> None:
    """The evaluator reports a result."""
    world.evaluations.append(evaluation_of(world, low=low, opponent=opponent))


def _spent(world: SimulatedRun) -> float:
    assert world.run.status.cost is not None
    return world.run.status.cost.spent


# -- strong enough -----------------------------------------------------------------------------


def test_a_run_is_complete_when_its_win_rate_is_reached() -> None:
    """The lower bound of the newest evaluation counts; the run drains, flushes and succeeds."""
    world = running(games=100_000, stopWhen={"winRate": 0.85})
    _evaluated(world, low=0.83)
    world.step()
    assert world.run.status.stop is None
    _evaluated(world, low=0.86)
    world.until(completed)
    assert _condition(world, ConditionType.COMPLETE) == (
        ConditionStatus.TRUE,
        Reason.WIN_RATE_REACHED,
    )
    assert world.queued == 0
    told = [event.reason for event in world.events]
    assert told.count("WinRateReached") == 1
    assert told[-1] == "Completed"


def test_only_the_named_opponent_and_enough_games_count() -> None:
    """A win rate against somebody else, or before minGames, completes nothing."""
    goal = {"winRate": 0.85, "opponent": "aggressive", "minGames": 50_000}
    world = running(games=100_000, stopWhen=goal)
    _evaluated(world, low=0.9)
    _evaluated(world, low=0.9, opponent="aggressive")
    world.step()
    assert world.run.status.stop is None
    world.played = 50_000
    _evaluated(world, low=0.9, opponent="aggressive")
    world.step()
    assert world.run.status.stop is not None


def test_a_weaker_evaluation_on_the_way_does_not_turn_it_back() -> None:
    """What was decided stands, though the final weights are evaluated at 0.83."""
    world = running(games=100_000, stopWhen={"winRate": 0.85})
    _evaluated(world, low=0.9)
    world.step()
    _evaluated(world, low=0.5)
    world.until(completed)
    assert _condition(world, ConditionType.COMPLETE)[1] == Reason.WIN_RATE_REACHED


# -- idle --------------------------------------------------------------------------------------


def _stuck() -> SimulatedRun:
    """A run whose games never end, for just under five minutes."""
    world = running(games=100_000, idleShutdownSeconds=300)
    world.stuck_games = True
    for _ in range(140):
        world.step()
    assert world.run.status.stop is None
    return world


def test_an_idle_run_is_saved_and_stopped_and_says_why() -> None:
    """After this many minutes without a game or an update its roles go as by suspend."""
    world = _stuck()
    world.until(holds(ConditionType.SUSPENDED))
    assert _condition(world, ConditionType.SUSPENDED)[1] == Reason.IDLE
    assert "300 s" in (world.run.status.summary or "")
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}
    assert world.look().actions == ()
    warned = [event for event in world.events if event.reason == "IdleShutdown"]
    assert [event.warning for event in warned] == [True]


@pytest.mark.parametrize("by", ["spec", "annotation"])
def test_an_idle_run_goes_on_when_it_is_told(by: str) -> None:
    """Any change of the spec, or of the annotation, brings the roles back."""
    world = _stuck()
    world.until(holds(ConditionType.SUSPENDED))
    world.stuck_games = False
    before = world.played
    if by == "spec":
        world.change(games=200_000)
    else:
        metadata = world.run.metadata.model_copy(update={"annotations": {WAKE: "now"}})
        world.run = world.run.model_copy(update={"metadata": metadata})
    world.until(lambda each: each.played > before)
    assert world.run.status.stop is None
    assert "Resumed" in [event.reason for event in world.events]


def test_the_idle_time_outlives_the_operator() -> None:
    """An operator that restarts at every reconcile finds the last progress in the status."""
    world = running(games=100_000, idleShutdownSeconds=300)
    world.stuck_games = True
    begin = world.now
    while world.run.status.stop is None:
        world.step(forget=True)
        assert world.now - begin < 330
    assert world.now - begin >= 295


def test_a_learner_that_never_ends_does_not_keep_an_idle_run_alive() -> None:
    """What cannot be flushed stays in Redis, and the members go all the same."""
    world = _stuck()
    world.learner_hangs = True
    world.until(holds(ConditionType.SUSPENDED), steps=900)
    world.settle()
    assert set(world.backend.roles(UID)) == {Role.REDIS}


def test_an_idle_run_without_redis_stops_too() -> None:
    """Nothing can be read or written, so after the deadline the members go."""
    world = _stuck()
    world.reachable = False
    world.until(holds(ConditionType.SUSPENDED), steps=900)
    world.settle()
    assert set(world.backend.roles(UID)) == {Role.REDIS}


def test_a_run_that_plays_is_not_idle() -> None:
    """Ten minutes of games stop nothing."""
    world = running(games=100_000, idleShutdownSeconds=300)
    for _ in range(300):
        world.step()
    assert world.run.status.stop is None


# -- money -------------------------------------------------------------------------------------


def test_the_costs_are_members_times_prices_times_hours() -> None:
    """2 daemons, 1 actor, 1 evaluator and 1 learner cost 5 an hour; half an hour costs 2.50."""
    world = running(games=1_000_000, daemon=TWO_DAEMONS, cost=PRICES)
    assert world.run.status.cost is not None
    assert world.run.status.cost.hourly == pytest.approx(5.0)
    before, begin = _spent(world), world.now
    for _ in range(900):
        world.step()
    assert _spent(world) - before == pytest.approx(5.0 * (world.now - begin) / 3600, abs=0.02)
    cost = world.run.status.cost
    assert cost.display == f"{cost.spent:.2f} USD"
    assert cost.projected_total is not None
    assert cost.projected_total > cost.spent


def test_the_sum_outlives_the_operator() -> None:
    """An operator that restarts at every reconcile counts the same."""
    lasting, dying = (running(games=1_000_000, daemon=TWO_DAEMONS, cost=PRICES) for _ in range(2))
    for _ in range(100):
        lasting.step()
        dying.step(forget=True)
    assert _spent(dying) == pytest.approx(_spent(lasting))


def test_over_a_gap_only_what_was_there_on_both_sides_is_counted() -> None:
    """An hour without operator in which the learner went costs the rest alone."""
    world = running(games=1_000_000, daemon=TWO_DAEMONS, cost=PRICES)
    world.step()
    before = _spent(world)
    world.now += 3600
    world.backend.act(UID, Remove(Role.LEARNER))
    status = world.look().status
    assert status.cost is not None
    assert status.cost.spent - before == pytest.approx(3.0, abs=0.03)


def test_without_prices_there_are_no_costs() -> None:
    """Unknown is absent."""
    assert running().run.status.cost is None


def test_a_spent_budget_stops_the_run_until_it_is_raised() -> None:
    """The run is saved and stopped; a raised budget lets it continue and is spent further."""
    prices = {**PRICES, "budget": 0.05}
    world = running(games=1_000_000, daemon=TWO_DAEMONS, cost=prices)
    world.until(holds(ConditionType.SUSPENDED))
    world.settle()
    assert _condition(world, ConditionType.SUSPENDED)[1] == Reason.BUDGET_EXHAUSTED
    assert 0.05 <= _spent(world) < 0.1
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}
    at_rest = world.run.status
    for _ in range(5):
        world.step()
    assert world.run.status == at_rest
    world.change(games=2_000_000)
    world.step()
    assert world.run.status.stop is not None
    before = world.played
    world.change(cost=Cost.model_validate({**PRICES, "budget": 1000.0}))
    world.until(lambda each: each.played > before)
    assert world.run.status.stop is None
    assert _spent(world) >= 0.05


def test_a_stopped_run_does_not_fail_by_its_deadline() -> None:
    """activeDeadlineSeconds does not count for a run that rests, as with suspend."""
    world = running(
        games=1_000_000,
        daemon=TWO_DAEMONS,
        cost={**PRICES, "budget": 0.05},
        activeDeadlineSeconds=600,
    )
    world.until(holds(ConditionType.SUSPENDED))
    world.now += 1000
    world.step()
    assert _condition(world, ConditionType.COMPLETE)[0] is ConditionStatus.FALSE
