"""What a connection needs of the games that a daemon plays, whichever they are.

``magic_games`` is Magic; ``environment_games`` is every game of ``trainingrun_environments``.
"""

from enum import Enum, auto
from typing import Protocol

from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.lines import GameResult


class Progress(Enum):
    """What a session waits for."""

    ASKING = auto()
    """The answer line of the client."""
    RUNNING = auto()
    """Nothing: call ``resume`` again soon."""
    OVER = auto()
    """The game has ended."""


class GameFailed(Exception):
    """A game broke down by a fault of its own; the text is fit for its client."""


class Session(Protocol):
    """One game between a command and its terminal line, without socket and clock.

    What it raises ends the game with GAME_ERROR; a GameFailed says the reason there.
    """

    def resume(self, answer: str = "") -> Progress:
        """Play on for a moment, with the answer to the open decision if there is one."""

    def take_output(self) -> bytes:
        """Return the lines to send since the last call."""

    def result(self, *, milliseconds: int) -> GameResult:
        """Return the terminal line of a game that is over."""


class Match(Protocol):
    """What a command asks for; its games differ in their seeds alone."""

    @property
    def command(self) -> NewGame:
        """The command."""

    @property
    def scenarios(self) -> tuple[object, object]:
        """What the seats play with: decks. The same object, whenever it is the same scenario."""

    def begin(self, *, seed: int) -> Session:
        """Begin a game."""


class GameFactory(Protocol):
    """The games that this daemon plays."""

    def match(self, command: NewGame) -> Match:
        """Find what a command names; raises CommandError with a sentence for the client."""
