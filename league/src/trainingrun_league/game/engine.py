"""What plays the games of this process: the seam between a table and the rules.

``GamesOfEnvironment`` has them (``environments.games``). Games of engines behind the line protocol
are no such ones, as they can neither be begun at once nor played again: ``daemon_game`` has those.

Border: seeds and actions in, positions and text out; no clock, and no knowledge of who plays.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol

import numpy.typing as npt
from msgspec import Struct
from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_environments.errors import GameFault, describe_error
from trainingrun_environments.games import Game, Games, RendersForPlayers
from trainingrun_environments.generic.questions import SENT_AS_THEY_ARE
from trainingrun_environments.registry import games_of
from trainingrun_environments.serving import checked_legal, checked_returns

MOST_TEXT: Final = 8_000
"""Characters of a position's text."""
MOST_ACTION_TEXT: Final = 200
SEEDS: Final = 2**64

_log = logging.getLogger(__name__)


class Position(Struct, frozen=True):
    """How a game stands, as the rules say it.

    Attributes:
        seat_to_move: 1 or 2; 0 once it is over.
        legal: numbers of the actions that may be played, ascending.
        returns: what seat 1 and seat 2 got so far.
    """

    seat_to_move: int
    legal: tuple[int, ...]
    returns: tuple[float, float]

    @property
    def is_over(self) -> bool:
        """Whether the game has ended."""
        return self.seat_to_move == 0


class EngineGame(Protocol):
    """One game. ``GameFault`` is raised where the engine fails or breaks a promise; what only
    people read costs no game: it is left out where the engine cannot say it.
    """

    def position(self) -> Position:
        """Return how it stands."""

    def play(self, action: int) -> None:
        """Play a legal action of the seat to move."""

    def text(self, seat: int) -> str:
        """Return the position for people: all of it for seat 0, what a seat knows for 1 and 2."""

    def describe(self, action: int) -> str:
        """Return a legal action of the seat to move for people."""

    def features(self, action: int) -> bytes:
        """Return the numbers of a legal action, float16 and little-endian; empty where it is a
        number out of a vocabulary.
        """

    def observation(self, seat: int) -> tuple[str, bytes]:
        """Return what a seat observes: the name of its numbers, and the numbers, little-endian."""


class Engine(Protocol):
    """Begins the games of one environment."""

    @property
    def spec(self) -> EnvironmentSpec:
        """The environment."""

    @property
    def has_secrets(self) -> bool:
        """Whether a seat may know what the other one, and who watches, must not know."""

    def begin(self, seed: int) -> EngineGame:
        """Begin a game; the same seed and actions give the same one."""


class GamesOfEnvironment:
    """The games of this process; see Engine."""

    def __init__(self, games: Games) -> None:
        self._games = games
        self.spec: Final = games.spec
        # The spec calls games forkable where a clone has nothing that players do not know. Games
        # of open information with chance are not forkable either: they are watched when they are
        # over, which is a pity and betrays nothing.
        self.has_secrets: Final = not games.spec.is_forkable

    def begin(self, seed: int) -> EngineGame:
        """See Engine."""
        try:
            game = self._games.new(seed % SEEDS)
        except Exception as error:
            raise GameFault(
                f"{self.spec.name} failed before its first move: {describe_error(error)}"
            ) from error
        return _GameHere(self._games, game)


def engine_of(environment: EnvironmentConfig) -> Engine:
    """Return what plays an environment.

    Raises:
        UnknownEnvironment: there is none of that name, or its games are those of an engine.
    """
    return GamesOfEnvironment(games_of(environment))


class _GameHere:
    """A game of this process; what it raises becomes a ``GameFault``."""

    def __init__(self, games: Games, game: Game) -> None:
        self._games = games
        self._game = game
        self._moves = 0

    def position(self) -> Position:
        """See EngineGame."""
        game, spec = self._game, self._games.spec
        try:
            if game.is_terminal:
                returns, _ = checked_returns(game, spec)
                return Position(0, (), returns)
            legal = tuple(int(action) for action in checked_legal(game, spec))
            first, second = game.returns
            return Position(game.current_player + 1, legal, (float(first), float(second)))
        except Exception as error:
            raise self._fault(error) from error

    def play(self, action: int) -> None:
        """See EngineGame."""
        try:
            self._game.apply(action)
        except Exception as error:
            raise self._fault(error) from error
        self._moves += 1

    def text(self, seat: int) -> str:
        """See EngineGame; a game with secrets and no text for a player has none."""
        game = self._game
        try:
            if seat == 0 or self._games.spec.is_forkable:
                return game.render()[:MOST_TEXT]
            if isinstance(game, RendersForPlayers):
                return game.render_for(seat - 1)[:MOST_TEXT]
        except Exception:
            _log.warning("%s cannot render a position", self._games.spec.name, exc_info=True)
        return ""

    def describe(self, action: int) -> str:
        """See EngineGame."""
        try:
            return self._games.describe(self._game, action)[:MOST_ACTION_TEXT]
        except Exception:
            _log.warning("%s cannot describe an action", self._games.spec.name, exc_info=True)
            return str(action)

    def features(self, _action: int) -> bytes:
        """See EngineGame: games of this process have vocabularies."""
        return b""

    def observation(self, seat: int) -> tuple[str, bytes]:
        """See EngineGame; numbers of other kinds than the protocol's are sent as float32."""
        try:
            seen: npt.NDArray[Any] = self._game.observation(seat - 1)
            little = seen.dtype.newbyteorder("<")
            sent = seen.astype(little if little in SENT_AS_THEY_ARE else "<f4")
            return str(sent.dtype.name), sent.tobytes()
        except Exception as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> GameFault:
        if isinstance(error, GameFault):
            return error
        name = self._games.spec.name
        return GameFault(f"{name} failed in move {self._moves + 1}: {describe_error(error)}")
