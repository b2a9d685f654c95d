"""The environment that is registered as ``breakthrough``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.breakthrough.game import BreakthroughGames
from trainingrun_environments.generic.of_games import GamesEnvironment

BREAKTHROUGH: Final = GamesEnvironment(BreakthroughGames())
