"""One game from its command to its last line.

The connection's thread waits for the game, which runs on a thread of the pool; when its time is up
the game is a draw, and the result is printed in any case.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trainingrun_daemon.rules.model import Game
from trainingrun_daemon.rules.turn import add_deck

from testkit.forge_server import turns
from testkit.forge_server.agent import Agent
from testkit.forge_server.commands import NewGame
from testkit.forge_server.connection import Connection
from testkit.forge_server.decks import Deck, DeckFolders
from testkit.forge_server.faults import Build, EngineError
from testkit.forge_server.observer import Ai, Observer
from testkit.forge_server.randomness import SharedRandom
from testkit.forge_server.threads import Pool


@dataclass(frozen=True, slots=True)
class Shared:
    """What all games of a server share."""

    decks: DeckFolders
    build: Build
    pool: Pool
    chance: SharedRandom = field(default_factory=SharedRandom)


@dataclass(slots=True)
class _Run:
    """A game on its thread."""

    play: Callable[[], None]
    stop: threading.Event
    done: threading.Event = field(default_factory=threading.Event)
    error: str | None = None

    def __call__(self) -> None:
        try:
            if not self.stop.is_set():
                self.play()
        except EngineError as error:
            self.error = str(error)
        except Exception as error:
            self.error = f"java.lang.IllegalStateException: {type(error).__name__}: {error}"
        finally:
            self.done.set()


def play_match(shared: Shared, command: NewGame, link: Connection) -> None:
    """Play the game of a command and print what it says."""
    decks = [shared.decks.find(name) for name in command.decks]
    for name, deck in zip(command.decks, decks, strict=True):
        if deck is None:
            link.print(f"ERROR: Could not load deck: {name}")
            return
    first, second = (deck for deck in decks if deck is not None)
    if command.seed is not None:
        shared.chance.seed(command.seed)
        if not command.quiet:
            link.print(f"SEED: {command.seed}")
    game = _set_up(shared, command, (first, second))
    if not command.quiet:
        link.print(f"GAME_START: {first.name} vs {second.name}")
    began = time.monotonic()
    run = _start(shared, command, game, link)
    shared.pool.submit(run)
    is_draw = _await_end(run, command.limit, link)
    winner = None if is_draw else game.winner
    lasted = int((time.monotonic() - began) * 1000)
    who = "Draw" if winner is None else f"{game.players[winner].name} won"
    link.print(f"GAME_RESULT: {who} in {lasted}ms")


def _set_up(shared: Shared, command: NewGame, decks: tuple[Deck, Deck]) -> Game:
    names = [f"{command.prefix}({seat})-{deck.name}" for seat, deck in enumerate(decks, start=1)]
    game = Game((names[0], names[1]), seed=0)
    game.random = shared.chance.generator
    for seat, deck in enumerate(decks):
        add_deck(game, seat, list(deck.main))
    return game


def _start(shared: Shared, command: NewGame, game: Game, link: Connection) -> _Run:
    if command.interactive:
        agent = Agent(game, link, shared.build)
        return _Run(lambda: turns.play_game(game, agent), agent.has_ended)
    if command.observe:
        observer = Observer(game, link, shared.build.version)
        return _Run(lambda: turns.play_game(game, observer), observer.has_ended)
    silent = Ai(game)
    return _Run(silent.play_game, silent.has_ended)


def _await_end(run: _Run, limit: int, link: Connection) -> bool:
    """Wait for the end of a game, print what ended it early; gives whether something did."""
    if not run.done.wait(max(limit, 0)):
        run.stop.set()
        link.print(f"GAME_TIMEOUT: the game lasted longer than {limit} seconds")
        return True
    if run.error is not None:
        link.print(f"GAME_ERROR: {run.error}")
        return True
    return False
