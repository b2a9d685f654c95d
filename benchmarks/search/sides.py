"""One side of ``search/speed.py``: searches positions of Connect Four.

All sides search the same positions with the same number of simulations, each from an empty tree,
with noise at the root, as in self-play. Ours take them in lock step, OpenSpiel's one by one.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Mapping
from random import Random

import numpy as np
import pyspiel
import torch
from open_spiel.python.algorithms import mcts
from trainingrun_contracts.environment_config import BuiltIn, OpenSpiel
from trainingrun_environments.games import Game
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Cached, Evaluator, Table
from trainingrun_search.lockstep import Lockstep
from trainingrun_search.selfplay import SelfPlay, SelfPlaySettings
from trainingrun_search.settings import Method, SearchSettings

from benchmarks.measuring import serve
from benchmarks.search.network import TorchEvaluator

Work = Callable[[], Mapping[str, float]]
SLOTS = 64
SIMULATIONS = 50


def moves_of(seed: int, most: int = 16) -> list[int]:
    """A random opening that is not over."""
    random = Random(seed)
    games = games_of(BuiltIn("connect_four"))
    while True:
        game, moves = games.new(0), list[int]()
        for _ in range(random.randrange(most)):
            moves.append(random.choice(list(game.legal_actions())))
            game.apply(moves[-1])
            if game.is_terminal:
                break
        if not game.is_terminal:
            return moves


def position(name: str, seed: int) -> Game:
    """A position of a built-in game or of OpenSpiel's one."""
    games = games_of(OpenSpiel(name[10:]) if name.startswith("openSpiel:") else BuiltIn(name))
    game = games.new(0)
    for move in moves_of(seed):
        game.apply(move)
    return game


def searches(
    evaluator: Evaluator,
    *,
    simulations: int = SIMULATIONS,
    method: Method = Method.PUCT,
    slots: int = SLOTS,
    rounds: int = 1,
    environment: str = "connect_four",
) -> Work:
    """Search ``slots`` positions at once, ``rounds`` times."""
    config = OpenSpiel(environment[10:]) if ":" in environment else BuiltIn(environment)
    settings = SearchSettings(simulations=simulations, method=method)
    search = Lockstep(games_of(config), evaluator, settings, slots=slots)
    positions = [position(environment, seed) for seed in range(slots)]

    def work() -> Mapping[str, float]:
        before = search.simulated, search.evaluated
        for number in range(rounds):
            for slot, game in enumerate(positions):
                search.place(slot, game, np.random.default_rng([number, slot]))
            while len(search.done()) < slots:
                search.round()
        made, asked = search.simulated - before[0], search.evaluated - before[1]
        return {"simulations": float(made), "evaluated": float(asked)}

    return work


def selfplay(evaluator: Evaluator, *, games: int, method: Method = Method.PUCT) -> Work:
    """Play whole games with kept trees, records included."""
    settings = SelfPlaySettings(
        search=SearchSettings(simulations=SIMULATIONS, method=method), slots=SLOTS
    )
    play = SelfPlay(games_of(BuiltIn("connect_four")), evaluator, settings, seed=0)
    fresh = itertools.count()

    def work() -> Mapping[str, float]:
        before = play.lockstep.simulated, play.lockstep.evaluated
        numbers = [next(fresh) for _ in range(games)]
        moves = sum(record.moves for record in play.play(numbers))
        made = play.lockstep.simulated - before[0]
        asked = play.lockstep.evaluated - before[1]
        return {"simulations": float(made), "evaluated": float(asked), "moves": float(moves)}

    return work


def open_spiel(*, network: bool, positions: int) -> Work:
    """OpenSpiel's Python search with AlphaZero's evaluator in its form: one position at a time."""
    net = TorchEvaluator(planes=3) if network else None
    game = pyspiel.load_game("connect_four")
    numbers = np.random.default_rng(0)
    table = numbers.random((4096, 7), np.float32) + np.float32(0.01)

    class Evaluator(mcts.Evaluator):
        """Values a state; the table by its hash."""

        def __init__(self) -> None:
            self.asked = 0

        def _numbers(self, state):
            self.asked += 1
            if net is None:
                return table[hash(tuple(state.history())) % 4096], 0.1
            seen = np.array(state.observation_tensor(), np.float32).reshape(1, 3, 6, 7)
            legal = np.array(state.legal_actions_mask(), np.bool_)[None]
            priors, values = net.numbers(seen, legal)
            return priors[0], float(values[0])

        def evaluate(self, state):
            value = self._numbers(state)[1]
            return np.array([value, -value])

        def prior(self, state):
            priors = self._numbers(state)[0]
            return [(action, priors[action]) for action in state.legal_actions()]

    evaluator = Evaluator()
    bot = mcts.MCTSBot(
        game,
        1.25,
        SIMULATIONS,
        evaluator,
        solve=True,
        dirichlet_noise=(0.25, 1.0),
        child_selection_fn=mcts.SearchNode.puct_value,
        random_state=np.random.RandomState(0),
    )
    states = []
    for seed in range(positions):
        state = game.new_initial_state()
        for move in moves_of(seed):
            state.apply_action(move)
        states.append(state)

    def work() -> Mapping[str, float]:
        before, made = evaluator.asked, 0
        for state in states:
            made += bot.mcts_search(state).explore_count
        return {"simulations": float(made), "evaluated": float(evaluator.asked - before)}

    return work


SIDES: Mapping[str, Callable[[], Work]] = {
    "tree": lambda: searches(Table(actions=7), rounds=40),
    "tree, 800 simulations": lambda: searches(Table(actions=7), simulations=800, slots=16),
    "tree, Gumbel": lambda: searches(Table(actions=7), method=Method.GUMBEL, rounds=20),
    "tree, one game": lambda: searches(Table(actions=7), slots=1, rounds=40),
    "tree, a class's rules": lambda: searches(
        Table(actions=7), environment="openSpiel:connect_four", rounds=2
    ),
    "self-play, table": lambda: selfplay(Table(actions=7), games=256),
    "network": lambda: searches(TorchEvaluator(), rounds=2),
    "network, bf16": lambda: searches(TorchEvaluator(dtype=torch.bfloat16), rounds=5),
    "self-play, network": lambda: selfplay(Cached(TorchEvaluator()), games=64),
    "self-play, network, Gumbel": lambda: selfplay(
        Cached(TorchEvaluator()), games=64, method=Method.GUMBEL
    ),
    "OpenSpiel, table": lambda: open_spiel(network=False, positions=16),
    "OpenSpiel, network": lambda: open_spiel(network=True, positions=4),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=SIDES)
    work = SIDES[parser.parse_args().side]()
    serve(lambda: None, work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
