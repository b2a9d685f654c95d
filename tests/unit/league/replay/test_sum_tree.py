"""The sum tree against a plain array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_league.replay.sum_tree import LARGEST_CAPACITY, SumTree

VALUES = st.one_of(st.just(0.0), st.floats(1e-9, 1e9))


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, list[tuple[list[int], list[float]]]]:
    """A capacity, and batches of places with their values."""
    capacity = draw(st.integers(1, 70))
    places = st.lists(st.integers(0, capacity - 1), min_size=1, max_size=20)
    batches = []
    for named in draw(st.lists(places, max_size=8)):
        values = draw(st.lists(VALUES, min_size=len(named), max_size=len(named)))
        batches.append((named, values))
    return capacity, batches


@given(changes())
def test_sums_and_the_least_are_those_of_an_array(
    found: tuple[int, list[tuple[list[int], list[float]]]],
) -> None:
    """After any batches, with places named twice: total and least are the array's own."""
    capacity, batches = found
    tree, plain = SumTree(capacity), np.zeros(capacity)
    for places, values in batches:
        tree.set(np.array(places), np.array(values))
        for place, value in zip(places, values, strict=True):
            plain[place] = value
        assert tree.total == pytest.approx(plain.sum(), rel=1e-12)
        assert tree.least == min(plain[plain > 0], default=np.inf)
        assert (tree.leaves(np.arange(capacity)) == plain).all()


@given(st.integers(1, 70), st.data())
def test_a_range_is_set_as_its_places_are(capacity: int, data: st.DataObject) -> None:
    """``set_range`` leaves every node as ``set`` does, at any place and length."""
    one, other = SumTree(capacity), SumTree(capacity)
    before = np.array(data.draw(st.lists(VALUES, min_size=capacity, max_size=capacity)))
    start = data.draw(st.integers(0, capacity - 1))
    values = np.array(data.draw(st.lists(VALUES, min_size=1, max_size=capacity - start)))
    for tree in (one, other):
        tree.set(np.arange(capacity), before)
    one.set(np.arange(start, start + len(values)), values)
    other.set_range(start, values)
    assert (one._sums == other._sums).all()
    assert (one._least == other._least).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.data())
def test_a_point_finds_its_leaf(lengths: list[int], data: st.DataObject) -> None:
    """Leaves stand in a row: a point finds the one over it (whole numbers, so without rounding)."""
    if not sum(lengths):
        lengths[0] = 1
    tree = SumTree(len(lengths))
    tree.set(np.arange(len(lengths)), np.array(lengths, float))
    point = data.draw(st.integers(0, sum(lengths) - 1))
    expected = np.repeat(np.arange(len(lengths)), lengths)[point]
    assert tree.find(np.array([float(point)])).tolist() == [expected]


@settings(max_examples=50)
@given(st.lists(VALUES, min_size=1, max_size=100))
def test_an_empty_leaf_is_never_found(values: list[float]) -> None:
    """At the ends of every leaf, the end of all included, where rounding is worst."""
    values[-1] = values[-1] or 1e-9
    tree = SumTree(len(values))
    tree.set(np.arange(len(values)), np.array(values))
    ends = np.cumsum(values)
    points = np.concatenate([ends, np.nextafter(ends, 0), np.nextafter(ends, np.inf), [0.0]])
    found = tree.find(np.clip(points, 0, tree.total))
    assert (np.array(values)[found] > 0).all()


def test_the_sum_does_not_drift() -> None:
    """After four million changes over twelve magnitudes the root is within one rounding for each
    level of the exact sum: it does not know how often it was changed."""
    random = np.random.default_rng(1)
    tree, plain = SumTree(10_000), np.zeros(10_000)
    for _ in range(1000):
        places = random.integers(0, 10_000, 4000)
        values = 10.0 ** random.uniform(-6, 6, 4000)
        tree.set(places, values)
        plain[places] = values
    levels = 14
    exact = np.longdouble(0) + np.sum(plain.astype(np.longdouble))
    assert abs(tree.total - exact) <= levels * np.finfo(float).eps * exact


def test_nothing_is_found_in_an_empty_tree() -> None:
    """It says so, instead of giving a place that is empty."""
    with pytest.raises(ValueError, match="all empty"):
        SumTree(4).find(np.array([0.0]))


@pytest.mark.parametrize("capacity", [0, LARGEST_CAPACITY + 1])
def test_a_capacity_out_of_bounds_is_refused(capacity: int) -> None:
    """Before any memory is taken."""
    with pytest.raises(ValueError, match="leaves"):
        SumTree(capacity)
