"""One player at one table: chooses a move from what the Game service shows its seat.

Games without secrets are played again from their seed and actions, so that they can be searched; of
the others, and of those that an engine plays, the seat's observation is all there is.
"""

from __future__ import annotations

from random import Random
from typing import Final

import numpy as np
from trainingrun_contracts.environment_spec import EnvironmentSpec, Features
from trainingrun_contracts.league.v1.game_pb2 import GameState, Thought
from trainingrun_environments.games import Game, Games
from trainingrun_environments.generic.questions import DTYPES, QuestionReader, Seen
from trainingrun_environments.observation import Float16
from trainingrun_search.evaluators import check
from trainingrun_search.players import SearchPlayer, request_of

from trainingrun_actor.league_worker.roster import Contender, drawn
from trainingrun_actor.league_worker.weights import Unusable
from trainingrun_actor.policy_evaluator import PolicyEvaluator

_OTHER_ENVIRONMENT: Final = (
    "the game's observation is not one of the environment that is installed here"
)
_MOST_SHOWN: Final = 512
"""Actions of a thought: the likeliest."""


class Thinker:
    """Chooses the moves of one seat in one game."""

    def __init__(
        self,
        games: Games | None,
        contender: Contender,
        *,
        seed: int,
        spec: EnvironmentSpec | None = None,
    ) -> None:
        """``spec`` is needed where there are no games: an engine of others plays them."""
        found = games.spec if games is not None else spec
        assert found is not None, "games or the spec of their environment"
        self._games = games
        self._spec = found
        self._contender = contender
        self._reader = QuestionReader(found)
        self._random = Random(seed)
        self._game: Game | None = None
        self._actions: list[int] = []
        self._search: SearchPlayer | None = None
        settings, evaluator = contender.settings, contender.evaluator(seed)
        if games is not None and settings is not None and evaluator is not None:
            self._search = SearchPlayer(games, evaluator, settings, seed=seed)

    def choose(self, state: GameState) -> tuple[int, Thought | None]:
        """Return the action to play, and what to say of the position.

        Raises:
            Unusable: the state is not one of a game that is installed here.
        """
        legal = [action.number for action in state.legal_actions]
        if not legal:
            raise Unusable("the game shows its seat no legal action")
        if self._search is not None:
            return self._searched(self._search, self._followed(state))
        if self._contender.model is None:
            return self._random.choice(legal), None
        if self._games is not None and self._spec.is_forkable:
            return self._evaluated(self._games, self._followed(state))
        return self._observed(state, legal)

    def _searched(self, search: SearchPlayer, game: Game) -> tuple[int, Thought]:
        root = search.search(game)
        visits = root.visits.astype(np.float64)
        weights = visits / visits.sum() if visits.sum() > 0 else root.policy
        thought = _thought(root.value, root.actions.tolist(), weights.tolist())
        thought.simulations = self._contender.simulations
        return int(root.actions[root.best]), thought

    def _evaluated(self, games: Games, game: Game) -> tuple[int, Thought]:
        model = self._contender.model
        assert model is not None, "who has no model plays at random, or searches"
        request = request_of(games, game)
        answer = PolicyEvaluator(model.policy).evaluate(request)
        check(answer, request)
        legal = np.flatnonzero(request.legal[0])
        shares = answer.priors[0, legal]
        best = int(legal[int(shares.argmax())])
        return best, _thought(float(answer.values[0]), legal.tolist(), shares.tolist())

    def _observed(self, state: GameState, legal: list[int]) -> tuple[int, Thought]:
        model, spec = self._contender.model, self._spec
        assert model is not None, "who has no model plays at random, or searches"
        dtype = DTYPES.get(state.observation_dtype)
        if dtype is None or len(state.observation) != spec.state_width * dtype.itemsize:
            raise Unusable(_OTHER_ENVIRONMENT)
        seen = np.frombuffer(state.observation, dtype).reshape(spec.observation)
        if isinstance(spec.actions, Features):
            states = seen.reshape(1, -1).astype(np.float16)
            rows = _rows(state, spec.actions.width)
        else:
            seat = state.seat_to_move - 1
            (question,) = self._reader.questions([Seen(seat, tuple(legal), seen)])
            states, rows = question.observation.state[None], question.observation.actions
        log_probs, values = model.policy.evaluate(states, rows, np.array([len(legal)], np.int64))
        shares = np.exp(log_probs.astype(np.float64))
        action = legal[drawn(shares, self._random.random())]
        return action, _thought(float(values[0]), legal, shares.tolist())

    def _followed(self, state: GameState) -> Game:
        """Return the game as it stands, played on from where it was last seen."""
        assert self._games is not None, "only games of this process are followed"
        actions = list(state.actions)
        known = len(self._actions)
        if self._game is None or actions[:known] != self._actions:
            self._game, known = self._games.new(state.seed), 0
        game = self._game
        try:
            for action in actions[known:]:
                game.apply(action)
            ours = {int(action) for action in game.legal_actions()}
        except Exception as error:
            self._game, self._actions = None, []
            raise Unusable(f"the game's actions cannot be played here: {error}") from error
        self._actions = actions
        if ours != {action.number for action in state.legal_actions}:
            raise Unusable("the rules that are installed here are not those of the Game service")
        return game


def _rows(state: GameState, width: int) -> Float16:
    """Return the numbers of the legal actions, which the Game service sends to the seat."""
    if any(len(action.features) != 2 * width for action in state.legal_actions):
        raise Unusable(_OTHER_ENVIRONMENT)
    joined = b"".join(action.features for action in state.legal_actions)
    return np.frombuffer(joined, "<f2").astype(np.float16).reshape(-1, width)


def _thought(value: float, actions: list[int], weights: list[float]) -> Thought:
    """Return a thought with the likeliest actions, in their order."""
    if len(actions) > _MOST_SHOWN:
        best = sorted(range(len(actions)), key=lambda place: -weights[place])[:_MOST_SHOWN]
        actions, weights = [actions[i] for i in sorted(best)], [weights[i] for i in sorted(best)]
    return Thought(value=max(-1.0, min(1.0, value)), actions=actions, weights=weights)
