"""Matches: games between players of whom nothing is trained, many of them in lock step.

A ``Player`` has many games in its hands at once and answers them together: searches take all of
their games to the next leaf at the same time. ``Match`` gives each game to the player who moves in
it, round by round, and says which have ended. Not here: who is measured, and what results mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_environments.games import Game, Games

from trainingrun_search.evaluators import Cached, Evaluator, Request, Rollouts, check
from trainingrun_search.lockstep import Lockstep
from trainingrun_search.openings import Opening
from trainingrun_search.players import mcts_settings
from trainingrun_search.positions import outcome_of, vocabulary_size
from trainingrun_search.rules import most_legal_of, positions_of
from trainingrun_search.settings import Method, SearchSettings
from trainingrun_search.tree import NO_NODE, new_leaves

PLACES: Final = 64
"""Games at the same time, where their trees are not too large for that."""
_MOST_EDGES: Final = 4_000_000
"""Of the trees of all places together: about 250 MB."""
_MOST_CACHED: Final = 16_000_000
"""Priors that are kept of positions which were evaluated: 64 MB."""


class Player(Protocol):
    """Chooses the moves of many games, each at its place."""

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """Take a game whose next move is to be chosen; it stays the caller's. ``seed`` is the same
        at every move of a game.
        """

    def advance(self) -> Sequence[tuple[int, int]]:
        """Think a little; return places with the action to play there, which are then free."""


class SearchingPlayer:
    """Plays what a search prefers; each move has a search of its own."""

    def __init__(
        self, games: Games, evaluator: Evaluator, settings: SearchSettings, *, places: int
    ) -> None:
        """Make room; raises ValueError where such games cannot be searched."""
        self._lockstep = Lockstep(games, evaluator, settings, slots=places)
        self._asked = 0

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """See Player."""
        self._lockstep.place(place, game, np.random.default_rng(seed))
        self._asked += 1

    def advance(self) -> Sequence[tuple[int, int]]:
        """See Player: one round."""
        if not self._asked:
            return ()
        self._lockstep.round()
        found = []
        for place in self._lockstep.done():
            root = self._lockstep.root(place)
            self._lockstep.clear(place)
            found.append((place, int(root.actions[root.best])))
        self._asked -= len(found)
        return found


class GreedyPlayer:
    """Plays the likeliest action of an evaluator, without any search."""

    def __init__(self, games: Games, evaluator: Evaluator, *, places: int) -> None:
        self._evaluator = evaluator
        self._positions = positions_of(games, places)
        self._actions = vocabulary_size(games.spec)
        self._shape = games.spec.observation
        self._leaves = new_leaves(most=places, most_legal=most_legal_of(games))
        self._asked: list[int] = []

    def ask(self, place: int, game: Game, *, seed: int) -> None:  # noqa: ARG002 (Player names it)
        """See Player."""
        self._positions.place(place, game)
        self._asked.append(place)

    def advance(self) -> Sequence[tuple[int, int]]:
        """See Player: all of them at once."""
        if not self._asked:
            return ()
        places, self._asked = self._asked, []
        request = self._request(places)
        answer = self._evaluator.evaluate(request)
        check(answer, request)
        best = np.where(request.legal, answer.priors, -1.0).argmax(axis=1)
        return list(zip(places, best.tolist(), strict=True))

    def _request(self, places: list[int]) -> Request:
        count, leaves = len(places), self._leaves
        observations = np.zeros((count, *self._shape), self._positions.dtype)
        legal = np.zeros((count, self._actions), np.bool_)
        leaves.items[:count]["node"] = places
        leaves.items[:count]["parent"] = NO_NODE
        leaves.items[:count]["action"] = -1
        self._positions.expand(leaves, count, observations, legal)
        return Request(observations, legal, np.array(places, np.int32), self._positions)


def searching_player(
    games: Games, evaluator: Evaluator, settings: SearchSettings, *, places: int
) -> Player:
    """Return a player that searches with what a network says, each position asked once."""
    entries = max(1024, min(100_000, _MOST_CACHED // vocabulary_size(games.spec)))
    cached = Cached(evaluator, entries=entries)
    return SearchingPlayer(games, cached, settings, places=places)


def ladder_player(games: Games, *, simulations: int, seed: int, places: int) -> Player:
    """Return ``mcts-N``, as ``players.mcts_player`` is."""
    return SearchingPlayer(games, Rollouts(seed=seed), mcts_settings(simulations), places=places)


def measured_settings(config: SearchConfig) -> SearchSettings:
    """Return how a run's searches play where it counts: as in its self-play, without noise, and
    always what the search prefers.
    """
    return SearchSettings(
        simulations=config.simulations,
        method=None if config.method == "auto" else Method(config.method),
        leaves=config.leaves,
        exploration=config.exploration,
        visit_scale=config.visit_scale,
        noise_share=0.0,
        is_greedy=True,
        reuse_tree=False,
    )


def places_for(games: Games, settings: Iterable[SearchSettings], *, most: int = PLACES) -> int:
    """Return how many games are played at once by players with such searches, as their trees take
    memory: 1 to ``most``.
    """
    widest = most_legal_of(games)
    simulations = max((each.simulations for each in settings), default=1)
    return max(1, min(most, _MOST_EDGES // (simulations * widest)))


class Pairing(Struct, frozen=True):
    """A game to play.

    Attributes:
        players: names of who plays as player 0 and as player 1.
        seed: of the game.
        opening: moves that are played before anybody chooses.
    """

    players: tuple[str, str]
    seed: int
    opening: Opening


class MatchGame(Struct, frozen=True):
    """A game that has ended.

    Attributes:
        number: of the pairing, from 0.
        outcome: what it is worth to player 0, in [-1, 1]; a draw and a game that was cut off are 0.
        actions: all moves, those of the opening included.
        is_capped: whether it was cut off at the most moves there may be.
    """

    number: int
    outcome: float
    actions: tuple[int, ...]
    is_capped: bool = False


class Match:
    """Plays games; call ``round`` until ``is_over``."""

    def __init__(
        self,
        games: Games,
        players: Mapping[str, Player],
        pairings: Sequence[Pairing],
        *,
        places: int,
        most_moves: int = 10_000,
    ) -> None:
        """Begin as many games as there are places; ``players`` have as many."""
        self._games = games
        self._players = players
        self._most_moves = most_moves
        self._waiting: Iterator[tuple[int, Pairing]] = iter(enumerate(pairings))
        self._running: dict[int, _Running] = {}
        self._ended: list[MatchGame] = []
        for place in range(places):
            self._begin(place)

    @property
    def is_over(self) -> bool:
        """Whether no game is left."""
        return not self._running and not self._ended

    @property
    def running(self) -> frozenset[int]:
        """Numbers of the games that are being played."""
        return frozenset(each.number for each in self._running.values())

    def stop(self) -> None:
        """Begin no further game; those that run are played to their end."""
        self._waiting = iter(())

    def round(self) -> list[MatchGame]:
        """Let every player think a little, and play what was chosen; return games that ended."""
        for player in self._players.values():
            for place, action in player.advance():
                self._running[place].play(action)
                self._continue(place)
        ended, self._ended = self._ended, []
        return ended

    def _begin(self, place: int) -> None:
        """Begin games at a place until one has a choice; games without any end at once."""
        while (found := next(self._waiting, None)) is not None:
            number, pairing = found
            running = _Running(number, pairing, self._games.new(pairing.seed))
            for action in pairing.opening:
                running.play(action)
            self._running[place] = running
            if self._ask(place):
                return

    def _continue(self, place: int) -> None:
        """See to a game in which a move was played."""
        if not self._ask(place):
            self._begin(place)

    def _ask(self, place: int) -> bool:
        """Ask who moves next, after moves without a choice; returns False where the game is over,
        which is then put among those that ended.
        """
        running = self._running[place]
        game = running.game
        while not game.is_terminal and len(running.actions) < self._most_moves:
            legal = game.legal_actions()
            if len(legal) > 1:
                player = self._players[running.pairing.players[game.current_player]]
                player.ask(place, game, seed=running.pairing.seed)
                return True
            running.play(int(legal[0]))
        del self._running[place]
        self._ended.append(running.ended(self._games.spec.reward_bound))
        return False


@dataclass(eq=False)
class _Running:
    """A game that is being played."""

    number: int
    pairing: Pairing
    game: Game
    actions: list[int] = field(default_factory=list)

    def play(self, action: int) -> None:
        """Play a move."""
        self.game.apply(action)
        self.actions.append(action)

    def ended(self, bound: float) -> MatchGame:
        """Return the finished game."""
        is_over = self.game.is_terminal
        outcome = outcome_of(self.game, bound) if is_over else 0.0
        return MatchGame(self.number, outcome, tuple(self.actions), is_capped=not is_over)


def swapped(pairing: Pairing) -> Pairing:
    """Return the other game of a pair: the same opening and seed, with changed seats."""
    first, second = pairing.players
    return replace(pairing, players=(second, first))
