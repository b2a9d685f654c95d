"""The environment that is registered as ``tic_tac_toe``."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.tic_tac_toe.game import TicTacToeGames

TIC_TAC_TOE: Final = GamesEnvironment(TicTacToeGames())
