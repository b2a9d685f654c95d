"""The interval of a win rate."""

from __future__ import annotations

from trainingrun_contracts.wilson import win_rate


def test_wilson_interval() -> None:
    """Against values worked out by hand for 7 of 10, and at the ends."""
    rate, low, high = win_rate(7, 0, 10)
    assert (rate, round(low, 4), round(high, 4)) == (0.7, 0.3968, 0.8922)
    assert win_rate(0, 0, 10)[1] == 0.0
    assert win_rate(4, 2, 10)[0] == 0.5
    assert win_rate(0, 0, 0) == (0.5, 0.0, 1.0)
