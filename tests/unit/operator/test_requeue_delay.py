"""How often runs are reconciled: by how long they have been idle, and by how many there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_reconciler.controller.idle import (
    RECONCILES_PER_SECOND,
    batch_delay,
    poll_interval,
    requeue_delay,
    unchanging_delay,
)


def delay(seconds: float, *, runs: int = 1, is_blind: bool = False) -> float:
    """The delay with an operator's bounds."""
    return requeue_delay(seconds, active=2.0, longest=30.0, runs=runs, is_blind=is_blind)


def test_a_run_that_moves_is_reconciled_every_two_seconds() -> None:
    """The active delay, as long as something moved lately."""
    assert delay(0) == delay(8) == 2.0


def test_the_delay_grows_with_the_idle_time() -> None:
    """A quarter of the idle time, up to the longest."""
    assert [delay(seconds) for seconds in (20, 60, 120, 600)] == [5.0, 15.0, 30.0, 30.0]


def test_a_thousand_runs_share_the_reconciles() -> None:
    """Forty a second of runs that move, eight of idle runs, two of unchanging ones."""
    assert delay(0, runs=1000) == pytest.approx(1000 / 40)
    assert delay(10_000, runs=1000) == 125.0


def test_a_delay_in_which_nothing_changes_is_four_times_as_long() -> None:
    """Up to two a second of all runs, and with few runs up to their longest delay."""
    assert unchanging_delay(25.0, longest=30.0, runs=1000) == 100.0
    assert unchanging_delay(400.0, longest=30.0, runs=1000) == 500.0
    assert unchanging_delay(15.0, longest=30.0, runs=10) == 30.0
    assert unchanging_delay(30.0, longest=30.0, runs=10) == 30.0


def test_a_redis_that_is_away_is_asked_soon_again() -> None:
    """No poll reports its return."""
    assert delay(600, is_blind=True) == 10.0


def test_many_addresses_are_asked_less_often() -> None:
    """Forty questions a second, all together."""
    assert poll_interval(1) == 5.0
    assert poll_interval(1000) == 25.0


@given(st.floats(0, 1e6), st.integers(1, 100_000), st.booleans())
def test_the_process_is_never_asked_for_more_than_it_can(
    seconds: float, runs: int, is_blind: bool
) -> None:
    """Whatever the runs do, all of them stay below the bound, and none is forgotten."""
    found = delay(seconds, runs=runs, is_blind=is_blind)
    assert runs / found <= RECONCILES_PER_SECOND + 1e-9
    assert found <= max(30.0, runs / 8)


def test_changes_of_objects_share_a_reconcile() -> None:
    """Those of a fifth of a second; with a thousand runs those of two seconds."""
    assert batch_delay(1) == 0.2
    assert batch_delay(1000) == 2.0
