"""The autoscaling law feeds the learner, buys no more, and holds when it does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scaling_trace import Trace, World
from trainingrun_contracts.api.spec import Autoscaling, ScaleDown, ScaleUp
from trainingrun_operator.desired.scale import (
    Limit,
    ScaleDecision,
    ScaleInputs,
    ScaleMemory,
    scale,
)

SPEC = Autoscaling(min_replicas=1, max_replicas=160)
INPUTS = ScaleInputs(
    at=0.0,
    replicas=10,
    slots=8,
    queued=4096,
    high_water=16384,
    capacity=600.0,
    produced_per_daemon=60.0,
    paused=0.0,
)


def _after(seconds: int, inputs: ScaleInputs | None, spec: Autoscaling = SPEC) -> ScaleDecision:
    """The decision after the same inputs held for so long."""
    memory, replicas = ScaleMemory(), inputs.replicas if inputs else 10
    decision = scale(spec, inputs, memory, replicas=replicas, now=0.0)
    for now in range(5, seconds + 1, 5):
        fresh = replace(inputs, at=float(now)) if inputs is not None else None
        decision = scale(spec, fresh, decision.memory, replicas=replicas, now=float(now))
    return decision


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        replace(INPUTS, capacity=None),
        replace(INPUTS, paused=None),
        replace(INPUTS, at=-16.0),
    ],
)
def test_what_is_not_known_holds_the_number(inputs: ScaleInputs | None) -> None:
    """A missing or old figure changes nothing, never to zero, and the reason says what."""
    decision = scale(SPEC, inputs, ScaleMemory(), replicas=10, now=0.0)
    assert decision.replicas == 10
    assert decision.limited_by is Limit.METRIC_UNAVAILABLE
    assert decision.reason.startswith("hold: ")


def test_a_match_within_the_tolerance_is_left_alone() -> None:
    """Production five per cent over the learner's capacity is what is wanted."""
    assert _after(600, INPUTS).replicas == 10


def test_more_are_added_after_the_up_window_only() -> None:
    """A spike shorter than scaleUp.windowSeconds adds nothing."""
    hungry = replace(INPUTS, capacity=1200.0)
    assert _after(10, hungry).replicas == 10
    assert _after(20, hungry).replicas > 10


def test_a_long_queue_does_not_add_daemons() -> None:
    """Depth has the right sign: more queued means fewer daemons wanted."""
    assert _after(600, replace(INPUTS, queued=16384)).replicas < 10


def test_paused_actors_never_add_daemons() -> None:
    """Under back-pressure the learner is the limit, whatever production seems to be."""
    paused = replace(INPUTS, capacity=2000.0, paused=0.06)
    assert _after(60, paused).replicas == 10


def test_fewer_are_kept_after_the_down_window_and_by_a_tenth() -> None:
    """A learner that became slow gives daemons back late and slowly."""
    slow = replace(INPUTS, capacity=100.0)
    assert _after(295, slow).replicas == 10
    assert _after(310, slow).replicas == 9


def test_the_bounds_hold_and_are_named() -> None:
    """More than maxReplicas are never asked for, and the limit that bit is told."""
    spec = SPEC.model_copy(update={"max_replicas": 12})
    decision = _after(60, replace(INPUTS, capacity=5000.0), spec)
    assert decision.replicas == 12
    assert decision.limited_by is Limit.AT_MAX


def test_an_unmeasured_daemon_counts_with_a_prior() -> None:
    """Before production is measured, a daemon is taken for what its slots give."""
    decision = _after(60, replace(INPUTS, produced_per_daemon=None))
    assert decision.replicas > 10


@given(
    data=st.lists(
        st.tuples(
            st.none() | st.floats(0.1, 1e6),
            st.none() | st.floats(0.1, 1e4),
            st.none() | st.floats(0, 1),
            st.integers(0, 100_000),
        ),
        min_size=1,
        max_size=80,
    ),
    start=st.integers(2, 30),
)
def test_no_figures_break_a_bound_or_a_step(
    data: list[tuple[float | None, float | None, float | None, int]], start: int
) -> None:
    """Whatever is measured: within [min, max], and never more than double (or + 4) in 15 s."""
    spec = Autoscaling(min_replicas=2, max_replicas=30, scale_up=ScaleUp(), scale_down=ScaleDown())
    memory, replicas, history = ScaleMemory(), start, [start]
    for index, (capacity, produced, paused, queued) in enumerate(data):
        now = index * 5.0
        inputs = ScaleInputs(now, replicas, 8, queued, 16384, capacity, produced, paused)
        decision = scale(spec, inputs, memory, replicas=replicas, now=now)
        memory, replicas = decision.memory, decision.replicas
        assert 2 <= replicas <= 30
        lowest = min(history[-3:])
        assert replicas <= max(2 * lowest, lowest + 4)
        history.append(replicas)


def test_a_steady_learner_is_fed_at_nearly_the_ideal_cost() -> None:
    """Two hours: starved only during the climb, daemon-hours within 10 % of the ideal."""
    trace = Trace(World(), SPEC).run(7200)
    assert trace.starved < 260
    assert -0.05 < trace.extra_cost < 0.10
    numbers = {decision.replicas for decision in trace.decisions[-360:]}
    assert max(numbers) - min(numbers) <= 4


def test_a_learner_that_halves_gives_daemons_back() -> None:
    """After the learner's capacity halves at one hour, so does the number of daemons."""
    trace = Trace(World(learner=lambda now: 1500.0 if now < 3600 else 750.0), SPEC).run(7200)
    assert 12 <= trace.replicas <= 15
    assert trace.starved < 260


def test_a_learner_that_doubles_is_fed_again_soon() -> None:
    """After the capacity doubles, the number of daemons follows."""
    trace = Trace(World(learner=lambda now: 1500.0 if now < 3600 else 3000.0), SPEC).run(7200)
    assert 48 <= trace.replicas <= 56
    assert trace.starved < 420


def test_a_restarting_learner_holds_the_daemons() -> None:
    """While the learner is away, and just after, the number of daemons does not move."""
    away = range(3600, 3690)
    world = World(
        learner=lambda now: 0.0 if now in away else 1500.0,
        epoch=lambda now: 1 if now < 3690 else 2,
    )
    trace = Trace(world, SPEC).run(3600)
    before = trace.replicas
    trace.run(100)
    assert {decision.replicas for decision in trace.decisions[-19:]} == {before}
    trace.run(3500)
    assert abs(trace.replicas - before) <= 3


def test_a_gap_in_the_metrics_holds_the_daemons() -> None:
    """Ten minutes without a report from the learner change nothing."""
    world = World(reports=lambda now: not 3600 <= now < 4200)
    trace = Trace(world, SPEC).run(3600)
    before = trace.replicas
    trace.run(600)
    assert trace.replicas == before
    assert trace.decisions[-1].limited_by is Limit.METRIC_UNAVAILABLE


def test_slower_games_get_more_daemons() -> None:
    """When games slow down to half, the daemons double."""
    trace = Trace(World(daemon=lambda now: 60.0 if now < 3600 else 30.0), SPEC).run(7200)
    assert 48 <= trace.replicas <= 58
