"""Self-play: games against itself, each move searched, until they are over.

A pure producer: games, an evaluator, settings and a seed in, ``GameRecord`` out. What a game is
depends on its own number and seed and on the evaluator's answers, not on the games beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from trainingrun_environments.games import Game, Games

from trainingrun_search.evaluators import Evaluator
from trainingrun_search.lockstep import Lockstep
from trainingrun_search.positions import outcome_of, vocabulary_size
from trainingrun_search.records import GameRecord
from trainingrun_search.roots import Root, draw
from trainingrun_search.settings import SearchSettings


class SelfPlaySettings(Struct, frozen=True, kw_only=True):
    """How games are played.

    Attributes:
        search: how each move is searched.
        slots: games at the same time; their leaves are evaluated together.
        temperature: of the first moves, at which they are drawn from the policy; 0 plays the best.
            Gumbel search draws by its own noise and plays its best in any case.
        temperature_moves: how many moves that are.
        late_temperature: of the moves after them.
        most_moves: after these a game is cut off and counts as a draw.
    """

    search: SearchSettings = SearchSettings()
    slots: int = 32
    temperature: float = 1.0
    temperature_moves: int = 30
    late_temperature: float = 0.0
    most_moves: int = 512

    def __post_init__(self) -> None:
        """Raise ValueError where a number is out of its range."""
        if not 1 <= self.slots <= 1024:
            raise ValueError(f"slots is {self.slots}: choose 1 to 1024")
        if self.most_moves < 1:
            raise ValueError(f"most_moves is {self.most_moves}: choose 1 or more")
        if min(self.temperature, self.late_temperature) < 0:
            raise ValueError("a temperature is below 0: choose 0 or more")

    def temperature_of(self, move: int) -> float:
        """Return the temperature of a move, counted from 0."""
        return self.temperature if move < self.temperature_moves else self.late_temperature


class SelfPlay:
    """Plays games; iterate over ``play``."""

    def __init__(
        self, games: Games, evaluator: Evaluator, settings: SelfPlaySettings, *, seed: int
    ) -> None:
        """Make room; raises ValueError where such games cannot be searched."""
        self._games = games
        self._actions = vocabulary_size(games.spec)
        self._bound = games.spec.reward_bound
        self._settings = settings
        self._seed = seed
        self.lockstep = Lockstep(games, evaluator, settings.search, slots=settings.slots)

    def play(self, numbers: Iterable[int]) -> Iterator[GameRecord]:
        """Play the games of these numbers, as they end; ``itertools.count()`` for no end."""
        waiting = iter(numbers)
        running: dict[int, _Running] = {}
        for slot in range(self._settings.slots):
            self._begin(slot, waiting, running)
        while running:
            self.lockstep.round()
            for slot in self.lockstep.done():
                record = self._move(slot, running[slot])
                if record is not None:
                    del running[slot]
                    self.lockstep.clear(slot)
                    self._begin(slot, waiting, running)
                    yield record

    def _begin(self, slot: int, waiting: Iterator[int], running: dict[int, _Running]) -> None:
        number = next(waiting, None)
        if number is None:
            return
        random = np.random.default_rng([self._seed, number])
        game = self._games.new(int(random.integers(2**31)))
        if game.is_terminal:
            raise ValueError(f"a new game of {self._games.spec.name!r} is over: it has no moves")
        running[slot] = _Running(number, game, random)
        self.lockstep.place(slot, game, random)

    def _move(self, slot: int, running: _Running) -> GameRecord | None:
        """Play the move that a slot's search found; returns the game's record where it ends."""
        root = self.lockstep.root(slot)
        place = self._chosen(root, running)
        running.note(root, place, self.lockstep, slot)
        action = int(root.actions[place])
        running.game.apply(action)
        is_capped = not running.game.is_terminal and len(running.roots) >= self._settings.most_moves
        if running.game.is_terminal or is_capped:
            outcome = 0.0 if is_capped else outcome_of(running.game, self._bound)
            return running.record(self._actions, outcome, is_capped=is_capped)
        if not self.lockstep.play(slot, action):
            self.lockstep.place(slot, running.game, running.random)
        return None

    def _chosen(self, root: Root, running: _Running) -> int:
        if self._settings.search.is_gumbel:
            return root.best
        temperature = self._settings.temperature_of(len(running.roots))
        return draw(root.policy, temperature, running.random)


@dataclass(eq=False)
class _Running:
    """A game that is being played, with what its moves left."""

    number: int
    game: Game
    random: np.random.Generator
    roots: list[Root] = field(default_factory=list)
    observations: list[npt.NDArray[Any]] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    simulations: list[int] = field(default_factory=list)
    generations: list[int] = field(default_factory=list)

    def note(self, root: Root, place: int, lockstep: Lockstep, slot: int) -> None:
        """Keep what was searched and what is played."""
        self.roots.append(root)
        self.observations.append(lockstep.observation(slot))
        self.actions.append(int(root.actions[place]))
        self.simulations.append(lockstep.simulations(slot))
        self.generations.append(lockstep.generations[slot])

    def record(self, actions: int, outcome: float, *, is_capped: bool) -> GameRecord:
        """Return the finished game; ``outcome`` is player 0's."""
        legal = np.zeros((len(self.roots), actions), np.bool_)
        policies = np.zeros((len(self.roots), actions), np.float32)
        for move, root in enumerate(self.roots):
            legal[move, root.actions] = True
            policies[move, root.actions] = root.policy
        players = np.array([root.player for root in self.roots], np.int8)
        return GameRecord(
            number=self.number,
            observations=np.stack(self.observations),
            legal=legal,
            policies=policies,
            outcomes=np.where(players == 0, outcome, -outcome).astype(np.float32),
            values=np.array([root.value for root in self.roots], np.float32),
            players=players,
            actions=np.array(self.actions, np.int16),
            simulations=np.array(self.simulations, np.int32),
            generations=np.array(self.generations, np.int64),
            is_capped=is_capped,
        )
