"""Named rates to plan from: what was measured.

Each says where it comes from. Figures of different sources are not mixed: the range of a baseline
comes from its own source, or names the other one that it was widened by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trainingrun.estimate.band import Band
from trainingrun.estimate.errors import PlanError

FORGE_DECISIONS: Final = 250.0
"""Decisions of an interactive game of the real engine (benchmarks/system/speed.py)."""


@dataclass(frozen=True)
class Baseline:
    """What one daemon gives.

    ``games_per_hour`` holds with ``slots`` games at once on each daemon. ``decisions`` of a game
    become transitions. ``source`` and ``spread`` are for people.
    """

    name: str
    games_per_hour: Band
    decisions: float
    source: str
    spread: str
    slots: int | None = None


FORGE: Final = "forge"
REFERENCE: Final = "reference-engine"
"""Not among the baselines: its rate follows from the decks (``engine_rates``)."""
_BASELINES: Final = (
    Baseline(
        name=FORGE,
        games_per_hour=Band(3_692, 3_710, 3_945),
        decisions=FORGE_DECISIONS,
        slots=8,
        source="measured: 164.9 games/s of 160 daemons with 8 slots, as slow as a real Forge"
        " (benchmarks/daemon/fleet.py); processor time of a real one is not measured",
        spread="games of 7.8 s (recorded from a real Forge) to 7.3 s (a published profile)",
    ),
)
BASELINES: Final[Mapping[str, Baseline]] = {each.name: each for each in _BASELINES}


def baseline(name: str) -> Baseline:
    """Return the baseline of this name.

    Raises:
        PlanError: there is none.
    """
    found = BASELINES.get(name)
    if found is None:
        known = ", ".join(sorted({*BASELINES, REFERENCE}))
        raise PlanError(f"--baseline {name}: no such baseline: give {known}")
    return found
