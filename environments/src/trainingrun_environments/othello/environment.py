"""The environment that is registered as ``othello``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.othello.game import OthelloGames

OTHELLO: Final = GamesEnvironment(OthelloGames())
