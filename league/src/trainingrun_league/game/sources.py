"""Where a table's game comes from: of this process, or of an engine on a slot of a daemon.

    GamesHere        begins at once, is played again from seed and actions, and so resumed
    GamesOfDaemons   takes a slot, ends with its connection, and is seen again from what was kept

Border: tables in, games out; what becomes of them the ``hall`` decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.league.game_reasons import GAME_LOST
from trainingrun_contracts.league.v1.game_pb2 import GetReplayResponse
from trainingrun_environments.daemon_link import DaemonLink, LinkLost
from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_environments.registry import environment_of
from trainingrun_environments.seam import Environment
from trainingrun_protocol.access import Token
from trainingrun_protocol.commands import NO_SCENARIO, NewGame, format_command
from trainingrun_protocol.errors import CommandError

from trainingrun_league.errors import Exhausted, InvalidRequest
from trainingrun_league.game.context import GameContext
from trainingrun_league.game.daemon_game import DaemonGame, NeverAsked, past_game
from trainingrun_league.game.daemons import Daemons
from trainingrun_league.game.engine import Engine, engine_of
from trainingrun_league.game.played import PlayedGame
from trainingrun_league.game.replay import kept_replay_message, replay_message
from trainingrun_league.game.table import Table, Turn
from trainingrun_league.game.views import SeenGame

GAME_SECONDS: Final = 604_800
"""That an engine is asked to let a game last (``-c``): a week, as people think; the table's clocks
end it long before."""
_SEEDS: Final = 2**31
"""What every engine reads."""


class HeldGame(SeenGame, Protocol):
    """A game that is played."""

    @property
    def ending(self) -> Table | None:
        """How it has ended, while the journal could not be written."""

    @property
    def bound(self) -> float:
        """The most that a game gives."""

    async def take_turn(self, turn: Turn, context: GameContext) -> None:
        """Play a legal action of the seat to move.

        Raises:
            LeagueError: the journal cannot be written.
        """

    async def read_again(self, table: Table, turns: Sequence[Turn], context: GameContext) -> None:
        """Continue from what the journal has, where a write failed and may have been done.

        Raises:
            GameFault: what it has cannot be played.
            LeagueError: the journal cannot be written.
        """

    @property
    def engine_end(self) -> asyncio.Event | None:
        """Set when its engine is gone; None where it is a part of this process."""

    async def engine_left(self, context: GameContext) -> None:
        """Settle a game whose engine is gone."""

    def settle(self, table: Table) -> None:
        """Take over how the table stands now."""

    def give_up(self, reason: str) -> None:
        """Wait no longer for its engine."""

    def close(self) -> None:
        """Let go of what it holds; may be called again."""


class GameSource(Protocol):
    """See above."""

    @property
    def spec(self) -> EnvironmentSpec:
        """The environment."""

    async def open(self, table: Table) -> HeldGame:
        """Begin a game.

        Raises:
            GameFault: its engine fails.
            Exhausted, Unavailable: no engine is free, or there.
        """

    def resume(self, table: Table, turns: Sequence[Turn]) -> HeldGame:
        """Return a game that a process held which has ended; raises GameFault where it is lost."""

    def past(self, table: Table, turns: Sequence[Turn]) -> SeenGame:
        """Return a game that is over; raises GameFault where it cannot be seen again."""

    def replay(self, seen: SeenGame) -> GetReplayResponse:
        """Return a game turn by turn."""

    def rules(self) -> Engine:
        """Return what plays recorded games again; raises InvalidRequest where nothing does."""


class GamesHere:
    """Games of this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.spec: Final = engine.spec

    async def open(self, table: Table) -> PlayedGame:
        """See GameSource."""
        return PlayedGame(self._engine, table)

    def resume(self, table: Table, turns: Sequence[Turn]) -> PlayedGame:
        """See GameSource."""
        return PlayedGame(self._engine, table, turns)

    def past(self, table: Table, turns: Sequence[Turn]) -> PlayedGame:
        """See GameSource."""
        return PlayedGame(self._engine, table, turns)

    def replay(self, seen: SeenGame) -> GetReplayResponse:
        """See GameSource."""
        return replay_message(self._engine, seen)

    def rules(self) -> Engine:
        """See GameSource."""
        return self._engine


