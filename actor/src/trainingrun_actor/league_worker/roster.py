"""Players of a league by their ids: ``model/ID``, ``builtin/random``, ``builtin/mcts-N``.

A model without simulations plays its likeliest action; where games hide something it draws from
its policy, as no policy of one action each is an equilibrium there. A model with simulations is
searched as a run of AlphaZero measures it: without noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.search_players import search_simulations
from trainingrun_environments.agents import RandomAgent
from trainingrun_environments.games import Game, Games
from trainingrun_environments.generic.questions import QuestionReader, Seen
from trainingrun_search.evaluators import Evaluator, Rollouts
from trainingrun_search.matches import (
    PLACES,
    GreedyPlayer,
    Player,
    ladder_player,
    measured_settings,
    places_for,
    searching_player,
)
from trainingrun_search.players import mcts_settings
from trainingrun_search.settings import SearchSettings

from trainingrun_actor.league_worker.weights import LoadedModel, Unusable, Weights
from trainingrun_actor.policy import Policy
from trainingrun_actor.policy_evaluator import PolicyEvaluator
from trainingrun_actor.search_games import ScriptedPlayer

MODEL: Final = "model/"
BUILTIN: Final = "builtin/"
RANDOM: Final = "random"


class Contender(Struct, frozen=True):
    """A player that can be seated.

    Attributes:
        player_id: see above.
        model: of ``model/ID``.
        simulations: a move; 0 plays without a search.
    """

    player_id: str
    model: LoadedModel | None
    simulations: int

    @property
    def settings(self) -> SearchSettings | None:
        """How it searches; None where it does not."""
        if not self.simulations:
            return None
        if self.model is None:
            return mcts_settings(self.simulations)
        return measured_settings(SearchConfig(simulations=self.simulations))

    def evaluator(self, seed: int) -> Evaluator | None:
        """Return what values its positions; None of who plays at random."""
        if self.model is not None:
            return PolicyEvaluator(self.model.policy)
        return Rollouts(seed=seed) if self.simulations else None


class Players:
    """Finds players by their ids."""

    def __init__(self, spec: EnvironmentSpec, weights: Weights) -> None:
        self.spec = spec
        self._weights = weights

    @property
    def local_games(self) -> Games | None:
        """The games of this process; None where the engine of others plays them."""
        return None

    async def find(self, player_id: str) -> Contender:
        """Return a player.

        Raises:
            Unusable: there is none that could play here.
            grpc.aio.AioRpcError: its model cannot be had.
        """
        if player_id.startswith(MODEL):
            model = await self._weights.load(player_id.removeprefix(MODEL))
            return Contender(player_id, model, model.simulations)
        name = player_id.removeprefix(BUILTIN)
        if not player_id.startswith(BUILTIN):
            raise Unusable(f"{player_id[:80]!r} is no model and no builtin player")
        simulations = search_simulations(name)
        if name == RANDOM:
            return Contender(player_id, None, 0)
        if simulations is None:
            raise Unusable(f"{player_id[:80]!r}: there are builtin/random and builtin/mcts-N")
        if not self.spec.is_forkable:
            raise Unusable(f"{player_id}: {self.spec.name} cannot be searched")
        return Contender(player_id, None, simulations)


class Roster(Players):
    """Finds players by their ids, and seats them in games of this process."""

    def __init__(self, games: Games, weights: Weights) -> None:
        super().__init__(games.spec, weights)
        self.games = games

    @property
    def local_games(self) -> Games:
        """See Players."""
        return self.games

    def places(self, contenders: Iterable[Contender], *, games: int) -> int:
        """Return how many of a number of games are played at once by these players."""
        settings = [each.settings for each in contenders]
        searched = [each for each in settings if each is not None]
        if not searched:
            return max(1, min(PLACES, games))
        return places_for(self.games, searched, most=max(1, min(PLACES, games)))

    def seat(self, contender: Contender, *, places: int, seed: int) -> Player:
        """Return a player of many games in lock step."""
        games, model = self.games, contender.model
        if model is None:
            if contender.simulations:
                return ladder_player(
                    games, simulations=contender.simulations, seed=seed, places=places
                )
            return ScriptedPlayer(games, RandomAgent)
        evaluator = PolicyEvaluator(model.policy)
        settings = contender.settings
        if settings is not None:
            return searching_player(games, evaluator, settings, places=places)
        if games.spec.is_forkable:
            return GreedyPlayer(games, evaluator, places=places)
        return DrawingPlayer(games, model.policy)


class DrawingPlayer:
    """A policy in many games, that draws from its distribution; each seat has a chance of its own.

    For games that cannot be cloned: it reads what the player to move observes, and nothing else.
    """

    def __init__(self, games: Games, policy: Policy) -> None:
        self._reader = QuestionReader(games.spec)
        self._policy = policy
        self._chances: dict[int, tuple[tuple[int, int], np.random.Generator]] = {}
        self._asked: list[tuple[int, Seen]] = []

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """See ``matches.Player``."""
        player = game.current_player
        if place not in self._chances or self._chances[place][0] != (seed, player):
            self._chances[place] = (seed, player), np.random.default_rng((seed, player))
        seen = Seen(player, tuple(game.legal_actions()), game.observation(player))
        self._asked.append((place, seen))

    def advance(self) -> Sequence[tuple[int, int]]:
        """See ``matches.Player``: all of them at once."""
        if not self._asked:
            return ()
        asked, self._asked = self._asked, []
        questions = self._reader.questions([seen for _, seen in asked])
        counts = np.array([len(question.options) for question in questions], np.int64)
        log_probs, _ = self._policy.evaluate(
            np.stack([question.observation.state for question in questions]),
            np.concatenate([question.observation.actions for question in questions]),
            counts,
        )
        found, first = [], 0
        for (place, _), question, count in zip(asked, questions, counts.tolist(), strict=True):
            shares = np.exp(log_probs[first : first + count].astype(np.float64))
            first += count
            random = self._chances[place][1]
            found.append((place, question.options[drawn(shares, random.random())]))
        return found


def drawn(shares: np.ndarray, draw: float) -> int:
    """Return the place that a draw in [0, 1) falls on."""
    sums = np.cumsum(shares)
    return min(int(np.searchsorted(sums, draw * sums[-1], side="right")), len(shares) - 1)
