"""OpenSpiel's own search as a player: a yardstick that is none of ours.

It is the bot of ``open_spiel.python.algorithms.mcts`` as its example plays it (UCT with 2, one
random game a leaf, proven results), shown our games through what it asks of a state; so it plays
every game that can be cloned, and the rules are the run's. Needs the extra ``open-spiel`` of the
environments.

Refused: pyspiel's bot in C++, which plays states of OpenSpiel alone, and so none of our own games.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
from msgspec import Struct
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Game, Games

_EXPLORATION: Final = 2.0
"""Of UCT, as OpenSpiel's examples have it for returns up to 1."""


class Choice(Struct, frozen=True):
    """What was found in a position.

    Attributes:
        action: to play.
        actions: that are legal.
        visits: of each.
        values: of each for who plays it, in [-1, 1]; 0 without visits.
    """

    action: int
    actions: tuple[int, ...]
    visits: tuple[int, ...]
    values: tuple[float, ...]


class OpenSpielBot:
    """Searches one position after another, each from an empty tree."""

    def __init__(self, games: Games, *, simulations: int) -> None:
        """Raises UnknownEnvironment where OpenSpiel is not installed."""
        try:
            self._mcts: Any = import_module("open_spiel.python.algorithms.mcts")
            self._rules = _Rules(import_module("pyspiel"), games)
        except ImportError as error:
            raise UnknownEnvironment(
                f"a player of OpenSpiel needs OpenSpiel, which cannot be imported ({error}):"
                " pip install 'trainingrun-environments[open-spiel]'"
            ) from error
        self._simulations = simulations

    def search(self, game: Game, random: np.random.RandomState) -> Choice:
        """Return what is found in a position that is not over; the game stays as it is."""
        bot = self._mcts.MCTSBot(
            self._rules,
            _EXPLORATION * self._rules.bound,
            self._simulations,
            self._mcts.RandomRolloutEvaluator(1, random),
            random_state=random,
        )
        root = bot.mcts_search(_State(game))
        children = sorted(root.children, key=lambda child: child.action)
        if not children:  # a single simulation tries no action
            legal = tuple(map(int, game.legal_actions()))
            nothing = (0,) * len(legal)
            return Choice(int(random.choice(legal)), legal, nothing, tuple(map(float, nothing)))
        return Choice(
            action=int(root.best_child().action),
            actions=tuple(int(child.action) for child in children),
            visits=tuple(int(child.explore_count) for child in children),
            values=tuple(self._value(child) for child in children),
        )

    def _value(self, child: Any) -> float:
        """A proven result, or the mean of what was found."""
        if child.outcome is not None:
            return float(child.outcome[child.player]) / self._rules.bound
        visits = max(1, int(child.explore_count))
        return float(child.total_reward) / visits / self._rules.bound


class OpenSpielPlayer:
    """The bot in many games, one search at a time. A ``Player`` of matches."""

    def __init__(self, games: Games, *, simulations: int, seed: int) -> None:
        """Raises UnknownEnvironment where OpenSpiel is not installed."""
        self._bot = OpenSpielBot(games, simulations=simulations)
        self._seed = seed
        self._asked: deque[tuple[int, Game, int]] = deque()

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """See Player."""
        self._asked.append((place, game, seed))

    def advance(self) -> Sequence[tuple[int, int]]:
        """See Player: the search of the game that has waited longest."""
        if not self._asked:
            return ()
        place, game, seed = self._asked.popleft()
        # What is drawn depends on the game alone, and not on those beside it.
        random = np.random.RandomState([self._seed % 2**32, seed % 2**32])
        return [(place, self._bot.search(game, random).action)]


class _Rules:
    """What the bot asks of a game."""

    def __init__(self, pyspiel: Any, games: Games) -> None:
        self.bound: float = games.spec.reward_bound
        self.reward_model = pyspiel.GameType.RewardModel.TERMINAL
        self.dynamics = pyspiel.GameType.Dynamics.SEQUENTIAL

    def get_type(self) -> _Rules:
        return self

    def max_utility(self) -> float:
        return self.bound


class _State:
    """What the bot asks of a state; nothing that can be cloned draws chance."""

    def __init__(self, game: Game) -> None:
        self._game = game

    def clone(self) -> _State:
        return _State(self._game.clone())

    def is_chance_node(self) -> bool:
        return False

    def is_terminal(self) -> bool:
        return self._game.is_terminal

    def current_player(self) -> int:
        return self._game.current_player

    def legal_actions(self, player: int | None = None) -> list[int]:  # noqa: ARG002 (its API)
        return list(self._game.legal_actions())

    def apply_action(self, action: int) -> None:
        self._game.apply(int(action))

    def returns(self) -> tuple[float, float]:
        return self._game.returns
