"""How many inference servers a run has, from how long searches wait for them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.reports import InferenceReport
from trainingrun_reconciler.desired.waits import (
    DOWN_SECONDS,
    UP_SECONDS,
    WaitDecision,
    WaitMemory,
    number,
)
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.alpha_zero import SERVED
from testkit.operator.simulated_run import UID, SimulatedRun, running

NOW = 1_000_000.0
IDLE: dict[str, Any] = {"wait_seconds_p95": None, "batch_seconds": None, "fill": None}
SLOW: dict[str, Any] = {"wait_seconds_p95": 0.05, "batch_seconds": 0.01, "fill": 1.0}
BUSY: dict[str, Any] = {"wait_seconds_p95": 0.012, "batch_seconds": 0.01, "fill": 0.9}
EASY: dict[str, Any] = {"wait_seconds_p95": 0.002, "batch_seconds": 0.01, "fill": 0.2}


def report(index: int = 0, **figures: Any) -> InferenceReport:
    """What a server says."""
    known = InferenceReport(
        member=f"inference-{index}",
        at=NOW,
        address=f"10.0.0.{index}:17172",
        publish=1,
        version=1,
        positions=100,
        connections=1,
        device="cpu",
        machine="box",
    )
    return msgspec.structs.replace(known, **figures)


def decided(
    figures: list[dict[str, Any]], *, replicas: int, seconds: float, least: int = 1, most: int = 4
) -> WaitDecision:
    """The decision after the same reports for a time."""
    reports = [report(index, **each) for index, each in enumerate(figures)]
    memory = WaitMemory()
    at = NOW
    while True:
        found = number(reports, memory, replicas=replicas, least=least, most=most, now=at)
        if found.replicas != replicas or at - NOW >= seconds:
            return found
        memory, at = found.memory, at + 2.0


def test_one_more_is_added_once_searches_have_waited_for_a_while() -> None:
    """Longer than two batches, without a break, and one at a time."""
    assert decided([SLOW], replicas=1, seconds=UP_SECONDS - 4).replicas == 1
    found = decided([SLOW], replicas=1, seconds=UP_SECONDS)
    assert found.replicas == 2
    assert found.reason == "searches wait for 5.0 batches (95th percentile)"
    assert found.memory == WaitMemory()


def test_a_server_that_is_slow_counts_however_easy_the_others_have_it() -> None:
    """Clients of it wait all the same."""
    assert decided([EASY, SLOW], replicas=2, seconds=UP_SECONDS).replicas == 3


@pytest.mark.parametrize("figures", [[EASY, EASY], [IDLE, IDLE]])
def test_one_goes_where_the_rest_would_do(figures: list[dict[str, Any]]) -> None:
    """After ten times as long as one is added."""
    assert decided(figures, replicas=2, seconds=DOWN_SECONDS - 4).replicas == 2
    assert decided(figures, replicas=2, seconds=DOWN_SECONDS).replicas == 1


@pytest.mark.parametrize("figures", [[BUSY, BUSY], [{**EASY, "fill": 0.5}] * 2])
def test_a_number_that_is_right_stays(figures: list[dict[str, Any]]) -> None:
    """Nobody waits long, and one less would have full batches."""
    assert decided(figures, replicas=2, seconds=2 * DOWN_SECONDS).replicas == 2


def test_a_break_begins_the_window_anew() -> None:
    """A short burst of requests adds no server."""
    memory = number([report(**SLOW)], WaitMemory(), replicas=1, least=1, most=4, now=NOW).memory
    assert memory == WaitMemory(2, NOW)
    again = number([report(**BUSY)], memory, replicas=1, least=1, most=4, now=NOW + 20)
    assert again.memory == WaitMemory()


def test_servers_that_start_are_waited_for() -> None:
    """What the others say does not count before all report."""
    found = decided([SLOW], replicas=2, seconds=2 * DOWN_SECONDS)
    assert found.replicas == 2
    assert found.reason == "1 of 2 servers report"


FIGURES = st.sampled_from([IDLE, SLOW, BUSY, EASY])


@given(
    figures=st.lists(FIGURES, max_size=6),
    replicas=st.integers(0, 10),
    bounds=st.tuples(st.integers(1, 5), st.integers(0, 5)),
    since=st.floats(0, 1000),
    wanted=st.integers(0, 10),
)
def test_no_number_leaves_the_bounds(
    figures: list[dict[str, Any]],
    replicas: int,
    bounds: tuple[int, int],
    since: float,
    wanted: int,
) -> None:
    """And from within them it moves by one at most."""
    least, most = bounds[0], sum(bounds)
    reports = [report(index, **each) for index, each in enumerate(figures)]
    memory = WaitMemory(wanted, NOW - since)
    found = number(reports, memory, replicas=replicas, least=least, most=most, now=NOW)
    assert least <= found.replicas <= most
    if least <= replicas <= most:
        assert abs(found.replicas - replicas) <= 1


def served() -> SimulatedRun:
    """A run with up to three servers."""
    return running(**SERVED | {"inference": {"maxReplicas": 3}}, games=1_000_000)


def reporting(world: SimulatedRun, figures: dict[str, Any]) -> SimulatedRun:
    """All servers that are there say the same."""
    count = world.backend.roles(UID)[Role.INFERENCE].replicas
    world.servers = tuple(report(index, **figures) for index in range(count))
    return world


def test_a_run_grows_and_shrinks_and_says_why() -> None:
    """Within its bounds; the status counts them, and events name the reason."""
    world = served()
    for _ in range(60):
        reporting(world, SLOW).step()
    assert world.ready(Role.INFERENCE) == 3
    counted = world.run.status.role("inference")
    assert counted is not None
    assert counted.display == "3/3"
    grown = [each.message for each in world.events if each.reason == "ScaledUp"]
    assert grown[0].startswith("inference servers from 1 to 2: searches wait for 5.0 batches")
    for _ in range(400):
        reporting(world, IDLE).step()
    assert world.ready(Role.INFERENCE) == 1
    assert "ScaledDown" in [each.reason for each in world.events]


def test_an_operator_that_starts_anew_keeps_the_number() -> None:
    """Its windows begin anew, and nothing changes meanwhile."""
    world = served()
    for _ in range(60):
        reporting(world, SLOW).step()
    for _ in range(20):
        reporting(world, IDLE).step(forget=True)
    assert world.backend.roles(UID)[Role.INFERENCE].replicas == 3


def test_while_redis_is_away_the_number_stays() -> None:
    """Nothing is known of the waits."""
    world = served()
    for _ in range(60):
        reporting(world, SLOW).step()
    world.reachable = False
    for _ in range(400):
        world.step()
    assert world.backend.roles(UID)[Role.INFERENCE].replicas == 3


def test_bounds_that_change_hold_at_once() -> None:
    """No window is waited for."""
    world = served()
    inference = world.run.spec.inference
    assert inference is not None
    world.change(inference=inference.model_copy(update={"min_replicas": 2}))
    world.step()
    assert world.backend.roles(UID)[Role.INFERENCE].replicas == 2
