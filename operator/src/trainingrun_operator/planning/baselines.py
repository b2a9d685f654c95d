"""Named rates to plan from: what the documents say, and what was measured.

Each says where it comes from. Nobody's figure is mixed with another's: the range of a baseline
comes from its own source, or names the other one that it was widened by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trainingrun_operator.planning.band import Band
from trainingrun_operator.planning.errors import PlanError

FORGE_DECISIONS: Final = 250.0
"""Decisions of an interactive game of the real engine (benchmarks/system.py)."""
REFERENCE_DECISIONS: Final = 38.3
"""Transitions of a game of the reference engine: 268,762 of 7,018 games (RESULTS, half an hour)."""


@dataclass(frozen=True)
class Baseline:
    """What one daemon gives.

    ``games_per_hour`` holds with ``slots`` games at once on each daemon; ``daemons_on`` gives the
    daemons on a machine by its vCPUs where the source has a rule of its own. ``decisions`` of a
    game become transitions. ``source`` and ``spread`` are for people.
    """

    name: str
    games_per_hour: Band
    decisions: float
    source: str
    spread: str
    slots: int | None = None
    vcpus_per_daemon: float | None = None


_BASELINES: Final = (
    Baseline(
        name="cloud-architecture",
        games_per_hour=Band(3_600, 6_000, 6_250),
        decisions=FORGE_DECISIONS,
        vcpus_per_daemon=4.0,
        source="the cloud architecture's table: 24,000 games/h of 4 daemons on 16 vCPUs",
        spread="the training speed-up's 1 game/s below, the same document's `~100k games/hour` of"
        " 16 daemons above",
    ),
    Baseline(
        name="training-speedup",
        games_per_hour=Band(3_600, 3_600, 6_000),
        decisions=FORGE_DECISIONS,
        source="the training speed-up's tables: 1 game/s of a daemon, vCPUs - 2 daemons",
        spread="the cloud architecture's table above; no document gives less",
    ),
    Baseline(
        name="profile",
        games_per_hour=Band(4_931.5, 5_040, 5_040),
        decisions=FORGE_DECISIONS,
        slots=10,
        source="the training speed-up's profile: 1.4 games/s of 10 workers",
        spread="10 workers over its 7.3 s a game below",
    ),
    Baseline(
        name="forge",
        games_per_hour=Band(3_692, 3_710, 3_945),
        decisions=FORGE_DECISIONS,
        slots=8,
        source="measured: 164.9 games/s of 160 daemons with 8 slots, as slow as a real Forge"
        " (benchmarks/daemon_fleet.py); processor time of a real one is not measured",
        spread="games of 7.8 s (recorded from a real Forge) to 7.3 s (the documents' profile)",
    ),
    Baseline(
        name="reference-engine",
        games_per_hour=Band(35_786, 246_960, 299_880),
        decisions=REFERENCE_DECISIONS,
        source="measured: 68.6 games/s of a core with both seats asked (benchmarks/pooling.py)",
        spread="the quickstart with every role on two shared cores below (10,000 games in 503 s on"
        " two daemons), the best turn above (83.3 games/s)",
    ),
)
BASELINES: Final[Mapping[str, Baseline]] = {each.name: each for each in _BASELINES}


def baseline(name: str) -> Baseline:
    """The baseline of this name.

    Raises:
        PlanError: there is none.
    """
    found = BASELINES.get(name)
    if found is None:
        raise PlanError(f"--baseline {name}: there is none: give {', '.join(sorted(BASELINES))}")
    return found
