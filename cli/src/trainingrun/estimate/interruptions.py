"""Spot machines that are taken away: how often, and what that costs in time."""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun.estimate.band import Band
from trainingrun.estimate.prices import HOURS_A_MONTH, PriceList


@dataclass(frozen=True)
class Interruptions:
    """``a_month`` of one machine; ``part_away`` is the part of its time that it is away."""

    a_month: Band
    part_away: Band


def interruptions_of(prices: PriceList) -> Interruptions:
    """Return what a price list assumes."""
    often = prices.interruptions.per_machine_month
    hours = prices.interruptions.minutes_away / 60
    a_month = Band(often.low, often.likely, often.high)
    return Interruptions(
        a_month, a_month.each(lambda times: min(1.0, times * hours / HOURS_A_MONTH))
    )
