"""Decks that can be played: finding their files, and the names in them made to card faces.

Border: the form of a deck file is the contract's (``protocol.decks``); here names meet the cards
that the engine knows. Sideboards are checked for unknown cards, so that a deck that is accepted now
is accepted when matches need its sideboard, but are not kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import abspath, normpath
from pathlib import Path
from stat import S_ISREG
from typing import Final

from trainingrun_protocol import decks as deck_lists
from trainingrun_protocol.decks import card_key, front_key, parse_deck_list

from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.model import CardFace

_SUFFIX: Final = ".dck"


class DeckError(Exception):
    """A deck cannot be played; the text is fit for an ``ERROR:`` line."""


@dataclass(frozen=True, slots=True)
class Deck:
    """A playable deck."""

    name: str
    main: tuple[CardFace, ...]


class DeckRepository:
    """The decks in the daemon's directories and in the folders right below them.

    Files are read anew when they change.
    """

    def __init__(
        self, directories: Sequence[Path], *, cards: Mapping[str, CardFace] = KNOWN_CARDS
    ) -> None:
        self._directories = tuple(directories)
        self._cards = cards
        self._read: dict[Path, tuple[int, Deck]] = {}

    def find(self, name: str) -> Deck:
        """Return a deck by base name, or by a path below a directory; raises DeckError.

        A path elsewhere stands for its base name: clients name the decks of their own machine.
        """
        try:
            path = self._locate(name)
            status = path.stat()
            known = self._read.get(path)
            if known is not None and known[0] == status.st_mtime_ns:
                return known[1]
            if not S_ISREG(status.st_mode):
                raise DeckError(f"deck {name} cannot be read: it is not a file")
            deck = parse_deck(_read_text(path), name=path.stem, cards=self._cards)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise DeckError(f"deck {name} cannot be read: {_reason(error)}") from error
        self._read[path] = (status.st_mtime_ns, deck)
        return deck

    def _locate(self, name: str) -> Path:
        path = Path(normpath(name))
        if path.is_absolute():
            if not name.endswith(_SUFFIX):  # any other file is no business of a remote client
                raise DeckError(f"deck {name} is no {_SUFFIX} file; give the path of one")
            if self._is_ours(path) and path.exists():
                return path
        base = Path(name).name
        found = next((path for path in self._candidates(base) if path.is_file()), None)
        if found is None:
            places = ", ".join(map(str, self._directories))
            raise DeckError(f"deck {name} not found in {places}; give a {_SUFFIX} file there")
        return found

    def _is_ours(self, path: Path) -> bool:
        return any(path.is_relative_to(abspath(each)) for each in self._directories)

    def _candidates(self, base: str) -> Iterator[Path]:
        names = (base, f"{base}{_SUFFIX}") if base.endswith(_SUFFIX) else (f"{base}{_SUFFIX}",)
        for directory in self._directories:
            yield from (directory / name for name in names)
        for directory in self._directories:
            for name in names:
                yield from sorted(directory.glob(f"*/{_as_pattern(name)}"))


def parse_deck(text: str, *, name: str, cards: Mapping[str, CardFace] = KNOWN_CARDS) -> Deck:
    """Read a ``.dck`` text; ``name`` serves when the deck gives itself none. Raises DeckError.

    ``cards`` are the cards that may be played, by their names in lower case.
    """
    try:
        listed = parse_deck_list(text, name=name)
    except deck_lists.DeckError as error:
        raise DeckError(f"deck {name}{error}") from error
    faces = {entry.name: _find_face(entry.name, cards) for entry in listed.entries}
    unknown = [name for name, face in faces.items() if face is None]
    if unknown:
        raise DeckError(f"deck {listed.name}: unknown cards: {', '.join(unknown)}")
    main: list[CardFace] = []
    for entry in listed.main:
        face = faces[entry.name]
        if face is not None:
            main += [face] * entry.count
    return Deck(listed.name, tuple(main))


def _find_face(name: str, cards: Mapping[str, CardFace]) -> CardFace | None:
    """Return the card of this name; two-faced cards may be named by both faces or by the front
    alone."""
    return cards.get(card_key(name)) or cards.get(front_key(name))


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(deck_lists.MAX_BYTES + 1).decode("utf-8")


def _as_pattern(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return error.strerror or "unreadable"
    if isinstance(error, UnicodeDecodeError):
        return "it is not a UTF-8 text"
    return "it is no name of a file"
