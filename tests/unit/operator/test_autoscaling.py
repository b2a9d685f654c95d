"""The autoscaling law feeds the learner, buys no daemon beside, and holds when it does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_api.spec import Autoscaling
from trainingrun_reconciler.desired.scale import (
    Limit,
    ScaleDecision,
    ScaleInputs,
    ScaleMemory,
    scale,
)

from benchmarks.autoscaler.compare import Scaled
from benchmarks.autoscaler.laws import Ideal, Ours
from benchmarks.autoscaler.traces import traces

SPEC = Autoscaling(min_replicas=1, max_replicas=160)
INPUTS = ScaleInputs(
    at=0.0,
    replicas=10,
    slots=8,
    queued=12288,
    high_water=16384,
    capacity=580.0,
    produced_per_daemon=60.0,
    paused=0.0,
    busy=1.0,
)


def _after(seconds: int, inputs: ScaleInputs | None, spec: Autoscaling = SPEC) -> ScaleDecision:
    """The decision after the same inputs held for this long."""
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
    assert decision.reason.startswith("10 daemons running, and the number is kept: ")


def test_a_match_within_the_tolerance_is_left_alone() -> None:
    """Production a little over the learner's capacity is what is wanted."""
    assert _after(600, INPUTS).replicas == 10
    assert _after(600, replace(INPUTS, capacity=620.0)).replicas == 10
    assert _after(600, replace(INPUTS, capacity=550.0)).replicas == 10


def test_a_deviation_that_is_felt_is_not_left_alone() -> None:
    """Within the tolerance too: a learner that waits gets more, actors that pause get fewer."""
    assert _after(60, replace(INPUTS, capacity=620.0, busy=0.9)).replicas == 11
    assert _after(600, replace(INPUTS, capacity=530.0, paused=0.1)).replicas == 9


def test_a_learner_without_a_first_batch_gets_as_many_as_fill_it_in_time() -> None:
    """8,192 transitions within 20 s, of daemons that give 8 times 5 a second."""
    first = replace(INPUTS, queued=0, capacity=None, produced_per_daemon=None, busy=0.0)
    decision = _after(60, first)
    assert decision.replicas == 11
    assert "first batch" in decision.reason
    assert _after(60, replace(first, busy=None)).replicas == 10
    assert _after(600, replace(first, produced_per_daemon=300.0)).replicas == 10


def test_more_are_added_after_the_up_window_only() -> None:
    """A spike shorter than scaleUp.stabilizationWindowSeconds adds nothing."""
    hungry = replace(INPUTS, capacity=1200.0)
    assert _after(10, hungry).replicas == 10
    assert _after(20, hungry).replicas > 10


def test_a_long_queue_does_not_add_daemons() -> None:
    """Depth has the right sign: more queued means fewer daemons wanted."""
    assert _after(600, replace(INPUTS, queued=32768)).replicas < 10


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
    """More than maxReplicas are never asked for, and the limit that held is reported."""
    spec = SPEC.model_copy(update={"max_replicas": 12})
    decision = _after(60, replace(INPUTS, capacity=5000.0), spec)
    assert decision.replicas == 12
    assert decision.limited_by is Limit.AT_MAX


def test_an_unmeasured_daemon_counts_with_a_prior() -> None:
    """Before production is measured, a daemon is taken for what its slots give."""
    decision = _after(60, replace(INPUTS, produced_per_daemon=None))
    assert decision.replicas > 10


@given(
    low=st.floats(0, 1e5),
    more=st.floats(0, 1e5),
    produced=st.floats(0.1, 1e4),
    paused=st.floats(0, 1),
    busy=st.floats(0, 1),
    queued=st.integers(0, 100_000),
    replicas=st.integers(1, 160),
)
def test_a_faster_learner_never_wants_fewer(
    low: float,
    more: float,
    produced: float,
    paused: float,
    busy: float,
    queued: int,
    replicas: int,
) -> None:
    """Wanted rises with the capacity, all else equal; paused actors never want more than there
    are."""
    slow = ScaleInputs(0.0, replicas, 8, queued, 16384, low, produced, paused, busy)
    quick = replace(slow, capacity=low + more)
    wanted = [
        scale(SPEC, each, ScaleMemory(), replicas=replicas, now=0.0).wanted
        for each in (slow, quick)
    ]
    assert wanted[0] is not None
    assert wanted[1] is not None
    assert wanted[0] <= wanted[1]
    assert paused <= 0.05 or wanted[1] <= replicas


@given(
    capacity=st.none() | st.floats(0, 1e5),
    paused=st.none() | st.floats(0, 1),
    busy=st.none() | st.floats(0.04, 1),
    at=st.floats(-1000, 0),
    replicas=st.integers(1, 160),
)
def test_nothing_missing_moves_the_number(
    capacity: float | None,
    paused: float | None,
    busy: float | None,
    at: float,
    replicas: int,
) -> None:
    """Whatever is missing or old, what there is is held; and it is said what is missing."""
    inputs = ScaleInputs(at, replicas, 8, 0, 16384, capacity, 60.0, paused, busy)
    decision = scale(SPEC, inputs, ScaleMemory(), replicas=replicas, now=0.0)
    if capacity is None or paused is None or at < -15:
        assert decision.replicas == replicas
        assert decision.limited_by is Limit.METRIC_UNAVAILABLE
        assert decision.wanted is None


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
    spec = Autoscaling(min_replicas=2, max_replicas=30)
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


def _figures(name: str, seconds: int = 7200) -> tuple[Scaled, Scaled]:
    """Our law and the ideal, on the trace of this name."""
    trace = next(each for each in traces() if each.name == name)
    ours, ideal = (Scaled(trace, law, seed=1) for law in (Ours(SPEC), Ideal(trace, SPEC)))
    ours.run(seconds)
    ideal.run(seconds)
    return ours, ideal


@pytest.mark.parametrize("name", ["learner halves", "slow games"])
def test_a_trace_is_fed_at_nearly_the_ideal_cost(name: str) -> None:
    """Two hours: starved at most 3 % of the time, daemon-hours at most 5 % over the ideal."""
    ours, ideal = (each.world.figures for each in _figures(name))
    assert ours.starved / ours.active <= 0.03
    assert ours.paid / ideal.paid <= 1.05
    assert ours.killed_games == 0


def test_a_restarting_learner_holds_the_daemons() -> None:
    """While the learner is away, and just after, the number of daemons does not move."""
    trace = next(each for each in traces() if each.name == "learner restarts")
    scaled = Scaled(trace, Ours(SPEC), seed=1)
    before = scaled.run(3600).replicas
    for _ in range(9):
        assert scaled.run(10).replicas == before
    assert abs(scaled.run(1500).replicas - before) <= 3


def test_a_silence_holds_the_daemons() -> None:
    """Ten minutes without Redis, and ten without the learner's report, change nothing."""
    trace = next(each for each in traces() if each.name == "metric outage")
    law = Ours(SPEC)
    scaled = Scaled(trace, law, seed=1)
    for begin in (2400, 4800):
        before = scaled.run(begin - scaled.world.now).replicas
        events = scaled.world.figures.events
        scaled.run(590)
        assert (scaled.world.replicas, scaled.world.figures.events) == (before, events)
        assert law.decisions[-1].limited_by is Limit.METRIC_UNAVAILABLE
