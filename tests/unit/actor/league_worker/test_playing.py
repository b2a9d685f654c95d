"""What the worker of a league does with players: matches, trials, and seats at tables."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from trainingrun_actor.board_policies import BoardPolicyLoader
from trainingrun_actor.league_worker.matches import (
    FIRST,
    GamesFailed,
    Interrupted,
    MatchPlayer,
    PlayerFailed,
    pairings_of,
)
from trainingrun_actor.league_worker.roster import Contender, DrawingPlayer, Roster, drawn
from trainingrun_actor.league_worker.thinking import Thinker
from trainingrun_actor.league_worker.validation import validate
from trainingrun_actor.league_worker.weights import LoadedModel, Unusable, Weights
from trainingrun_actor.policy import Policy, log_softmax
from trainingrun_contracts.environment_config import BuiltIn, OpenSpiel
from trainingrun_contracts.league.v1.game_pb2 import GameState, LegalAction
from trainingrun_contracts.league.v1.matchmaker_pb2 import LeasedMatch
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.games import Games
from trainingrun_environments.registry import games_of

from testkit.roles.board_weights import random_board_weights

FOUR = games_of(BuiltIn("connect_four"))
KUHN = games_of(OpenSpiel("kuhn_poker"))
RANDOM = Contender("builtin/random", None, 0)
NOW = Pointer(0, 1, 0, "0" * 64, 0.0)


def roster(games: Games = FOUR) -> Roster:
    """Return a roster that fetches no model."""
    return Roster(games, Weights(None, Path("unused"), games.spec))  # type: ignore[arg-type]


def network(*, simulations: int = 0, version: int = 1) -> Contender:
    """Return a network with random numbers."""
    blob = random_board_weights(Network("mlp", 32, 1), FOUR.spec, version=version)
    policy = BoardPolicyLoader(FOUR.spec).load(blob, NOW)
    return Contender("model/m", LoadedModel("m", policy, simulations), simulations)


def broken() -> Contender:
    """Return a model whose network fails when it is asked."""

    def evaluate(*_arrays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise ZeroDivisionError("the last layer")

    policy = Policy(evaluate, NOW)
    return Contender("model/bad", LoadedModel("bad", policy, 0), 0)


def even() -> Policy:
    """Return a policy to which all actions are alike, and every position worth a tenth."""

    def evaluate(
        states: np.ndarray, actions: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        logits = log_softmax(np.zeros(len(actions), np.float32), counts)
        return logits, np.full(len(states), 0.1, np.float32)

    return Policy(evaluate, NOW)


def played(first: Contender, second: Contender, *, pairs: int = 4, games: Games = FOUR):
    """Return a match that was played."""
    player = MatchPlayer(roster(games), recorded=1, is_stopping=lambda: False)
    leased = LeasedMatch(match_id="m", first="a", second="b", pairs=pairs, seed=2**64 - 2)
    return asyncio.run(player.play(leased, first, second, until=monotonic() + 600))


def test_results_come_in_pairs_and_are_seen_from_the_first() -> None:
    """mcts beats chance from both seats, whichever of the two is the first player."""
    found = played(Contender("builtin/mcts-60", None, 60), RANDOM)
    assert sum(result.outcome for result in found.results) > 5
    turned = played(RANDOM, Contender("builtin/mcts-60", None, 60))
    assert sum(result.outcome for result in turned.results) < -5
    seeds = [result.seed for result in found.results]
    assert seeds[::2] == seeds[1::2] == [2**64 - 2, 2**64 - 1, 0, 1]


def test_the_games_of_a_pair_have_one_opening_and_changed_seats() -> None:
    """And different pairs different openings, also where a match has few of them."""
    pairings = pairings_of(FOUR, LeasedMatch(pairs=16, seed=5))
    for one, other in zip(pairings[::2], pairings[1::2], strict=True):
        assert (one.opening, one.seed) == (other.opening, other.seed)
        assert (one.players[0], other.players[0]) == (FIRST, "second")
    assert len({one.opening for one in pairings[::2]}) == 16
    alone = {pairings_of(FOUR, LeasedMatch(pairs=1, seed=n))[0].opening for n in range(64)}
    assert len(alone) > 50


def test_some_games_are_recorded_whole() -> None:
    """The first pair, so that people can see it: played again, it ends."""
    found = played(network(), RANDOM, pairs=2)
    assert len(found.recorded) == 2
    assert list(found.recorded[0].players) == ["model/m", "builtin/random"]
    assert list(found.recorded[1].players) == ["builtin/random", "model/m"]
    for record in found.recorded:
        game = FOUR.new(record.seed)
        for action in record.actions:
            game.apply(action.number)
        assert game.is_terminal


def test_games_that_cannot_be_cloned_are_played_by_drawing() -> None:
    """Kuhn's poker: the policy draws, so that both of its actions are seen."""
    model = Contender("model/k", LoadedModel("k", even(), 0), 0)
    found = played(model, RANDOM, pairs=40, games=KUHN)
    assert len(found.results) == 80
    assert len({result.moves for result in found.results}) > 1


def test_a_policy_is_drawn_from_as_its_shares_are() -> None:
    """Against counting: 3000 draws of a quarter and three quarters."""
    player, game = DrawingPlayer(KUHN, even()), KUHN.new(1)
    counts = Counter[int]()
    for seed in range(600):
        player.ask(0, game, seed=seed)
        ((_, action),) = player.advance()
        counts[action] += 1
    assert 240 < counts[0] < 360
    shares = np.array([0.25, 0.75])
    draws = np.random.default_rng(0).random(3000)
    assert 0.22 < sum(drawn(shares, each) == 0 for each in draws) / 3000 < 0.28
    assert drawn(shares, 1.0 - 1e-16) == 1


