"""What the roles have in common that play the training games and fill the queue: actors, and the
self-play workers of AlphaZero, which users know as actors.

Their number, program and defaults are each role's own.
"""

from __future__ import annotations

import math
from typing import Final

from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.stream.keys import Area

from trainingrun_reconciler.roles.declaration import Section
from trainingrun_reconciler.roles.redis_rights import PLAYERS, Rights

ENDING_SECONDS: Final = 25
"""After the games: what they gave is sent, and the process ends."""
RIGHTS: Final = Rights(
    writes=(Area.STREAM, Area.QUEUE, Area.PLAYERS, Area.ROLES),
    reads=(Area.WEIGHTS, Area.OPERATOR),
    commands=f"{PLAYERS} xadd incrby",
)


def section_of(spec: TrainingRunSpec) -> Section:
    """Return what the user asks for them."""
    return Section.of(spec.actor, spot=spec.actor.spot)


def half(wanted: int) -> int:
    """Return how many must be there for them to count as available: the rest of them are starting
    or scaling."""
    return max(1, math.ceil(wanted / 2))
