"""Games of Magic: commands name decks, sessions play them."""

from dataclasses import dataclass

from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.errors import CommandError

from trainingrun_daemon.decks import Deck, DeckError, DeckRepository
from trainingrun_daemon.session import GameSession


@dataclass(frozen=True, slots=True)
class MagicMatch:
    """Two decks against each other (``game_factory.Match``)."""

    command: NewGame
    scenarios: tuple[Deck, Deck]
    reveal_all: bool = False

    def begin(self, *, seed: int) -> GameSession:
        """See Match."""
        return GameSession(self.command, self.scenarios, seed=seed, reveal_all=self.reveal_all)


class MagicGames:
    """See GameFactory. ``reveal_all`` shows both hands in every decision (for a teacher)."""

    def __init__(self, decks: DeckRepository, *, reveal_all: bool = False) -> None:
        self._decks = decks
        self._reveal_all = reveal_all

    def match(self, command: NewGame) -> MagicMatch:
        """See GameFactory."""
        decks = (self._find(command.deck1), self._find(command.deck2))
        return MagicMatch(command, decks, self._reveal_all)

    def _find(self, name: str) -> Deck:
        """Return a deck; raises CommandError. A name can be what no file system takes."""
        try:
            return self._decks.find(name)
        except DeckError as error:
            raise CommandError(str(error)) from error
        except (OSError, ValueError) as error:
            shown = ascii(name[:40])
            raise CommandError(f"deck {shown} cannot be looked up; give a .dck file") from error
