"""Machines: how many daemons one holds, and how many machines a fleet needs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.fleet import Fleet, daemons_on, fleet_of, machines_for
from trainingrun.estimate.limits import limits_of
from trainingrun.estimate.needs import Size, needs_of
from trainingrun.estimate.prices import Machine

from testkit.operator.pod_templates import asked_of
from testkit.planning.questions import RATE, run_of


def machine(vcpus: float, gib: float) -> Machine:
    """A machine without a price."""
    return Machine(vcpus=vcpus, memory_gib=gib, on_demand=0.0)


@pytest.mark.parametrize(
    ("vcpus", "gib", "size", "daemons"),
    [
        (16, 32, Size(1, 2), 14),
        (16, 32, Size(1, 4), 7),  # a heap of 4 GiB does not fit fourteen times
        (16, 32, Size(1, 5), 6),  # our heap of 4Gi and a quarter more
        (16, 32, Size(2, 2), 7),
        (2, 32, Size(1, 1), 0),
        (4, 2, Size(1, 1), 0),
    ],
)
def test_daemons_on_a_machine(vcpus: float, gib: float, size: Size, daemons: int) -> None:
    """Expect cores and memory to bound them, whichever is less."""
    assert daemons_on(machine(vcpus, gib), size) == daemons


def test_actors_take_what_is_left_before_they_get_machines() -> None:
    """Expect the last machine's free cores, and one of the two reserved ones, to be used."""
    needs = needs_of(run_of())

    def actors(daemons: int, cores: float) -> int:
        fleet = Fleet(daemons, 1, cores, 1.0, "engine")
        return machines_for(fleet, needs, machine(16, 32), "m", 14).for_actors

    assert actors(14, 1.0) == 0
    assert actors(14, 1.1) == 1
    assert actors(1, 14.0) == 0
    assert actors(28, 2 + 14.1) == 2


def test_a_machine_that_holds_no_daemon_is_refused() -> None:
    """Expect what it has, what a daemon needs, and the remedy."""
    fleet = Fleet(1, 1, 0.1, 1.0, "engine")
    with pytest.raises(PlanError, match=r"tiny: 2 vCPUs and 4 GiB hold no.*--daemon-m"):
        machines_for(fleet, needs_of(run_of()), machine(2, 4), "tiny", 0)


@given(daemons=st.integers(1, 2_000), each=st.integers(1, 62), cores=st.floats(0, 500))
def test_machines_hold_everything(daemons: int, each: int, cores: float) -> None:
    """Expect room for all daemons and actors, and no machine too many."""
    needs, holder = needs_of(run_of()), machine(64, 256)
    made = machines_for(Fleet(daemons, 1, cores, 1.0, "engine"), needs, holder, "m", each)
    assert made.for_daemons == math.ceil(daemons / each)
    room = made.for_daemons * 63 - daemons + made.for_actors * 62
    assert room >= cores - 1e-9
    if made.for_actors:
        assert room - 62 < cores


def test_a_fleet_is_bounded_by_the_spec() -> None:
    """Expect minReplicas where fewer would do, and maxReplicas where more would be fed."""
    bounds = {"minReplicas": 5, "maxReplicas": 7}
    needs = needs_of(run_of({"daemon": {"autoscaling": bounds}}))

    def daemons(learner: float) -> int:
        limits = limits_of(needs, RATE, given=learner)
        return fleet_of(needs, RATE, limits, each=3_600).daemons

    assert daemons(250) == 5
    assert daemons(6 * 250) == 6
    assert daemons(100 * 250) == 7


def test_needs_follow_the_spec() -> None:
    """Expect a Forge daemon's heap and a quarter, named cores, and the actors of the slots."""
    forged = asked_of("daemon", image="forge")
    forge = needs_of(run_of({"daemon": {"template": forged, "jvm": {"heap": "4Gi"}}}))
    assert forge.daemon.gib == pytest.approx(5.0)
    sized = {"requests": {"cpu": "1500m", "memory": "3Gi"}}
    asked = needs_of(run_of({"daemon": {"template": asked_of("daemon", resources=sized)}}), games=5)
    assert asked.daemon == Size(1.5, 3.0)
    assert asked.games == 5
    assert asked.actors(3) == 2  # 24 games at once, 16 of an actor
    assert needs_of(run_of({"actor": {"replicas": 7}})).actors(3) == 7
