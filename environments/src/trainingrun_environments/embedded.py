"""Games that are played where their players are: no line, no socket and no text between them.

What a daemon does with a game (``serving``) and what an actor makes of its lines (``generic``) in
one step, with the same results bit for bit: the same seeds, the same order of legal actions, the
same numbers in the same types, the same bounds, and the moves of players here drawn in the same
way. The questions of many games are made together: most of what one costs is numpy's overhead.

Border: questions out, actions in; no clock, and no knowledge of who answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_protocol.errors import DecisionError
from trainingrun_protocol.lines import DecisionLine, parse_line

from trainingrun_environments.errors import GameFault, UnknownEnvironment, describe_error
from trainingrun_environments.games import Games
from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.generic.questions import GenericQuestion, Seen
from trainingrun_environments.seam import Environment
from trainingrun_environments.serving import (
    GameServer,
    ServedGame,
    Table,
    checked_legal,
    checked_returns,
)

MOVES_PER_SLICE: Final = 64
"""Moves without a question between two returns to the caller, who has other games."""
_SEEDS: Final = 2**64


class EmbeddedGames:
    """Begins games of one environment in this process, and asks what they ask."""

    def __init__(self, environment: Environment) -> None:
        """Take the environment; raises UnknownEnvironment where its games are an engine's, or none
        comes to its first decision.
        """
        if not isinstance(environment, GamesEnvironment) or not isinstance(
            environment.spec.actions, Vocabulary
        ):
            raise UnknownEnvironment(
                f"the environment {environment.spec.name!r} has no games that live in this process:"
                " its own engine serves them; leave daemon.embedded out"
            )
        self.games: Games = environment.games
        self._environment = environment
        self.spec = environment.spec
        self._reader = environment.reader
        try:
            game = self.begin(seed=0, asked=frozenset((0, 1)))
            game.advance(None)
        except GameFault as fault:
            raise UnknownEnvironment(str(fault)) from fault

    def begin(self, *, seed: int, asked: frozenset[int]) -> EmbeddedGame:
        """Begin a game in which these players (0, 1) are asked; the others choose at random.

        Raises:
            GameFault: the game fails, or breaks a promise.
        """
        return EmbeddedGame(self, seed=seed, asked=asked)

    def lines(self, *, seed: int, asked: frozenset[int]) -> LineGame:
        """Return such a game as its lines."""
        return LineGame(self._environment, seed=seed, asked=asked)

    def questions(self, games: Sequence[EmbeddedGame]) -> list[GenericQuestion | GameFault]:
        """Return the open question of each game, or what is wrong with it."""
        try:
            return list(self._reader.questions([game.seen() for game in games]))
        except (DecisionError, GameFault):
            return [self._question(game) for game in games]

    def _question(self, game: EmbeddedGame) -> GenericQuestion | GameFault:
        try:
            return self._reader.questions([game.seen()])[0]
        except DecisionError as error:
            return GameFault(f"{self.spec.name}: {error}")
        except GameFault as fault:
            return fault


class LineGame:
    """One game as a daemon serves it, read as an actor reads it, for who writes down its decisions.

    ``begin``, then ``answer`` until it gives None: the game is over.
    """

    def __init__(self, environment: GamesEnvironment, *, seed: int, asked: frozenset[int]) -> None:
        self._environment = environment
        self._table = Table(seed=seed % _SEEDS, asked=asked)
        self._dialogue = environment.new_dialogue()
        self._game: ServedGame | None = None

    def begin(self) -> GenericQuestion | None:
        """Return the first decision; raises GameFault as ``answer`` does."""
        return self._advance("")

    def answer(self, text: str) -> GenericQuestion | None:
        """Return the next decision.

        Raises:
            GameFault: the game fails, or breaks a promise.
        """
        return self._advance(text)

    def returns(self) -> tuple[tuple[float, float], bool]:
        """See EmbeddedGame."""
        assert self._game is not None
        return checked_returns(self._game.game, self._environment.spec)

    def _advance(self, text: str) -> GenericQuestion | None:
        name, moves = self._environment.spec.name, 0
        try:
            if self._game is None:
                self._game = GameServer(self._environment.games).begin(self._table)
            game, moves = self._game, self._game.moves
            while not game.advance(text):
                if game.is_over:
                    return None
                text = ""
            line = parse_line(game.take_output().splitlines()[-1])
            assert isinstance(line, DecisionLine)
            return self._dialogue.read(line.raw)
        except Exception as error:
            raise GameFault(
                f"{name} failed in move {moves + 1}: {describe_error(error)}"
            ) from error


class EmbeddedGame:
    """One game. Call ``advance`` with the answer to each question until it is over.

    Attributes:
        legal: what may be answered; empty where nothing is asked.
        player: who is asked (0 or 1).
        moves: moves that were played.
        asked_alone: decisions of asked players that had one option.
    """

    __slots__ = (
        "_asked",
        "_choose",
        "_game",
        "_games",
        "_seed",
        "asked_alone",
        "legal",
        "moves",
        "player",
    )

    def __init__(self, games: EmbeddedGames, *, seed: int, asked: frozenset[int]) -> None:
        self._games = games
        self._asked = asked
        self._seed = seed % _SEEDS
        self._choose: Random | None = None
        self.legal: tuple[int, ...] = ()
        self.player = 0
        self.moves = 0
        self.asked_alone = 0
        try:
            self._game = games.games.new(self._seed)
        except Exception as error:
            raise GameFault(
                f"{games.spec.name} failed before its first move: {describe_error(error)}"
            ) from error

    @property
    def is_over(self) -> bool:
        """Whether the game has ended."""
        return self._game.is_terminal

    def advance(self, action: int | None) -> bool:
        """Play the action that answers the open question, then all moves that need no answer;
        without an action an open question stays open.

        Returns:
            whether a question is open now; without one, and if the game is not over, call again.

        Raises:
            GameFault: the game fails, or breaks a promise.
        """
        try:
            return self._advance(action)
        except Exception as error:
            raise GameFault(
                f"{self._games.spec.name} failed in move {self.moves + 1}: {describe_error(error)}"
            ) from error

    def returns(self) -> tuple[tuple[float, float], bool]:
        """What the players got from a game that is over, and whether that says more than who won.

        Raises:
            GameFault: it is beyond the bound of the spec.
        """
        return checked_returns(self._game, self._games.spec)

    def seen(self) -> Seen:
        """What the asked player sees, and may choose.

        Raises:
            GameFault: the game fails.
        """
        try:
            return Seen(self.player, self.legal, self._game.observation(self.player))
        except Exception as error:
            raise GameFault(
                f"{self._games.spec.name} failed in move {self.moves + 1}: {describe_error(error)}"
            ) from error

    def _advance(self, action: int | None) -> bool:
        game = self._game
        if self.legal:
            if action is None:
                return True
            game.apply(action)
            self.moves += 1
            self.legal = ()
        for _ in range(MOVES_PER_SLICE):
            if game.is_terminal:
                return False
            player = game.current_player
            legal = checked_legal(game, self._games.spec)
            if player not in self._asked:
                game.apply(self._random().choice(legal))
            elif len(legal) > 1:
                self.legal, self.player = legal, player
                return True
            else:
                self.asked_alone += 1
                game.apply(int(legal[0]))
            self.moves += 1
        return False

    def _random(self) -> Random:
        if self._choose is None:
            self._choose = Random(f"players {self._seed}")  # as ``serving`` does
        return self._choose
