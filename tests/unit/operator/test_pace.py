"""How often runs are looked at: by how long they have been quiet, and by how many there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_operator.controller.pace import (
    LOOKS_PER_SECOND,
    Quiet,
    pause_after_change,
    pause_before_look,
    pause_before_pulse,
    pause_if_uneventful,
)


def pause(seconds: float, *, runs: int = 1, is_blind: bool = False) -> float:
    """The pause with an operator's bounds."""
    return pause_before_look(Quiet(seconds, is_blind), active=2.0, rest=30.0, runs=runs)


def test_a_run_that_moves_is_looked_at_every_two_seconds() -> None:
    """The active pause, as long as something moved lately."""
    assert pause(0) == pause(8) == 2.0


def test_the_pause_grows_with_the_quiet() -> None:
    """A quarter of the quiet time, up to the longest."""
    assert [pause(seconds) for seconds in (20, 60, 120, 600)] == [5.0, 15.0, 30.0, 30.0]


def test_a_thousand_runs_share_the_looks() -> None:
    """Forty looks a second at runs that move, eight at runs that rest, two at those foreseen."""
    assert pause(0, runs=1000) == pytest.approx(1000 / 40)
    assert pause(10_000, runs=1000) == 125.0


def test_a_pause_in_which_nothing_comes_is_four_times_as_long() -> None:
    """Up to two looks a second at all runs, and with few runs up to their longest pause."""
    assert pause_if_uneventful(25.0, rest=30.0, runs=1000) == 100.0
    assert pause_if_uneventful(400.0, rest=30.0, runs=1000) == 500.0
    assert pause_if_uneventful(15.0, rest=30.0, runs=10) == 30.0
    assert pause_if_uneventful(30.0, rest=30.0, runs=10) == 30.0


def test_a_redis_that_is_away_is_asked_soon_again() -> None:
    """No pulse tells of its return."""
    assert pause(600, is_blind=True) == 10.0


def test_many_addresses_are_asked_less_often() -> None:
    """Forty questions a second, all together."""
    assert pause_before_pulse(1) == 5.0
    assert pause_before_pulse(1000) == 25.0


@given(st.floats(0, 1e6), st.integers(1, 100_000), st.booleans())
def test_the_process_is_never_asked_for_more_than_it_can(
    seconds: float, runs: int, is_blind: bool
) -> None:
    """Whatever the runs do, their looks together stay below the bound, and none is forgotten."""
    found = pause(seconds, runs=runs, is_blind=is_blind)
    assert runs / found <= LOOKS_PER_SECOND + 1e-9
    assert found <= max(30.0, runs / 8)


def test_changes_of_objects_share_a_look() -> None:
    """Those of a fifth of a second; with a thousand runs those of two seconds."""
    assert pause_after_change(1) == 0.2
    assert pause_after_change(1000) == 2.0
