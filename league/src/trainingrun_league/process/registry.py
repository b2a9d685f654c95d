"""Which services there are. A service adds its declaration here, and nothing else knows of it."""

from __future__ import annotations

from typing import Final

from trainingrun_league.declaration import ServiceDeclaration
from trainingrun_league.elo.service import ELO
from trainingrun_league.game.service import GAME
from trainingrun_league.matchmaker.service import MATCHMAKER
from trainingrun_league.model.service import MODEL
from trainingrun_league.replay.declaration import REPLAY
from trainingrun_league.settings import ServiceName

DECLARATIONS: Final[tuple[ServiceDeclaration, ...]] = (
    ELO,
    GAME,
    MODEL,
    MATCHMAKER,
    REPLAY,
)


def declaration_of(name: ServiceName) -> ServiceDeclaration | None:
    """Return the declaration of a service, or None while there is none."""
    return next((each for each in DECLARATIONS if each.name is name), None)
