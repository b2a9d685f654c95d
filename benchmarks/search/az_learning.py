"""How fast AlphaZero learns Connect Four, in one process and one thread: the curve.

Self-play, the replay window and the steps take turns, as the token bucket has it; what is played,
trained and published are the product's own parts. Every point of the curve is the newest network's:
its win rate against random play and against mcts-100, and how often its choice in a thousand
held-out positions is one of the perfect player's, by the search and by the network alone.

Seconds are those of the processor, so a busy machine disturbs them little; what evaluations take
does not count. With ``--peer`` OpenSpiel's Python AlphaZero learns for as long in its own process
(``search/open_spiel_learning.py``), in the environment of ``make benchmarks-setup``.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec
import torch
from msgspec.structs import replace
from trainingrun_actor.selfplay.admission import selfplay_settings
from trainingrun_actor.selfplay.segments import GameOrigin, segments_of
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, SearchConfig
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, RunConfig
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.games import Game, Games
from trainingrun_environments.registry import games_of
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.evaluators import Answer, Cached, Evaluator, Request, Symmetric
from trainingrun_search.matches import (
    GreedyPlayer,
    Match,
    Pairing,
    Player,
    ladder_player,
    measured_settings,
    searching_player,
)
from trainingrun_search.open_spiel_bot import OpenSpielPlayer
from trainingrun_search.records import GameRecord
from trainingrun_search.selfplay import SelfPlay
from trainingrun_trainer.alphazero.network import new_board_network
from trainingrun_trainer.alphazero.update import AlphaZeroUpdater
from trainingrun_trainer.updater import UpdateResult

from benchmarks import measuring
from benchmarks.measuring import PEERS_PYTHON, ROOT, Goal, SideError, report, tell
from benchmarks.search.agreement import PLACES, share
from testkit.connect_four.labelled import labelled_positions

GOALS = {"win_rate_random": 0.95, "win_rate_mcts_100": 0.5, "agreement": 0.9}
MINUTES_OF_GOALS = 40
"""Of processor: twenty minutes on two cores."""


class Newest:
    """The newest published weights; an evaluator."""

    def __init__(self) -> None:
        self.policy: BoardPolicy | None = None

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        assert self.policy is not None
        return self.policy.evaluate(request)


class Learning:
    """A run in one process: games are played, go into the window, and pay for steps."""

    def __init__(self, config: RunConfig, *, slots: int) -> None:
        self.games: Games = games_of(config.environment)
        self.newest = Newest()
        self._config = config
        alpha_zero = config.alpha_zero
        assert alpha_zero is not None
        self._publish_every = alpha_zero.publish_every_games
        network = new_board_network(config.seed, config.learner.network, self.games.spec)
        symmetries = symmetries_of(self.games)
        self._updater = AlphaZeroUpdater(
            network, config, device=torch.device("cpu"), symmetries=symmetries
        )
        self._publishes = 0
        self._publish()
        evaluator: Evaluator = self.newest
        if alpha_zero.search.symmetries and len(symmetries) > 1:
            evaluator = Symmetric(evaluator, symmetries, seed=config.seed)
        settings = selfplay_settings(alpha_zero.search, slots=slots)
        self._play = SelfPlay(self.games, Cached(evaluator), settings, seed=config.seed).play(
            itertools.count()
        )

    def steps(self) -> Iterator[tuple[int, int, UpdateResult]]:
        """Play and train without end; yields games, positions and what the last update did, after
        each publication."""
        positions, trained = 0, UpdateResult({}, 0, 0, stopped_early=False)
        pointer = Pointer(1, 0, 0, "0", 0.0)
        for played in itertools.count(1):
            record: GameRecord = next(self._play)
            positions += record.moves
            origin = GameOrigin(
                run_id=self._config.run_id,
                schema_hash=self.games.spec.schema_hash,
                actor="a",
                game_id=str(played),
                seed=0,
                created_at=0.0,
            )
            segments = segments_of(record, origin, {0: pointer})
            result = self._updater.train(segments, games=played)
            trained = result if result.steps else trained
            if played % self._publish_every == 0:
                self._publish()
                yield played, positions, trained

    def _publish(self) -> None:
        blob = self._updater.weights(version=self._publishes)
        self.newest.policy = BoardPolicy.from_bytes(
            blob, self.games.spec, generation=self._publishes
        )
        self._publishes += 1


class RandomPlayer:
    """Plays any legal move; a ``Player`` of matches."""

    def __init__(self, *, seed: int) -> None:
        self._random = Random(seed)
        self._chosen: list[tuple[int, int]] = []

    def ask(self, place: int, game: Game, *, seed: int) -> None:  # noqa: ARG002 (Player names it)
        """See Player."""
        self._chosen.append((place, self._random.choice(game.legal_actions())))

    def advance(self) -> Sequence[tuple[int, int]]:
        """See Player."""
        chosen, self._chosen = self._chosen, []
        return chosen


def win_rate(own: Player, games: Games, opponent: Player, *, count: int) -> float:
    """The player's win rate, a draw being half a win; it begins half of the games."""
    seats = (("own", "opponent"), ("opponent", "own"))
    pairings = [Pairing(seats[number % 2], number, ()) for number in range(count)]
    players = {"own": own, "opponent": opponent}
    match, points = Match(games, players, pairings, places=PLACES), 0.0
    while not match.is_over:
        for ended in match.round():
            sign = 1 if ended.number % 2 == 0 else -1
            points += (sign * ended.outcome + 1) / 2
    return points / count


