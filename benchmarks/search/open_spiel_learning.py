"""The peer's side of ``search/az_learning.py``: OpenSpiel's Python AlphaZero learns Connect Four.

Its own functions play (``_play_game``) and learn (``Model.update``, as often as its learner does),
with the settings of its example but for the network and the simulations, which are ours. Its actor
and learner take turns in one process, as ours do, in place of being processes that wait for one
another. After so many minutes of processor, measurement excluded, the newest network plays against
chance and against OpenSpiel's search with random games.

For the environment of ``make benchmarks-setup`` only: nothing of ours is installed there. The last
line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time

# Before jax is imported: one thread, as ours has.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax.numpy as jnp
import numpy as np
import pyspiel
from open_spiel.python.algorithms import mcts
from open_spiel.python.algorithms.alpha_zero import alpha_zero, utils
from open_spiel.python.algorithms.alpha_zero import evaluator as evaluators
from open_spiel.python.algorithms.alpha_zero import replay_buffer as buffers

GAME = "connect_four"
EXPLORATION = 2.0
"""Of the search with random games, as OpenSpiel's example of it has it."""


class Quiet:
    """In the place of a log."""

    def print(self, *_: object) -> None:
        """Nothing."""

    opt_print = print


def config_of(options: argparse.Namespace, game: object, path: str) -> alpha_zero.Config:
    """The settings of OpenSpiel's example, with our network and simulations."""
    return alpha_zero.Config(
        game=GAME,
        path=path,
        learning_rate=1e-3,
        weight_decay=1e-4,
        decouple_weight_decay=False,
        train_batch_size=2**7,
        replay_buffer_size=2**13,
        replay_buffer_reuse=4,
        max_steps=0,
        checkpoint_freq=1,
        actors=1,
        evaluators=0,
        evaluation_window=1,
        eval_levels=1,
        uct_c=1.41,
        max_simulations=options.simulations,
        policy_alpha=1.0,
        policy_epsilon=0.25,
        temperature=1.0,
        temperature_drop=options.temperature_moves,
        nn_model="resnet",
        nn_width=options.width,
        nn_depth=options.layers,
        observation_shape=game.observation_tensor_shape(),
        output_size=game.num_distinct_actions(),
        verbose=False,
        quiet=True,
    )


class Learning:
    """Games are played, go into the buffer, and are learned from, in turns."""

    def __init__(self, config: alpha_zero.Config, game: object) -> None:
        self.config, self.game = config, game
        self.model = alpha_zero._init_model_from_config(config)
        self.evaluator = evaluators.AlphaZeroEvaluator(game, self.model)
        self._bots = [self.bot(is_measured=False) for _ in range(2)]
        self._buffer = buffers.Buffer(config.replay_buffer_size, force_cpu=True)
        self._each = config.replay_buffer_size // config.replay_buffer_reuse
        self._new = 0
        self.games = self.positions = self.steps = 0

    def bot(self, *, is_measured: bool) -> mcts.MCTSBot:
        """Its search with the newest network, without noise where it is measured."""
        return alpha_zero._init_bot(self.config, self.game, self.evaluator, evaluation=is_measured)

    def play(self) -> None:
        """One game, and what the learner does when enough positions have come."""
        config = self.config
        played = alpha_zero._play_game(
            Quiet(),
            self.games,
            self.game,
            self._bots,
            config.temperature,
            config.temperature_drop,
        )
        self.games += 1
        self.positions += len(played.states)
        self._new += len(played.states)
        for state in played.states:
            self._buffer.append(
                utils.TrainInput(
                    observation=jnp.asarray(state.observation, dtype=jnp.float32),
                    legals_mask=jnp.asarray(state.legals_mask, dtype=jnp.bool),
                    policy=jnp.asarray(state.policy, dtype=jnp.float32),
                    value=jnp.asarray(played.returns[0], dtype=jnp.float32),
                )
            )
        if self._new >= self._each:
            self._learn()

    def _learn(self) -> None:
        self._new = 0
        for _ in range(len(self._buffer) // self.config.train_batch_size):
            self.model.update(self._buffer.sample(self.config.train_batch_size))
            self.steps += 1
        self.evaluator.clear_cache()


def win_rate(learning: Learning, other: object, games: int) -> float:
    """The newest network's, with its search without noise; a draw is half a win."""
    points = 0.0
    for number in range(games):
        own = learning.bot(is_measured=True)
        state, seat = learning.game.new_initial_state(), number % 2
        # Openings differ, or both would play one game again and again.
        for action in np.random.RandomState(number // 2).randint(0, 7, 3):
            state.apply_action(int(action))
        while not state.is_terminal():
            bot = own if state.current_player() == seat else other
            state.apply_action(bot.step(state))
        points += (state.returns()[seat] + 1) / 2
    return points / games


class Chance(pyspiel.Bot):
    """Plays any legal move."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = np.random.RandomState(seed)

    def step(self, state: object) -> int:
        """See Bot."""
        return int(self._random.choice(state.legal_actions()))


def searching(game: object, simulations: int) -> mcts.MCTSBot:
    """OpenSpiel's search with random games."""
    random = np.random.RandomState(3)
    rollouts = mcts.RandomRolloutEvaluator(1, random)
    return mcts.MCTSBot(game, EXPLORATION, simulations, rollouts, random_state=random)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--simulations", type=int, default=50)
    parser.add_argument("--temperature-moves", type=int, default=30)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--match", type=int, default=100)
    options = parser.parse_args()
    game = pyspiel.load_game(GAME)
    with tempfile.TemporaryDirectory() as folder:
        learning = Learning(config_of(options, game, folder), game)
        learning.play()  # what is compiled first is not measured
        games, positions, began = learning.games, learning.positions, time.process_time()
        while (seconds := time.process_time() - began) < options.minutes * 60:
            learning.play()
        played, moves = learning.games - games, learning.positions - positions
        found = {
            "minutes": round(seconds / 60, 2),
            "games": played,
            "positions": moves,
            "steps": learning.steps,
            "games_per_second": round(played / seconds, 3),
            "simulations_per_second": round(moves * options.simulations / seconds, 1),
            "win_rate_random": win_rate(learning, Chance(1), options.match),
            "win_rate_openspiel_mcts_100": win_rate(learning, searching(game, 100), options.match),
        }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
