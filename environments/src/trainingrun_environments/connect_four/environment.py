"""The environment that is registered as ``connect_four``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.connect_four.game import ConnectFourGames
from trainingrun_environments.generic.of_games import GamesEnvironment

CONNECT_FOUR: Final = GamesEnvironment(ConnectFourGames())
