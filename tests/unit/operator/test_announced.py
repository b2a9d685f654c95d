"""What is new in a list that grows at its end and is cut at its beginning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_reconciler.desired.announced import added


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ("", "", ""),
        ("", "ab", "ab"),
        ("ab", "ab", ""),
        ("ab", "abc", "c"),
        ("abc", "bcd", "d"),
        ("abc", "xyz", "xyz"),
        ("abc", "", ""),
        ("aaa", "aaaa", "a"),
    ],
)
def test_new_is_what_follows_the_known_end(before: str, now: str, new: str) -> None:
    """A list that has nothing in common with the old one is new as a whole."""
    assert added(before, now) == new


@given(st.lists(st.integers(), unique=True), st.integers(0, 20), st.integers(1, 30))
def test_every_entry_is_found_once_whatever_is_cut(
    entries: list[int], step: int, kept: int
) -> None:
    """As long as what is added between two reconciles fits into the list."""
    step = min(max(step, 1), kept)
    found: list[int] = []
    before: list[int] = []
    for end in range(0, len(entries) + step, step):
        now = entries[:end][-kept:]
        found += added(before, now)
        before = now
    assert found == entries