def test_who_fails_is_named() -> None:
    """The match is given up by the fault of one player, and says which."""
    with pytest.raises(PlayerFailed, match="the last layer") as caught:
        played(RANDOM, broken())
    assert caught.value.player_id == "model/bad"


def test_a_match_ends_when_the_worker_is_to_stop_or_its_lease_ends() -> None:
    """Somebody else plays it; with the match nothing is wrong only where the worker ends."""
    for stopping, seconds, ends in ((True, 60.0, Interrupted), (False, -1.0, GamesFailed)):
        player = MatchPlayer(roster(), recorded=0, is_stopping=lambda stop=stopping: stop)
        call = player.play(
            LeasedMatch(match_id="m", pairs=200),
            Contender("builtin/mcts-400", None, 400),
            RANDOM,
            until=monotonic() + seconds,
        )
        with pytest.raises(ends):
            asyncio.run(call)


def test_who_is_no_player_here_is_refused() -> None:
    """Unknown names, and searches of games that cannot be searched."""
    for games, name in ((FOUR, "person/ada"), (FOUR, "builtin/none"), (KUHN, "builtin/mcts-100")):
        with pytest.raises(Unusable):
            asyncio.run(roster(games).find(name))


class OneModel:
    """In the place of the Model service: a roster whose every model is this one."""

    def __init__(self, contender: Contender) -> None:
        self.games = FOUR
        self._contender = contender

    async def find(self, _player_id: str) -> Contender:
        """See Roster."""
        return self._contender

    def places(self, contenders: Iterable[Contender], *, games: int) -> int:
        """See Roster."""
        return roster().places(contenders, games=games)

    def seat(self, contender: Contender, *, places: int, seed: int) -> object:
        """See Roster."""
        return roster().seat(contender, places=places, seed=seed)


@pytest.mark.parametrize("simulations", [0, 8])
def test_a_model_that_plays_is_valid(simulations: int) -> None:
    """Eight games to their end, and how fast it is."""
    tried = OneModel(network(simulations=simulations))
    found = asyncio.run(validate(tried, "m", is_stopping=lambda: False))  # type: ignore[arg-type]
    assert found is not None
    assert (found.loads, found.is_finite, found.games, found.problem) == (True, True, 8, "")
    assert found.decisions_per_second > 0


def test_a_model_that_fails_is_not_valid() -> None:
    """The problem says what it did."""
    tried = OneModel(broken())
    found = asyncio.run(validate(tried, "m", is_stopping=lambda: False))  # type: ignore[arg-type]
    assert found is not None
    assert (found.is_finite, found.problem) == (False, "ZeroDivisionError: the last layer")


def state_of(actions: list[int]) -> GameState:
    """Return what the Game service shows the seat to move of Connect Four."""
    game = FOUR.new(0)
    for action in actions:
        game.apply(action)
    legal = [LegalAction(number=number) for number in game.legal_actions()]
    return GameState(
        turn=len(actions),
        seat_to_move=game.current_player + 1,
        actions=actions,
        legal_actions=legal,
    )


def test_a_seat_thinks_about_the_game_as_it_stands() -> None:
    """mcts wins in one move, from a game that it joins late and follows from there."""
    thinker = Thinker(FOUR, Contender("builtin/mcts-100", None, 100), seed=1)
    action, thought = thinker.choose(state_of([0, 1, 0, 1, 0, 1]))
    assert action == 0
    assert thought is not None
    assert thought.value == 1.0
    assert thought.simulations == 100
    assert sum(thought.weights) == pytest.approx(1.0)
    for actions in ([3], [3, 3, 4], [6]):  # one that is not the game before is begun anew
        assert thinker.choose(state_of(actions))[0] in range(7)


def test_a_policy_says_what_it_expects() -> None:
    """Its probabilities are a distribution over the legal actions, the likeliest is played."""
    action, thought = Thinker(FOUR, network(), seed=1).choose(state_of([3] * 6))
    assert thought is not None
    assert list(thought.actions) == [0, 1, 2, 4, 5, 6]
    assert sum(thought.weights) == pytest.approx(1.0, abs=1e-5)
    assert action == thought.actions[int(np.argmax(thought.weights))]
    assert abs(thought.value) <= 1.0


def test_a_seat_with_secrets_reads_its_observation_alone() -> None:
    """No seed and no action of the other one is needed."""
    model = Contender("model/k", LoadedModel("k", even(), 0), 0)
    game = KUHN.new(3)
    state = GameState(
        seat_to_move=1,
        legal_actions=[LegalAction(number=number) for number in game.legal_actions()],
        observation=game.observation(0).astype("<f4").tobytes(),
        observation_dtype="float32",
    )
    action, thought = Thinker(KUHN, model, seed=1).choose(state)
    assert action in (0, 1)
    assert thought is not None
    assert thought.value == pytest.approx(0.1)
    state.observation = b"\0"
    with pytest.raises(Unusable, match="observation"):
        Thinker(KUHN, model, seed=1).choose(state)


def test_rules_of_another_version_are_noticed() -> None:
    """A game that is not the one that is installed here is not played on."""
    for state in (state_of([3]), state_of([3, 3])):
        del state.legal_actions[0]
        with pytest.raises(Unusable, match="rules"):
            Thinker(FOUR, network(), seed=1).choose(state)
