"""Pauses between attempts."""

from __future__ import annotations

from random import Random

from trainingrun_contracts.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    """Expect the first pause after one failure, and the longest after any number of them."""
    backoff = Backoff(first=0.5, longest=3.0)
    assert [backoff.seconds(failures) for failures in (1, 2, 3, 4, 10_000)] == [0.5, 1, 2, 3, 3]


def test_a_spread_only_shortens() -> None:
    """Expect pauses all over the spread, and none outside of it."""
    backoff, random = Backoff(first=1.0, longest=8.0, spread=0.5), Random(1)
    pauses = [backoff.seconds(4, random) for _ in range(1000)]
    assert all(4.0 < each <= 8.0 for each in pauses)
    assert min(pauses) < 4.1
    assert max(pauses) > 7.9
