"""What games of AlphaZero and their training cost a core: ``estimate/search_rates.yaml``.

Each game that comes with TrainingRun is played against itself by a small network with random
weights, 50 simulations a move, 32 games in lock step; what its network takes is counted apart, so
that a plan can put another network in its place. Networks and steps of the learner are measured on
Connect Four in two sizes of each kind, between and beyond which their cost grows with the number of
multiplications. Random games tell how many moves a game has before anything is learned.

In-process, one thread and by processor time, so that a busy machine disturbs it little.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.numpy import save
from trainingrun.commands.plan.host import loop
from trainingrun_actor.selfplay.admission import selfplay_settings
from trainingrun_actor.selfplay.segments import GameOrigin, segments_of
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, ReplayConfig
from trainingrun_contracts.board_network import NETWORK_METADATA, board_shapes, multiplications
from trainingrun_contracts.board_weights import SCHEMA_METADATA, VERSION_METADATA
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, RunConfig
from trainingrun_contracts.segment import Segment
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.games import Games
from trainingrun_environments.registry import games_of
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.evaluators import Answer, Cached, Evaluator, Request
from trainingrun_search.records import GameRecord
from trainingrun_search.selfplay import SelfPlay
from trainingrun_trainer.alphazero.network import new_board_network
from trainingrun_trainer.alphazero.update import AlphaZeroUpdater

from benchmarks.daemon.engine_rates import machine
from benchmarks.measuring import ONE_THREAD, ROOT

TABLE = ROOT / "cli/src/trainingrun/estimate/search_rates.yaml"
HEAD = """\
# What games and training of AlphaZero cost a core, for `trainingrun plan`.
# Made by `.venv/bin/python -m benchmarks.search.search_rates --write`; do not edit.
#   moves: of a game of self-play; randomMoves: of one where both sides move by chance
#   treeMicroseconds: of a simulation, without the network (rules, tree, records)
#   valued: positions that the network values, of 100 simulations; valuedOnce: behind a cache
#   networks: microseconds of a position, and nanoseconds more for each multiplication
#   learner: the same of a sample, forwards and backwards, with its draw from the window
"""
NAMES = ("breakthrough", "connect_four", "go", "hex", "othello", "quoridor", "tic_tac_toe")
SIZES = {
    "mlp": (Network("mlp", width=64, layers=1), Network("mlp", width=512, layers=3)),
    "resnet": (Network("resnet", width=32, layers=2), Network("resnet", width=64, layers=4)),
}
SLOTS = 32
SIMULATIONS = 50
_WHOLE = 16
_RANDOM_GAMES = 100
_BATCH = 256
_ROWS = 4_096
_LEAST_SECONDS = 2.0


def policy_of(network: Network, games: Games) -> BoardPolicy:
    """A network with random weights."""
    random = np.random.default_rng(0)
    tensors = {
        name: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for name, shape in board_shapes(network, games.spec).items()
    }
    metadata = {SCHEMA_METADATA: games.spec.schema_hash, VERSION_METADATA: "0"}
    blob = save(tensors, {**metadata, NETWORK_METADATA: network.kind})
    return BoardPolicy.from_bytes(blob, games.spec)


@dataclass
class Counted:
    """Asks another evaluator, and adds up what it was asked and what that took."""

    evaluator: Evaluator
    positions: int = 0
    seconds: float = 0.0

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        began = time.process_time()
        answer = self.evaluator.evaluate(request)
        self.seconds += time.process_time() - began
        self.positions += len(request.legal)
        return answer


@dataclass
class Last:
    """Asks another evaluator, and keeps the first of the largest requests."""

    evaluator: Evaluator
    largest: Request | None = None

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        if self.largest is None or len(request.legal) > len(self.largest.legal):
            arrays = (request.observations, request.legal, request.nodes)
            self.largest = Request(*(each.copy() for each in arrays), request.positions)
        return self.evaluator.evaluate(request)


def played(
    games: Games, evaluator: Evaluator, *, whole: int = 0
) -> tuple[list[GameRecord], int, float]:
    """Whole games of self-play, the simulations of all that were played, and processor seconds.

    Games are begun anew until the first ``whole`` ones have ended, so that rounds stay as full as
    in a run.
    """
    search = AlphaZeroConfig().search
    play = SelfPlay(games, evaluator, selfplay_settings(search, slots=SLOTS), seed=1)
    fresh, wanted, found = itertools.count(), set(range(whole)), []
    began = time.process_time()
    while wanted or time.process_time() - began < _LEAST_SECONDS:
        while play.running < SLOTS:
            play.begin(next(fresh))
        for record in play.step():
            if record.number in wanted:
                wanted.remove(record.number)
                found.append(record)
    return found, play.lockstep.simulated, time.process_time() - began


def game_figures(name: str) -> dict[str, Any]:
    """One row of the table."""
    games = games_of(BuiltIn(name))
    policy = policy_of(Network("mlp", width=64, layers=1), games)
    played(games, policy)  # compiled, and in the caches
    network = Counted(policy)
    records, simulations, seconds = played(games, network, whole=_WHOLE)
    behind = Counted(policy)
    _, again, _ = played(games, Cached(behind, entries=20_000))
    assert isinstance(games.spec.actions, Vocabulary)
    return {
        "observation": list(games.spec.observation),
        "actions": games.spec.actions.size,
        "moves": round(fmean(record.moves for record in records), 1),
        "randomMoves": round(random_moves(games), 1),
        "treeMicroseconds": round(1e6 * (seconds - network.seconds) / simulations, 2),
        "valued": round(100 * network.positions / simulations, 1),
        "valuedOnce": round(100 * behind.positions / again, 1),
    }


def random_moves(games: Games) -> float:
    """Mean moves of games in which both sides move by chance."""
    random, lengths = Random(1), []
    for seed in range(_RANDOM_GAMES):
        game, moves = games.new(seed), 0
        while not game.is_terminal and moves < AlphaZeroConfig().search.most_moves:
            game.apply(random.choice(game.legal_actions()))
            moves += 1
        lengths.append(moves)
    return fmean(lengths)


def line(seconds: Sequence[tuple[int, float]]) -> dict[str, float]:
    """What a position costs, from (multiplications, seconds) of two sizes."""
    (small, least), (large, most) = seconds
    slope = (most - least) / (large - small)
    constant = max(0.0, least - slope * small)
    return {
        "microseconds": round(1e6 * constant, 2),
        "nanoseconds": round(1e9 * (most - constant) / large, 5),
    }


def network_figures(kind: str, rows: Request, games: Games) -> dict[str, float]:
    """What a position costs who searches, in rounds of ``SLOTS``."""
    found = []
    for network in SIZES[kind]:
        policy = policy_of(network, games)
        policy.evaluate(rows)
        began, turns = time.process_time(), 0
        while time.process_time() - began < _LEAST_SECONDS:
            policy.evaluate(rows)
            turns += 1
        each = (time.process_time() - began) / turns / len(rows.legal)
        found.append((multiplications(network, games.spec), each))
    return line(found)


def learner_figures(kind: str, segments: Sequence[Segment], games: Games) -> dict[str, float]:
    """What a sample costs the learner, with a window of positions of real games."""
    found = []
    for network in SIZES[kind]:
        updater = updater_of(network, games)
        updater.train(segments, games=0)  # fills the window, and takes its first steps
        began, drawn = time.process_time(), 0
        while time.process_time() - began < 2 * _LEAST_SECONDS:
            drawn += updater.train(segments[:8], games=1).steps * _BATCH
        each = (time.process_time() - began) / drawn
        found.append((multiplications(network, games.spec), each))
    return line(found)


def updater_of(network: Network, games: Games) -> AlphaZeroUpdater:
    """A learner without a run around it."""
    alpha_zero = AlphaZeroConfig(
        batch=_BATCH, replay=ReplayConfig(rows=_ROWS, least_rows=1, samples_per_row=8.0)
    )
    config = RunConfig(
        run="rates",
        run_id="rates",
        seed=1,
        games=1_000_000,
        decks=("",),
        environment=BuiltIn("connect_four"),
        learner=LearnerConfig(batch_transitions=512, network=network),
        checkpoint=CheckpointConfig(storage="file:///nowhere"),
        alpha_zero=alpha_zero,
    )
    return AlphaZeroUpdater(
        new_board_network(1, network, games.spec),
        config,
        device=torch.device("cpu"),
        symmetries=symmetries_of(games),
    )


def segments_from(records: Sequence[GameRecord], games: Games) -> Iterator[Segment]:
    """What a worker sends of games."""
    pointer = Pointer(1, 0, 0, "0", 0.0)
    for number, record in enumerate(records):
        origin = GameOrigin(
            run_id="rates",
            schema_hash=games.spec.schema_hash,
            actor="a",
            game_id=str(number),
            seed=0,
            created_at=0.0,
        )
        yield from segments_of(record, origin, {0: pointer})


def measure(names: Sequence[str]) -> dict[str, Any]:
    """The table of these games."""
    torch.set_num_threads(1)
    table: dict[str, Any] = {"games": {}, "networks": {}, "learner": {}}
    for name in names:
        table["games"][name] = game_figures(name)
        print(f"{name}: {table['games'][name]}", file=sys.stderr)
    games = games_of(BuiltIn("connect_four"))
    policy = policy_of(Network("mlp", width=64, layers=1), games)
    rounds = Last(policy)
    records, _, _ = played(games, rounds, whole=SLOTS)
    rows = rounds.largest
    assert rows is not None
    segments = list(segments_from(records, games))
    for kind in SIZES:
        table["networks"][kind] = network_figures(kind, rows, games)
        table["learner"][kind] = learner_figures(kind, segments, games)
        print(f"{kind}: {table['networks'][kind]} {table['learner'][kind]}", file=sys.stderr)
    return table


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--games", nargs="*", default=NAMES, help="those of the table [all]")
    parser.add_argument("--write", action="store_true", help=f"into {TABLE.name}")
    options = parser.parse_args()
    if not ONE_THREAD.items() <= os.environ.items():  # numpy reads them while it is imported
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **ONE_THREAD})
    head = {
        "asOf": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "loopMilliseconds": round(loop(), 3),
        "simulations": SIMULATIONS,
    }
    text = HEAD + yaml.safe_dump({**head, **measure(options.games)}, sort_keys=False, width=100)
    if options.write:
        TABLE.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
