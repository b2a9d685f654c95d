"""Who plays: a network of a checkpoint, a search with random games (or OpenSpiel's), or chance."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from trainingrun.commands.errors import UserError
from trainingrun_actor.search_games import ScriptedPlayer
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_contracts.search_players import (
    SEARCH_PLAYER_FORM,
    is_open_spiels,
    search_simulations,
)
from trainingrun_environments.agents import RandomAgent
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Game, Games
from trainingrun_environments.names import config_of
from trainingrun_search.evaluators import Evaluator, Rollouts, Uniform
from trainingrun_search.matches import (
    GreedyPlayer,
    Player,
    SearchingPlayer,
    measured_settings,
    searching_player,
)
from trainingrun_search.open_spiel_bot import OpenSpielBot, OpenSpielPlayer
from trainingrun_search.players import SearchPlayer, mcts_settings, request_of
from trainingrun_search.settings import SearchSettings

from trainingrun_actor_commands.play.analysis import (
    Analysis,
    Candidate,
    of_network,
    of_open_spiel,
    of_search,
)
from trainingrun_actor_commands.play.networks import Network, Wanted, find_network, playable_games

RANDOM: Final = "random"
HINTS: Final = 400
"""Simulations of hints in a game against chance, which has no opinion of its own."""


class Contender(Struct, frozen=True):
    """A player in words, and what it plays with.

    Attributes:
        name: for people.
        games: what it plays.
        evaluator: what values positions; None of chance.
        settings: its search; None of chance, and where the network plays without one.
        is_network: whether the evaluator is one, whose own opinion is worth showing.
        open_spiel: simulations of OpenSpiel's search; 0 of everybody else.
    """

    name: str
    games: Games
    evaluator: Evaluator | None = None
    settings: SearchSettings | None = None
    is_network: bool = False
    open_spiel: int = 0

    @property
    def described(self) -> str:
        """The name, with the simulations of a network's search."""
        if not self.is_network:
            return self.name
        made = "no search" if self.settings is None else f"{self.settings.simulations} simulations"
        return f"{self.name}, {made}"


def find_contender(
    wanted: Wanted, *, simulations: int | None, seed: int, games: Games | None = None
) -> Contender:
    """Return who is meant by a word.

    Args:
        wanted: the word, and where its checkpoints are searched for.
        simulations: of a network's search: 0 is the network alone, None as its run searches.
        seed: of what a player draws.
        games: what must be played; None for what the player plays.

    Raises:
        UserError: no player is meant, or one of another game.
    """
    name = wanted.target
    if name != RANDOM and SEARCH_PLAYER_FORM.fullmatch(name) is None:
        return _of_network(find_network(wanted), simulations=simulations, games=games)
    if simulations is not None:
        why = "it does not search" if name == RANDOM else "it searches as its name says"
        raise UserError(f"play: --simulations is for networks, and {name} is none: {why}")
    if games is None:
        games = _games_named(wanted)
    return Contender(RANDOM, games) if name == RANDOM else _searching(name, games, seed)


def player_of(contender: Contender, *, seed: int, places: int) -> Player:
    """Return the contender as a player of many games at once; ``seed`` is of its random games."""
    games, evaluator = contender.games, contender.evaluator
    if contender.open_spiel:
        return OpenSpielPlayer(games, simulations=contender.open_spiel, seed=seed)
    if evaluator is None:
        return ScriptedPlayer(games, RandomAgent)
    if contender.settings is None:
        return GreedyPlayer(games, evaluator, places=places)
    if contender.is_network:
        return searching_player(games, evaluator, contender.settings, places=places)
    return SearchingPlayer(games, Rollouts(seed=seed), contender.settings, places=places)


class Thinker:
    """A contender in one game, who also says what it thinks."""

    def __init__(self, contender: Contender, *, seed: int) -> None:
        self.contender = contender
        self._random = np.random.default_rng(seed)
        self._search: SearchPlayer | None = None
        self._bot: OpenSpielBot | None = None
        if contender.open_spiel:
            self._bot = OpenSpielBot(contender.games, simulations=contender.open_spiel)
            self._chance = np.random.RandomState(seed % 2**32)
        if contender.evaluator is not None and contender.settings is not None:
            games, settings = contender.games, contender.settings
            self._search = SearchPlayer(games, contender.evaluator, settings, seed=seed)
            first = SearchPlayer(games, Uniform(), replace(settings, simulations=2), seed=seed)
            first.search(games.new(seed))  # what is compiled first is no part of a move's time

    def think(self, game: Game) -> Analysis:
        """Return what is found in a position that is not over, and what would be played."""
        evaluator, legal = self.contender.evaluator, tuple(map(int, game.legal_actions()))
        if self._bot is not None:
            return of_open_spiel(self._bot.search(game, self._chance))
        if evaluator is None:
            chosen = int(self._random.choice(legal))
            return Analysis(chosen, (Candidate(chosen, 1 / len(legal)),))
        is_network = self.contender.is_network
        answer = evaluator.evaluate(request_of(self.contender.games, game)) if is_network else None
        if self._search is not None:
            return of_search(self._search.search(game), answer)
        assert answer is not None, "only networks play without a search"
        return of_network(answer, legal)


def adviser(contender: Contender, *, seed: int) -> Contender:
    """Return who gives hints in a game against a contender: itself, if it has an opinion."""
    if contender.evaluator is not None:
        return contender
    return _searching(f"mcts-{HINTS}", contender.games, seed)


def _games_named(wanted: Wanted) -> Games:
    if wanted.environment is None:
        raise UserError(
            f"play: {wanted.target} plays any game: say which with --environment, such as"
            " --environment connect_four"
        )
    try:
        return playable_games(config_of(wanted.environment))
    except UnknownEnvironment as error:
        raise UserError(f"play: --environment: {error}") from error


def _searching(name: str, games: Games, seed: int) -> Contender:
    simulations = search_simulations(name)
    if simulations is None:
        raise UserError(f"play: {name}: searches make 1 to 100000 simulations a move")
    if is_open_spiels(name):
        try:
            OpenSpielBot(games, simulations=simulations)
        except UnknownEnvironment as error:
            raise UserError(f"play: {name}: {error}") from error
        return Contender(name, games, open_spiel=simulations)
    return Contender(name, games, Rollouts(seed=seed), mcts_settings(simulations))


def _of_network(found: Network, *, simulations: int | None, games: Games | None) -> Contender:
    if games is not None and games.spec.schema_hash != found.games.spec.schema_hash:
        raise UserError(
            f"play: {found.name} plays {found.games.spec.name}, and the other player"
            f" {games.spec.name}: choose two players of one game"
        )
    if simulations is None:
        simulations = 0 if found.search is None else found.search.simulations
    settings = None
    if simulations:
        search = replace(found.search or SearchConfig(), simulations=simulations)
        settings = measured_settings(search)
    return Contender(found.name, found.games, found.evaluator, settings, is_network=True)
