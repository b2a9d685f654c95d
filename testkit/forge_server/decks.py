"""Where the original searches for a deck: a file by its path, two flat folders, a deck's own name.

Cards that the engine does not know are left out of a deck without a word, as the original does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_daemon.rules.model import CardFace
from trainingrun_protocol.decks import DeckError, card_key, front_key, parse_deck_list

from testkit.forge_server.cards import CARDS

SUFFIX: Final = ".dck"


@dataclass(frozen=True, slots=True)
class Deck:
    """A deck with the cards that are known."""

    name: str
    main: tuple[CardFace, ...]


class DeckFolders:
    """The user's folder of decks and, behind it, those of the card data."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    @property
    def exist(self) -> bool:
        """Whether all folders are there: without its data the original does not start."""
        return all(folder.is_dir() for folder in self._folders)

    def find(self, name: str) -> Deck | None:
        """Return a deck by path, by file name (with ``.dck``) or by its own name."""
        for path in self._paths(name):
            if path.is_file():
                return _read(path)
        return self._find_named(name)

    def _paths(self, name: str) -> Iterator[Path]:
        yield Path(name)
        if name.endswith(SUFFIX):
            for folder in self._folders:
                yield folder / name

    def _find_named(self, name: str) -> Deck | None:
        for path in sorted(self._folders[0].glob(f"*{SUFFIX}")) if self._folders else ():
            deck = _read(path)
            if deck is not None and deck.name == name:
                return deck
        return None


def _read(path: Path) -> Deck | None:
    try:
        listed = parse_deck_list(path.read_text(encoding="utf-8"), name=path.stem)
    except (OSError, UnicodeDecodeError, DeckError):
        return None
    faces = (
        (CARDS.get(card_key(entry.name)) or CARDS.get(front_key(entry.name)), entry)
        for entry in listed.main
    )
    main = tuple(face for face, entry in faces if face is not None for _ in range(entry.count))
    return Deck(listed.name, main)
