"""What values positions without a network, and what stands around an evaluator."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_environments.games import Game, Games
from trainingrun_environments.registry import games_of
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_search.chance import Chance, below, next_state
from trainingrun_search.evaluators import (
    Answer,
    Cached,
    Mlp,
    Request,
    Rollouts,
    Symmetric,
    Table,
    Uniform,
)
from trainingrun_search.positions import PythonPositions, vocabulary_size
from trainingrun_search.rules import COMPILED, most_legal_of, positions_of
from trainingrun_search.tree import NO_NODE, new_leaves

COMPILED_GAMES = sorted(name for name, _ in COMPILED)


def games_named(name: str) -> Games:
    """The games of a built-in environment."""
    return games_of(BuiltIn(name))


def random_positions(games: Games, count: int) -> list[Game]:
    """Positions of random games, none of them over."""
    found: list[Game] = []
    for seed in range(count):
        random = Random(seed)
        game, before = games.new(seed), games.new(seed)
        for _ in range(random.randrange(60)):
            before = game.clone()
            game.apply(random.choice(list(game.legal_actions())))
            if game.is_terminal:
                break
        found.append(before if game.is_terminal else game)
    return found


def request_for(games: Games, positions: list[Game]) -> Request:
    """A request for these positions."""
    store = positions_of(games, len(positions))
    actions = vocabulary_size(games.spec)
    legal = np.zeros((len(positions), actions), np.bool_)
    for node, game in enumerate(positions):
        store.place(node, game)
        legal[node, list(game.legal_actions())] = True
    seen = np.stack([each.observation(each.current_player) for each in positions])
    return Request(seen, legal, np.arange(len(positions), dtype=np.int32), store)


class Generations:
    """A table whose generation can be changed; counts what it was asked."""

    def __init__(self) -> None:
        self.table, self.generation, self.asked = Table(actions=7), 1, 0

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        self.asked += len(request.legal)
        answer = self.table.evaluate(request)
        return Answer(answer.priors, answer.values, self.generation)


def test_uniform_knows_nothing() -> None:
    """Expect equal priors and values of zero."""
    games = games_named("connect_four")
    answer = Uniform().evaluate(request_for(games, random_positions(games, 5)))
    assert (answer.values == 0).all()
    assert set(answer.priors.reshape(-1).tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("name", COMPILED_GAMES)
def test_compiled_rollouts_are_the_plain_ones(name: str) -> None:
    """Expect the same chance to lead to the same results in both."""
    games = games_named(name)
    positions = random_positions(games, 60)
    plain = PythonPositions(games, len(positions))
    for node, game in enumerate(positions):
        plain.place(node, game)
    request = request_for(games, positions)
    seeds = np.arange(60, dtype=np.uint64) * np.uint64(7919)
    expected = plain.rollouts(request.nodes, seeds)
    assert request.positions.rollouts(request.nodes, seeds).tolist() == expected.tolist()


@pytest.mark.parametrize("name", COMPILED_GAMES)
def test_compiled_rules_are_those_of_the_class(name: str) -> None:
    """Expect the same legal actions, observations, ends and results along random games."""
    games = games_named(name)
    actions = vocabulary_size(games.spec)
    for seed in range(30):
        random, game = Random(seed), games.new(0)
        store = positions_of(games, 2)
        store.place(0, game)
        leaves = new_leaves(most=1, most_legal=most_legal_of(games))
        seen = np.zeros((1, *games.spec.observation), store.dtype)
        legal = np.zeros((1, actions), np.bool_)
        while not game.is_terminal:
            action = random.choice(list(game.legal_actions()))
            game.apply(action)
            leaf = leaves.items[0]
            leaf["node"], leaf["parent"], leaf["action"] = 1, 0, action
            rows = store.expand(leaves, 1, seen, legal)
            assert bool(leaf["is_over"]) == game.is_terminal == (rows == 0)
            if game.is_terminal:
                assert leaf["outcome"] == game.returns[0]
                break
            assert leaf["player"] == game.current_player
            assert leaves.legal[0, : leaf["count"]].tolist() == list(game.legal_actions())
            assert np.flatnonzero(legal[0]).tolist() == list(game.legal_actions())
            np.testing.assert_array_equal(seen[0], game.observation(game.current_player))
            np.testing.assert_array_equal(store.observe(1), seen[0])
            store.place(0, game)
            leaf["parent"] = NO_NODE
            leaf["node"] = 0
            assert store.expand(leaves, 1, seen, legal) == 1
            np.testing.assert_array_equal(seen[0], game.observation(game.current_player))


def test_rollouts_find_a_win() -> None:
    """Expect a position with a fork to be worth more than the first one."""
    games = games_named("connect_four")
    won = games.new(0)
    for action in (3, 0, 4, 0, 2, 0):  # three in the middle, both ends open
        won.apply(action)
    answer = Rollouts(seed=1, games=200).evaluate(request_for(games, [games.new(0), won]))
    assert answer.values[1] > answer.values[0] + 0.3


def test_compiled_chance_is_the_plain_one() -> None:
    """Expect the same numbers from the same seeds, within their bound."""
    for seed in (0, 1, 2**63, 2**64 - 1):
        state, plain = np.uint64(seed), Chance(seed)
        for bound in (1, 2, 7, 100, 2**31):
            state = np.uint64(next_state(state))
            assert below(state, bound) == plain.below(bound) < bound


def test_a_small_network_is_the_plain_sum() -> None:
    """Expect the priors of legal actions and the values of nested loops."""
    games, numbers = games_named("tic_tac_toe"), np.random.default_rng(0)
    request = request_for(games, random_positions(games, 12))

    def layer(inputs: int, outputs: int) -> tuple[Any, Any]:
        return (
            numbers.normal(size=(inputs, outputs)).astype(np.float32),
            numbers.normal(size=outputs).astype(np.float32),
        )

    hidden, policy, value = layer(18, 5), layer(5, 9), layer(5, 1)
    answer = Mlp([hidden], policy, value, generation=4).evaluate(request)
    assert answer.generation == 4
    for row, seen in enumerate(request.observations.reshape(12, -1)):
        units = [
            max(sum(x * w for x, w in zip(seen, c, strict=True)) + b, 0.0)
            for c, b in columns(hidden)
        ]
        scores = [sum(x * w for x, w in zip(units, c, strict=True)) + b for c, b in columns(policy)]
        [best] = [
            math.tanh(sum(x * w for x, w in zip(units, c, strict=True)) + b)
            for c, b in columns(value)
        ]
        legal = np.flatnonzero(request.legal[row])
        expected = np.exp([scores[action] for action in legal])
        found = answer.priors[row, legal]
        np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), rtol=1e-4)
        assert answer.values[row] == pytest.approx(best, abs=1e-5)


def columns(layer: tuple[Any, Any]) -> list[tuple[Any, float]]:
    """Weights and bias of each output of a layer."""
    return [(weights, float(bias)) for weights, bias in zip(layer[0].T, layer[1], strict=True)]


def test_cached_asks_once_for_a_position() -> None:
    """Expect the same answers, and no position to be asked for twice, within one request either."""
    games, inner = games_named("connect_four"), Generations()
    positions = random_positions(games, 20)
    request = request_for(games, positions * 2)
    cached = Cached(inner)
    first, second = cached.evaluate(request), cached.evaluate(request)
    distinct = len({each.tobytes() for each in request.observations})
    assert inner.asked == distinct == cached.misses
    expected = inner.table.evaluate(request)
    for answer in (first, second):
        assert (answer.priors == expected.priors).all()
        assert (answer.values == expected.values).all()


def test_cached_forgets_an_older_generation() -> None:
    """Expect no answer of two generations in one, and none of an old one after a new one."""
    games, inner = games_named("connect_four"), Generations()
    early, late = random_positions(games, 10), random_positions(games, 30)
    cached = Cached(inner)
    assert cached.evaluate(request_for(games, early)).generation == 1
    inner.generation = 2
    asked = inner.asked
    answer = cached.evaluate(request_for(games, late))
    assert answer.generation == 2
    distinct = len({each.observation(each.current_player).tobytes() for each in late})
    assert inner.asked - asked >= distinct


def test_cached_is_emptied_when_it_is_full() -> None:
    """Expect right answers and at most so many entries."""
    games, inner = games_named("connect_four"), Generations()
    request = request_for(games, random_positions(games, 40))
    cached = Cached(inner, entries=10)
    expected = inner.table.evaluate(request)
    assert (cached.evaluate(request).values == expected.values).all()


class Corner:
    """Says 1 for who sees an own stone in the lowest left corner, with the prior on column 1."""

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        values = request.observations[:, 0, -1, 0].astype(np.float32)
        priors = np.zeros(request.legal.shape, np.float32)
        priors[:, 0] = 1.0
        return Answer(priors, values, 1)


def test_symmetric_turns_the_answer_back() -> None:
    """Expect both corners to count, each with the prior on its own column."""
    games = games_named("connect_four")
    left, right = games.new(0), games.new(0)
    for game, columns in ((left, (0, 3)), (right, (6, 3))):
        for column in columns:
            game.apply(column)
    request = request_for(games, [left, right] * 50)
    answer = Symmetric(Corner(), symmetries_of(games), seed=0).evaluate(request)
    found = {
        (place % 2, float(value), int(np.argmax(priors)))
        for place, (value, priors) in enumerate(zip(answer.values, answer.priors, strict=True))
    }
    assert found == {(0, 1.0, 0), (0, 0.0, 6), (1, 0.0, 0), (1, 1.0, 6)}
