"""The actor's side of games that live in this process: a daemon serves them, as any engine does."""

from __future__ import annotations

from trainingrun_environments.games import Games
from trainingrun_environments.generic.environment import GenericEnvironment


class GamesEnvironment(GenericEnvironment):
    """An environment that also has its games, for serving and for search."""

    def __init__(self, games: Games) -> None:
        super().__init__(games.spec)
        self.games = games
