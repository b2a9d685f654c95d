"""The environment that is registered as ``go``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.go.game import GoGames
from trainingrun_environments.generic.of_games import GamesEnvironment

GO: Final = GamesEnvironment(GoGames())
