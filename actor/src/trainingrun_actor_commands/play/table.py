"""A game at which moves can be taken back."""

from __future__ import annotations

from trainingrun_environments.games import Game, Games


class Table:
    """One game after another, by their moves."""

    def __init__(self, games: Games, *, seed: int) -> None:
        self.games = games
        self._seed = seed
        self.actions: list[int] = []
        self.game: Game = games.new(seed)

    def play(self, action: int) -> None:
        """Play a move."""
        self.game.apply(action)
        self.actions.append(action)

    def undo(self, player: int) -> int:
        """Take moves back until it is this player's turn again, at least one of their own; returns
        how many, 0 where the player has made none.
        """
        movers = self._movers()
        own = [number for number, mover in enumerate(movers) if mover == player]
        if not own:
            return 0
        kept = self.actions[: own[-1]]
        taken = len(self.actions) - len(kept)
        self.restart()
        for action in kept:
            self.play(action)
        return taken

    def restart(self) -> None:
        """Begin the same game again."""
        self.game, self.actions = self.games.new(self._seed), []

    def _movers(self) -> list[int]:
        """Return who made each move."""
        game, found = self.games.new(self._seed), []
        for action in self.actions:
            found.append(game.current_player)
            game.apply(action)
        return found
