"""The environment that is registered as ``quoridor``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.quoridor.game import QuoridorGames

QUORIDOR: Final = GamesEnvironment(QuoridorGames())
