"""Series: fewer points with the same shape, and rates that claim nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from trainingrun.commands.report.series import (
    Point,
    elapsed_at,
    known,
    one_per_update,
    rates,
    thinned,
)
from trainingrun.local.samples import Sample

from testkit.pages.sample_report import BEGAN, make_samples

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=300)


@given(VALUES, st.integers(8, 60))
def test_thinning_keeps_what_a_person_would_see(values: list[float | None], most: int) -> None:
    """Expect few points, in order, each from the series, with its ends, extremes and a gap."""
    points: list[Point] = [(float(x), y) for x, y in enumerate(values)]
    kept = thinned(points, most)
    assert len(kept) <= most
    assert kept == sorted(set(kept), key=lambda point: point[0])
    assert set(kept) <= set(points)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    heights = [y for _, y in known(points)]
    if heights:
        assert {min(heights), max(heights)} <= {y for _, y in known(kept)}
    assert any(y is None for _, y in points) == any(y is None for _, y in kept)


def test_a_rate_is_growth_over_the_window() -> None:
    """Expect nothing at the first sample, and the slope of a steady counter after it."""
    found = rates(make_samples(20), "games")
    assert found[0] == (0.0, None)
    assert {rate for _, rate in found[1:]} == {2.0}


def test_a_counter_that_begins_anew_has_no_rate() -> None:
    """Expect a gap where Redis has lost its data, and no negative rate."""
    counts = [0, 50, 100, 5, 10]
    samples = [Sample(at=n, elapsed=10.0 * n, games=games) for n, games in enumerate(counts)]
    assert [rate for _, rate in rates(samples, "games", window=10.0)] == [None, 5, 5, None, 0.5]


def test_a_moment_between_two_sessions_is_at_the_beginning_of_the_later() -> None:
    """Expect no time to elapse while no one ran, and nothing to be said of the future."""
    samples = [
        Sample(at=BEGAN, elapsed=0),
        Sample(at=BEGAN + 10, elapsed=10),
        Sample(at=BEGAN + 3610, elapsed=15),
    ]
    assert elapsed_at(samples, BEGAN + 4) == 4
    assert elapsed_at(samples, BEGAN + 3608) == 13
    assert elapsed_at(samples, BEGAN + 1800) == 10
    assert elapsed_at(samples, BEGAN + 9999) is None
    assert elapsed_at([], BEGAN) is None


def test_losses_are_told_once_for_each_update() -> None:
    """Expect one sample of each version, and none without losses."""
    samples = [
        Sample(at=n, elapsed=n, updates=n // 3, losses={"policy": 1.0} if n else {})
        for n in range(9)
    ]
    assert [each.updates for each in one_per_update(samples)] == [0, 1, 2]
