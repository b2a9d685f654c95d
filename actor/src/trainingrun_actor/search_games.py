"""Plays the games of an evaluation by search, many of them in lock step.

In a run of AlphaZero the policy and its past selves search as in self-play, without noise; in one
of PPO they play their likeliest action, against opponents that search. Scripted players sit beside
them. Openings are drawn (``trainingrun_search.openings``): both players always play what they
prefer, and would play one and the same game again and again.

The games go forward in slices of a quarter of a second, each in a thread, so that reports and the
run's intent have their turns in between.

Needs ``trainingrun_search``; see ``search_extra``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from time import monotonic
from typing import Final, TypeVar

from msgspec import Struct
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.search_players import is_open_spiels, search_simulations
from trainingrun_environments.agents import ENGINE, Agent, Agents, RandomAgent
from trainingrun_environments.embedded import EmbeddedGames
from trainingrun_environments.errors import describe_error
from trainingrun_environments.games import Game, Games
from trainingrun_environments.generic.questions import QuestionReader, Seen
from trainingrun_environments.seam import Environment
from trainingrun_search.matches import (
    GreedyPlayer,
    Match,
    MatchGame,
    Pairing,
    Player,
    ladder_player,
    measured_settings,
    places_for,
    searching_player,
)
from trainingrun_search.open_spiel_bot import OpenSpielPlayer
from trainingrun_search.openings import draw_openings
from trainingrun_search.players import mcts_settings

from trainingrun_actor.evaluation_results import Played
from trainingrun_actor.game import End, Outcome
from trainingrun_actor.match_games import GivenUp, Task, Unplayable, ended
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policy import Policy
from trainingrun_actor.policy_evaluator import PolicyEvaluator
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.schedule import Matchup
from trainingrun_actor.tapes import TapedGame, Tapes

SLICE_SECONDS: Final = 0.25
MOST_MOVES: Final = 10_000
"""Of a game in a run that has no limit of its own; what is cut off counts as a draw."""
_OWN: Final = "the policy"
"""No name of an opponent, which has no blank."""
_R = TypeVar("_R")


class SearchParts(Struct, frozen=True):
    """What the games of a process share."""

    environment: Environment
    players: Agents
    """Scripted ones that may be met."""
    run_state: RunStatePoller
    metrics: PlayMetrics
    tapes: Tapes


class SearchGames:
    """See MatchGames."""

    def __init__(self, parts: SearchParts, search: SearchConfig | None) -> None:
        """``search`` is how policies search; None where they play their likeliest action.

        Raises:
            UnknownEnvironment: the environment's games do not live in this process.
            ConfigError: two settings of the search exclude one another.
        """
        self._parts = parts
        self._embedded = EmbeddedGames(parts.environment)
        self._games = self._embedded.games
        self._search = search
        try:
            self._settings = None if search is None else measured_settings(search)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    async def play(self, task: Task) -> list[Played]:
        """See MatchGames."""
        rewards: list[float | None] = [None] * len(task.matchups)
        match = await self._in_thread(lambda: self._match(task))
        began: dict[int, float] = {}
        try:
            while not match.is_over:
                now = monotonic()
                began |= dict.fromkeys(match.running - began.keys(), now)
                self._parts.metrics.running = len(match.running)
                for game in await self._in_thread(lambda: _advance(match)):
                    seconds = monotonic() - began.pop(game.number, now)
                    rewards[game.number] = self._take(game, task, seconds)
                if self._parts.run_state.intent is not task.intent:
                    raise GivenUp(f"the run's intent is now {self._parts.run_state.intent.value}")
                if task.is_enough(rewards):
                    match.stop()
        finally:
            self._parts.metrics.running = 0
        return ended(task, rewards)

    async def _in_thread(self, act: Callable[[], _R]) -> _R:
        """Do something with the games; they are of anyone, and so is what they raise."""
        try:
            return await asyncio.to_thread(act)
        except Exception as error:
            name = self._parts.environment.spec.name
            raise Unplayable(f"a game of {name} failed: {describe_error(error)}") from error

    def _match(self, task: Task) -> Match:
        """Return the match that plays a task's games, none of which has moved yet."""
        openings = draw_openings(self._games, [each.seed for each in task.matchups[::2]])
        pairings = [
            Pairing(_seated(matchup), matchup.seed, openings[number // 2])
            for number, matchup in enumerate(task.matchups)
        ]
        settings = [] if self._settings is None else [self._settings]
        names = [name for name in task.rivals.names if not is_open_spiels(name)]
        steps = [search_simulations(name) for name in names]
        settings += [mcts_settings(simulations) for simulations in steps if simulations]
        places = places_for(self._games, settings)
        seed = task.matchups[0].seed
        players = {_OWN: self._policy_player(task.policy, places)}
        for name in task.rivals.names:
            players[name] = self._rival(name, task, places=places, seed=seed)
        most_moves = self._search.most_moves if self._search is not None else MOST_MOVES
        return Match(self._games, players, pairings, places=places, most_moves=most_moves)

    def _rival(self, name: str, task: Task, *, places: int, seed: int) -> Player:
        if name in task.rivals.policies:
            return self._policy_player(task.rivals.policies[name], places)
        simulations = search_simulations(name)
        if simulations is not None and is_open_spiels(name):
            return OpenSpielPlayer(self._games, simulations=simulations, seed=seed)
        if simulations is not None:
            return ladder_player(self._games, simulations=simulations, seed=seed, places=places)
        make = RandomAgent if name == ENGINE else self._parts.players[name]
        return ScriptedPlayer(self._games, make)

    def _policy_player(self, policy: Policy, places: int) -> Player:
        evaluator = PolicyEvaluator(policy)
        if self._settings is None:
            return GreedyPlayer(self._games, evaluator, places=places)
        return searching_player(self._games, evaluator, self._settings, places=places)

    def _take(self, game: MatchGame, task: Task, seconds: float) -> float:
        """Count a game, write it down if it is the first, and return the policy's reward."""
        matchup = task.matchups[game.number]
        winner = None if game.outcome == 0 else 1 if game.outcome > 0 else 2
        outcome = Outcome(End.DRAW if winner is None else End.WON, winner, seconds)
        self._parts.metrics.count_game(outcome.end.value, seconds)
        if game.number == 0:
            self._record(game, matchup, task.policy, outcome)
        reward = outcome.score(matchup.seat)
        assert reward is not None, "a game that was played to its end has a result"
        return reward

    def _record(self, game: MatchGame, matchup: Matchup, policy: Policy, outcome: Outcome) -> None:
        """Write a game down as a daemon would have served it, by playing it again."""
        own = f"policy, version {policy.pointer.version}"
        if self._search is not None:
            own += f", {self._search.simulations} simulations a move"
        players = {matchup.seat: own, 3 - matchup.seat: matchup.opponent}
        tape = self._parts.tapes.record_evaluation(TapedGame(matchup.decks, matchup.seed, players))
        if tape is None:
            return
        lines = self._embedded.lines(seed=matchup.seed, asked=frozenset((0, 1)))
        decision = lines.begin()
        for action in game.actions:
            assert decision is not None, "the same moves lead to the same game"
            tape.note(decision, str(action))
            decision = lines.answer(str(action))
        tape.close(outcome)


class ScriptedPlayer:
    """A scripted player in many games, each with an agent and a chance of its own."""

    def __init__(self, games: Games, make: Callable[[], Agent]) -> None:
        self._reader = QuestionReader(games.spec)
        self._make = make
        self._seated: dict[int, tuple[tuple[int, int], Agent, Random]] = {}
        """By place: which game and seat it is, who plays it, and with which chance."""
        self._chosen: list[tuple[int, int]] = []

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """See Player."""
        player = game.current_player
        if place not in self._seated or self._seated[place][0] != (seed, player):
            self._seated[place] = (seed, player), self._make(), Random(seed)
        _, agent, random = self._seated[place]
        legal = tuple(game.legal_actions())
        (question,) = self._reader.questions([Seen(player, legal, game.observation(player))])
        self._chosen.append((place, question.options[agent.choose(question, random)]))

    def advance(self) -> Sequence[tuple[int, int]]:
        """See Player."""
        chosen, self._chosen = self._chosen, []
        return chosen


def _seated(matchup: Matchup) -> tuple[str, str]:
    """Return who plays as player 0 and as player 1."""
    return (_OWN, matchup.opponent) if matchup.seat == 1 else (matchup.opponent, _OWN)


def _advance(match: Match) -> list[MatchGame]:
    """Play for a slice of time; return games that ended."""
    until, found = monotonic() + SLICE_SECONDS, list[MatchGame]()
    while monotonic() < until and not match.is_over:
        found += match.round()
    return found
