"""The environment that is registered as ``go``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.go.game import GoGames

GO: Final = GamesEnvironment(GoGames())