def point(learning: Learning, search: SearchConfig, *, games: int) -> dict[str, float]:
    """What the newest network can do."""
    policy, rules, positions = learning.newest.policy, learning.games, labelled_positions()
    assert policy is not None
    own = searching_player(rules, policy, measured_settings(search), places=PLACES)
    mcts = ladder_player(rules, simulations=100, seed=3, places=PLACES)
    theirs = OpenSpielPlayer(rules, simulations=100, seed=3)
    return {
        "win_rate_random": win_rate(own, rules, RandomPlayer(seed=1), count=games),
        "win_rate_mcts_100": win_rate(own, rules, mcts, count=games),
        "win_rate_openspiel_mcts_100": win_rate(own, rules, theirs, count=games),
        "agreement": share(own, positions),
        "raw_agreement": share(GreedyPlayer(rules, policy, places=PLACES), positions),
    }


def config_of(options: Any) -> RunConfig:
    """The run that the options describe; ``--set`` changes any field of AlphaZero's part."""
    given = msgspec.to_builtins(AlphaZeroConfig())
    for change in options.set:
        path, _, text = change.partition("=")
        *sections, name = path.split(".")
        section = given
        for each in sections:
            section = section[each]
        section[name] = json.loads(text)
    return RunConfig(
        run="az-learning",
        run_id="az-learning",
        seed=options.seed,
        games=options.games,
        decks=(),
        environment=BuiltIn("connect_four"),
        checkpoint=CheckpointConfig(storage="file:///nowhere"),
        learner=LearnerConfig(
            network=replace(
                Network(), kind=options.kind, width=options.width, layers=options.layers
            )
        ),
        alpha_zero=msgspec.convert(given, AlphaZeroConfig),
    )


def peers(options: Any, search: SearchConfig) -> dict[str, Any]:
    """What OpenSpiel's AlphaZero has learned after as many minutes.

    Raises:
        SideError: it cannot run here.
    """
    words = {
        "--minutes": options.minutes,
        "--simulations": search.simulations,
        "--temperature-moves": search.temperature_moves,
        "--width": options.width,
        "--layers": options.layers,
        "--match": options.peer_match,
    }
    command = [str(PEERS_PYTHON), "-W", "ignore", "-m", "benchmarks.search.open_spiel_learning"]
    command += [str(word) for pair in words.items() for word in pair]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SideError(f"{error}: make benchmarks-setup installs it") from error
    if done.returncode:
        raise SideError((done.stderr.strip().splitlines() or ["it says nothing"])[-1])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = measuring.parser(
        __doc__ or "",
        examples=(
            "python -m benchmarks.search.az_learning",
            "python -m benchmarks.search.az_learning --minutes 5 --set search.simulations=32",
        ),
    )
    parser.add_argument("--minutes", type=float, default=MINUTES_OF_GOALS, help="[%(default)s]")
    parser.add_argument("--every", type=float, default=4.0, help="minutes a point [%(default)s]")
    parser.add_argument("--kind", default="resnet", help="network [%(default)s]")
    parser.add_argument("--width", type=int, default=64, help="[%(default)s]")
    parser.add_argument("--layers", type=int, default=4, help="[%(default)s]")
    parser.add_argument("--slots", type=int, default=32, help="games at once [%(default)s]")
    parser.add_argument("--games", type=int, default=20_000, help="of the run [%(default)s]")
    parser.add_argument("--match", type=int, default=100, help="games of a match [%(default)s]")
    parser.add_argument("--peer-match", type=int, default=20, help="of the peer's [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="[%(default)s]")
    parser.add_argument("--peer", action="store_true", help="OpenSpiel's AlphaZero beside it")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = config_of(options)
    assert config.alpha_zero is not None
    learning = Learning(config, slots=options.slots)
    curve: list[dict[str, Any]] = []
    began, excluded = time.process_time(), 0.0
    for games, positions, result in learning.steps():
        minutes = (time.process_time() - began - excluded) / 60
        is_last = minutes >= options.minutes or games >= options.games
        if not is_last and minutes < options.every * (len(curve) + 1):
            continue
        before = time.process_time()
        found = point(learning, config.alpha_zero.search, games=options.match)
        excluded += time.process_time() - before
        losses = {name: round(number, 3) for name, number in result.losses.items()}
        rounded = {name: round(number, 3) for name, number in found.items()}
        curve.append(
            {
                "minutes": round(minutes, 2),
                "games": games,
                "positions": positions,
                "positions_per_second": round(positions / minutes / 60, 1),
                **rounded,
                "losses": losses,
            }
        )
        tell(json.dumps(curve[-1]))
        if is_last:
            break
    last = curve[-1]
    figures: dict[str, Any] = {"curve": curve}
    missing: dict[str, str] = {}
    if options.peer:
        try:
            figures["open_spiel"] = peers(options, config.alpha_zero.search)
            tell(json.dumps(figures["open_spiel"]))
        except SideError as error:
            missing["open_spiel"] = str(error)
    goals = [Goal(name, last[name], least=least) for name, least in GOALS.items()]
    return report("search/az_learning", figures=figures, ratios={}, goals=goals, missing=missing)


if __name__ == "__main__":
    sys.exit(main())
