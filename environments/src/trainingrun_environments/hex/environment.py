"""The environment that is registered as ``hex``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.hex.game import HexGames

HEX: Final = GamesEnvironment(HexGames())
