"""What a run costs whose workers play the games themselves: AlphaZero, and embedded PPO.

The file comes with the operator and is made by a benchmark, which its head names: per game, how
many moves it has and what a simulation costs without the network; per kind of network, what a
position costs as its multiplications grow. So a plan follows a run's own game, simulations and
network. Games of networks with random weights were measured: trained ones play longer or shorter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_api.algorithm import AlphaZero
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.board_network import multiplications
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary
from trainingrun_contracts.policy_format import Network

from trainingrun.estimate.engine_rates import recorded_part
from trainingrun.estimate.errors import PlanError

CACHED_FROM: Final = 500_000
"""Multiplications of a position from which a worker keeps answers (ADR 51)."""
GAME_SECONDS: Final = 0.001
"""Of a core for each game of self-play: numbers, segments, Redis (ADR 51)."""
EMBEDDED_MICROSECONDS: Final = 26.4
EMBEDDED_LEARNER_MICROSECONDS: Final = 34.2
"""Of a core for a decision of an actor that plays its games itself, and for training it at two
epochs (RESULTS, Connect Four from end to end; two full layers of 256)."""
QUEUE_MICROSECONDS: Final = 4.1
"""Of Redis' core for a transition (the same)."""
_LADDER: Final = re.compile(r"mcts-(\d+)")
_LADDER_MILLISECONDS: Final = (0.3, 0.008)
"""Of a core for a move of a plain search: at least, and for each simulation (RESULTS, Search)."""
_SEATS: Final = 2


class GameRate(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One game; the file's head says what its fields are."""

    observation: tuple[int, ...]
    actions: int
    moves: float
    random_moves: float
    tree_microseconds: float
    valued: float
    valued_once: float


class NetworkRate(Struct, frozen=True, forbid_unknown_fields=True):
    """Microseconds of one position, and nanoseconds more for each multiplication."""

    microseconds: float
    nanoseconds: float

    def seconds(self, multiplied: int) -> float:
        """Return what a position costs a network with ``multiplied`` multiplications."""
        return 1e-6 * self.microseconds + 1e-9 * self.nanoseconds * multiplied


class SearchRates(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The whole table."""

    as_of: date
    machine: str
    loop_milliseconds: float
    simulations: int
    games: dict[str, GameRate]
    networks: dict[str, NetworkRate]
    learner: dict[str, NetworkRate]


@dataclass(frozen=True)
class PlayedGame:
    """The mean game of a run: seconds of a core in its worker, of one evaluation game and of
    training a transition; transitions; and what was assumed, for people."""

    player_seconds: float
    evaluation_seconds: float
    transitions: float
    learner_microseconds: float
    assumed: str


def search_rates(document: object) -> SearchRates:
    """Return the table in a document.

    Raises:
        PlanError: it is none.
    """
    try:
        return msgspec.convert(document, SearchRates)
    except msgspec.ValidationError as error:
        raise PlanError(f"search_rates.yaml: {error}: restore the file") from error


def played_game(run: TrainingRun, rates: SearchRates) -> PlayedGame | None:
    """Return the mean game of a run whose workers play themselves; None where its environment was
    not measured."""
    built_in = run.spec.environment.built_in
    known = None if built_in is None else rates.games.get(built_in.name)
    if known is None:
        return None
    alpha_zero = run.spec.algorithm.alpha_zero
    if alpha_zero is None:
        return _embedded(run.spec, known)
    return _searched(run.spec, alpha_zero, known, rates)


def _searched(
    spec: TrainingRunSpec, alpha_zero: AlphaZero, game: GameRate, rates: SearchRates
) -> PlayedGame:
    network = Network(**spec.learner.network.model_dump())
    multiplied = multiplications(network, _shape_of(game))
    position = rates.networks[network.kind].seconds(multiplied)
    valued = game.valued_once if multiplied >= CACHED_FROM else game.valued
    simulation = 1e-6 * game.tree_microseconds + valued / 100 * position
    simulations = alpha_zero.search.simulations
    moves = min(game.moves, float(alpha_zero.search.most_moves))
    sample = rates.learner[network.kind].seconds(multiplied)
    return PlayedGame(
        player_seconds=moves * simulations * simulation + GAME_SECONDS,
        evaluation_seconds=moves * simulations * simulation / _SEATS
        + moves / _SEATS * _opponent_seconds(spec, simulations * simulation),
        transitions=moves,
        learner_microseconds=1e6 * sample * alpha_zero.replay.samples_per_row,
        assumed=f"{moves:.3g} moves of {simulations} simulations,"
        f" {1 / simulation:,.0f} simulations a second of a core",
    )


def _opponent_seconds(spec: TrainingRunSpec, own: float) -> float:
    """Return what a move of the mean opponent of evaluations costs; ``own``: of one like ours."""
    least, each = _LADDER_MILLISECONDS
    costs = [
        (least + each * int(found[1])) / 1000
        if (found := _LADDER.fullmatch(name))
        else 0.0
        if name == "random"
        else own
        for name in spec.evaluation_opponents
    ]
    return sum(costs) / len(costs)


def _embedded(spec: TrainingRunSpec, game: GameRate) -> PlayedGame:
    epochs = spec.algorithm.ppo.epochs if spec.algorithm.ppo is not None else _SEATS
    seconds = game.random_moves * EMBEDDED_MICROSECONDS / 1e6
    return PlayedGame(
        player_seconds=seconds,
        evaluation_seconds=seconds,
        transitions=game.random_moves * recorded_part(spec),
        learner_microseconds=EMBEDDED_LEARNER_MICROSECONDS * epochs / 2,
        assumed=f"{game.random_moves:.3g} moves, {EMBEDDED_MICROSECONDS:g} µs of a core each, as in"
        " Connect Four with two layers of 256",
    )


def _shape_of(game: GameRate) -> EnvironmentSpec:
    return EnvironmentSpec("game", "1", game.observation, Vocabulary(game.actions))
