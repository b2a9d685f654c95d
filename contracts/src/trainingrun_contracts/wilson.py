"""Wilson's score interval of a win rate (Wilson 1927)."""

from __future__ import annotations

from math import sqrt
from typing import Final

Z_95: Final = 1.959964


def win_rate(wins: int, draws: int, games: int) -> tuple[float, float, float]:
    """Return the rate with its 95 % interval as (rate, low, high); a draw counts half a win."""
    if games == 0:
        return 0.5, 0.0, 1.0
    rate = (wins + draws / 2) / games
    square = Z_95 * Z_95 / games
    centre = (rate + square / 2) / (1 + square)
    spread = Z_95 / (1 + square) * sqrt(rate * (1 - rate) / games + square / (4 * games))
    return rate, max(0.0, centre - spread), min(1.0, centre + spread)
