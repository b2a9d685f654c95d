"""Games of the environments that live in Python (``--environment``).

The one module of the daemon that knows ``trainingrun_environments``. It is imported only where an
environment is named: a daemon of Magic needs neither that package nor numpy.
"""

from dataclasses import dataclass
from typing import Final

from trainingrun_environments.errors import UnknownEnvironment, describe_error
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import games_of
from trainingrun_environments.serving import GameServer, ServedGame, Table
from trainingrun_protocol.commands import NO_SCENARIO, NewGame
from trainingrun_protocol.errors import CommandError
from trainingrun_protocol.lines import GameResult

from trainingrun_daemon.game_factory import GameFailed, Progress
from trainingrun_daemon.options import ServeError

MOVES_PER_SLICE: Final = 8
"""Moves of players here between two returns to the caller, as many as Magic's."""
_SEEDS: Final = 2**64
_BOTH: Final = frozenset((0, 1))


class EnvironmentSession:
    """See Session."""

    def __init__(self, name: str, served: ServedGame) -> None:
        self._name = name
        self._served = served

    def resume(self, answer: str = "") -> Progress:
        """See Session."""
        served = self._served
        try:
            for _ in range(MOVES_PER_SLICE):
                if served.advance(answer):
                    return Progress.ASKING
                if served.is_over:
                    return Progress.OVER
        except Exception as error:
            raise GameFailed(
                f"{self._name} failed in move {served.moves + 1}: {describe_error(error)}"
            ) from error
        return Progress.RUNNING

    def take_output(self) -> bytes:
        """See Session."""
        return self._served.take_output()

    def result(self, *, milliseconds: int) -> GameResult:
        """See Session."""
        return self._served.result(milliseconds=milliseconds)


@dataclass(frozen=True, slots=True)
class EnvironmentMatch:
    """See Match."""

    server: GameServer
    command: NewGame
    scenarios: tuple[str, str] = (NO_SCENARIO, NO_SCENARIO)

    def begin(self, *, seed: int) -> EnvironmentSession:
        """See Match; games get seeds from 0 to 2^64 - 1."""
        table = Table(
            seed=seed % _SEEDS,
            asked=_asked(self.command),
            is_shown=self.command.observe,
            is_quiet=self.command.quiet,
        )
        name = self.server.spec.name
        try:
            return EnvironmentSession(name, self.server.begin(table))
        except Exception as error:
            raise GameFailed(
                f"{name} failed before its first move: {describe_error(error)}"
            ) from error


class EnvironmentGames:
    """See GameFactory."""

    def __init__(self, server: GameServer) -> None:
        self._server = server

    def match(self, command: NewGame) -> EnvironmentMatch:
        """See GameFactory: an environment has no decks."""
        named = [name for name in (command.deck1, command.deck2) if name != NO_SCENARIO]
        if named:
            raise CommandError(
                f"this daemon plays {self._server.spec.name}, which has no decks:"
                f" write NEWGAME - - in the place of {named[0][:40]}"
            )
        return EnvironmentMatch(self._server, command)


def games_named(text: str) -> EnvironmentGames:
    """Return the games of an environment, by its name on the command line.

    Raises:
        ServeError: there is no such environment, or it does not come to its first decision.
    """
    try:
        server = GameServer(games_of(config_of(text)))
    except UnknownEnvironment as error:
        raise ServeError(f"--environment: {error}") from error
    _try_out(server)
    return EnvironmentGames(server)


def _try_out(server: GameServer) -> None:
    """Begin a game: what always fails is said at the start, and not to every client."""
    try:
        server.begin(Table(seed=0, asked=_BOTH)).advance()
    except Exception as error:
        raise ServeError(
            f"--environment: {server.spec.name} does not come to its first decision:"
            f" {describe_error(error)}"
        ) from error


def _asked(command: NewGame) -> frozenset[int]:
    if not command.interactive:
        return frozenset()
    return _BOTH if command.ai_seat is None else _BOTH - {command.ai_seat - 1}