class GamesOfDaemons:
    """Games of an engine behind the line protocol."""

    def __init__(
        self,
        environment: Environment,
        daemons: Daemons,
        *,
        decks: Sequence[str],
        seconds: float,
        token: Token | None,
    ) -> None:
        """Of these decks a game's seed draws each seat's; ``seconds`` are an engine's for a line.

        Raises:
            InvalidRequest: a deck's name cannot be sent.
        """
        self._environment = environment
        self._daemons = daemons
        self._decks = tuple(decks) or (NO_SCENARIO,)
        self._seconds = seconds
        self._token = token
        self.spec: Final = environment.spec
        for deck in self._decks:
            try:
                format_command(NewGame(deck1=deck, deck2=deck))
            except CommandError as error:
                raise InvalidRequest(f"--set game.decks: {error}") from error

    async def open(self, table: Table) -> DaemonGame:
        """See GameSource."""
        slot = await self._daemons.lease()
        game: DaemonGame | None = None
        try:
            link = await DaemonLink.open(slot.endpoint, self._environment, token=self._token)
            game = DaemonGame(self._environment, link, slot, table, seconds=self._seconds)
            link.start(self._command(table.seed))
            await game.begin()
        except NeverAsked as error:
            if not slot.others:
                raise
            self._daemons.note_starved(slot)
            raise Exhausted(
                f"the daemon {slot.endpoint} has other games, and no thread for one more: try again"
                " later"
            ) from error
        except LinkLost as error:
            raise GameFault(f"the daemon {slot.endpoint}: {error}") from error
        finally:
            if game is None:
                slot.give_back()
            elif game.position.is_over:  # its begin failed, or was given up
                game.close()
        if game.position.is_over:
            raise GameFault("the engine ended the game before it asked anything")
        return game

    def resume(self, table: Table, _turns: Sequence[Turn]) -> DaemonGame:
        """See GameSource: an engine's game has ended with the connection."""
        raise GameFault(
            f"{GAME_LOST} after {table.turn} moves: the Game service, or its database, was away"
        )

    def past(self, table: Table, turns: Sequence[Turn]) -> SeenGame:
        """See GameSource."""
        return past_game(table, turns)

    def replay(self, seen: SeenGame) -> GetReplayResponse:
        """See GameSource."""
        return kept_replay_message(seen)

    def rules(self) -> Engine:
        """See GameSource."""
        raise InvalidRequest(
            f"games: the rules of {self.spec.name} are its engine's, so none can be recorded here:"
            " play them in the Game service"
        )

    def _command(self, seed: int) -> NewGame:
        decks = self._decks
        return NewGame(
            deck1=decks[seed % len(decks)],
            deck2=decks[seed // len(decks) % len(decks)],
            interactive=True,
            quiet=True,
            limit_seconds=GAME_SECONDS,
            seed=seed % _SEEDS,
        )


def source_of(
    environment: EnvironmentConfig,
    daemons: Daemons | None,
    *,
    decks: Sequence[str],
    seconds: float,
    token: Token | None,
) -> GameSource:
    """Return where the games of an environment come from; ``daemons`` are those of the settings.

    Raises:
        UnknownEnvironment: there is none of that name.
        InvalidRequest: it needs daemons and has none, or the other way round.
    """
    found = environment_of(environment)
    if getattr(found, "games", None) is not None:
        if daemons is not None or decks:
            raise InvalidRequest(
                f"games of {found.spec.name} are played in this process: leave game.daemons and"
                " game.decks out"
            )
        return GamesHere(engine_of(environment))
    if daemons is None:
        raise InvalidRequest(
            f"the games of {found.spec.name} are played by its own engine: say where daemons of it"
            " are, as --set game.daemons=HOST:PORT"
        )
    if not hasattr(found, "show"):
        raise UnknownEnvironment(
            f"the environment {found.spec.name!r} cannot show a question to people: its class needs"
            " a method show(question)"
        )
    return GamesOfDaemons(found, daemons, decks=decks, seconds=seconds, token=token)
