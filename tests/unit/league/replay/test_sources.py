"""Which batches are known, against a set of all that were recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.errors import Conflict, InvalidRequest
from trainingrun_league.replay.sources import MOST_SOURCES, WINDOW, SourceMark, Sources

NUMBERS = st.lists(st.integers(1, 40), max_size=60)


@given(NUMBERS)
def test_what_was_recorded_is_known_and_nothing_else(numbers: list[int]) -> None:
    """In any order, with repetitions; and so after its marks were written and read."""
    sources = Sources()
    for number in numbers:
        sources.record("a", number)
    for each in (sources, Sources(sources.marks)):
        known = {number for number in range(1, 50) if each.is_known("a", number)}
        assert known == set(numbers)
        assert not each.is_known("b", 1)


def test_numbers_in_order_take_no_memory() -> None:
    """Only what is ahead of a gap is kept one by one."""
    sources = Sources()
    for number in range(1, 10_000):
        sources.record("a", number)
    assert sources.marks == (SourceMark("a", 9999, ()),)


def test_a_number_far_ahead_is_refused() -> None:
    """Since its source would take memory, or was forgotten; the sentence says what to do."""
    sources = Sources()
    sources.record("a", 1)
    sources.require_possible("a", 1 + WINDOW)
    with pytest.raises(Conflict, match="every batch up to 1 is known"):
        sources.require_possible("a", 2 + WINDOW)


@pytest.mark.parametrize(("name", "sequence"), [("", 1), ("a" * 257, 1), ("a", 0), ("a", 2**60)])
def test_names_and_numbers_are_bounded(name: str, sequence: int) -> None:
    """A name that takes memory, or a number that is none."""
    with pytest.raises(InvalidRequest):
        Sources().require_possible(name, sequence)


def test_the_source_that_is_silent_longest_is_forgotten_and_never_doubled() -> None:
    """One more than can be remembered: the first is not known any more, and what it sends on is
    refused, not recorded again."""
    sources = Sources()
    for number in range(1, 2 * WINDOW):
        sources.record("old", number)
    for number in range(MOST_SOURCES):
        sources.record(f"new-{number}", 1)
    assert len(sources.marks) == MOST_SOURCES
    with pytest.raises(Conflict):
        sources.require_possible("old", 2 * WINDOW)
