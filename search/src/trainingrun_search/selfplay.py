"""Self-play: games against itself, each move searched, until they are over.

A pure producer: games, an evaluator, settings and a seed in, ``GameRecord`` out. What a game is
depends on its own number and seed and on the evaluator's answers, not on the games beside it.

``play`` plays games by their numbers. Who gets numbers and evaluators while games run (a process
of a run) goes forward a round at a time: ``begin``, ``step``, ``use``.
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


def game_seed(seed: int, number: int) -> int:
    """Return the seed of the game itself, of those that are played with ``seed``."""
    return _drawn_seed(_chance_of(seed, number))


class SelfPlay:
    """Plays games; iterate over ``play``, or ``begin`` games and ``step``."""

    def __init__(
        self, games: Games, evaluator: Evaluator, settings: SelfPlaySettings, *, seed: int
    ) -> None:
        """Make room; raises ValueError where such games cannot be searched."""
        self._games = games
        self._actions = vocabulary_size(games.spec)
        self._bound = games.spec.reward_bound
        self._settings = settings
        self._seed = seed
        self._running: dict[int, _Running] = {}
        self.moves = 0
        """That were played, in games that are over and in others."""
        self.lockstep = Lockstep(games, evaluator, settings.search, slots=settings.slots)

    @property
    def running(self) -> int:
        """Games that are being played."""
        return len(self._running)

    def play(self, numbers: Iterable[int]) -> Iterator[GameRecord]:
        """Play the games of these numbers, as they end; ``itertools.count()`` for no end."""
        waiting = iter(numbers)
        try:
            self._fill(waiting)
            while self._running:
                for record in self.step():
                    self._fill(waiting)
                    yield record
        finally:
            self.give_up()

    def begin(self, number: int) -> None:
        """Begin a game; raises ValueError where no slot is free, or a new game is over."""
        slot = self._free_slot()
        if slot is None:
            raise ValueError(f"all {self._settings.slots} slots have games: wait until one ends")
        random = _chance_of(self._seed, number)
        game = self._games.new(_drawn_seed(random))
        if game.is_terminal:
            raise ValueError(f"a new game of {self._games.spec.name!r} is over: it has no moves")
        self._running[slot] = _Running(number, game, random)
        self.lockstep.place(slot, game, random)

    def step(self) -> list[GameRecord]:
        """Take every search one step further, play the moves that are found, and return the games
        that end.

        Raises:
            EvaluationError: the evaluator says what cannot be. ``use`` another one, which begins
                the searches of all open moves again.
        """
        if not self._running:
            return []
        self.lockstep.round()
        found = []
        for slot in self.lockstep.done():
            record = self._move(slot, self._running[slot])
            if record is not None:
                self._clear(slot)
                found.append(record)
        return found

    def use(self, evaluator: Evaluator, *, search_again: bool = False) -> None:
        """Ask another evaluator from now on.

        With ``search_again`` open moves are searched from the beginning, without what the evaluator
        before said; without, their trees are kept, and their records name its generation.
        """
        self.lockstep.use(evaluator)
        if search_again:
            for slot, running in self._running.items():
                self.lockstep.place(slot, running.game, running.random)

    def give_up(self) -> None:
        """Leave all games."""
        for slot in tuple(self._running):
            self._clear(slot)

    def _clear(self, slot: int) -> None:
        del self._running[slot]
        self.lockstep.clear(slot)

    def _free_slot(self) -> int | None:
        slots = range(self._settings.slots)
        return next((slot for slot in slots if slot not in self._running), None)

    def _fill(self, waiting: Iterator[int]) -> None:
        while self.running < self._settings.slots:
            number = next(waiting, None)
            if number is None:
                return
            self.begin(number)

    def _move(self, slot: int, running: _Running) -> GameRecord | None:
        """Play the move that a slot's search found; returns the game's record where it ends."""
        root = self.lockstep.root(slot)
        place = self._chosen(root, running)
        running.note(root, place, self.lockstep, slot)
        action = int(root.actions[place])
        running.game.apply(action)
        self.moves += 1
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


def _chance_of(seed: int, number: int) -> np.random.Generator:
    """Return what a game draws from: its own seed first."""
    return np.random.default_rng([seed, number])


def _drawn_seed(random: np.random.Generator) -> int:
    return int(random.integers(2**31))


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
