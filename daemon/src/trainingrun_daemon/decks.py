"""Deck files: finding them and reading them (protocol section 6).

Border: a Deck is a name and the main deck's card faces. Sideboards are checked for unknown cards,
so that a deck that is accepted now is accepted when matches need its sideboard, but are not kept.
Size is not enforced: the protocol forbids it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.model import CardFace

_SECTION: Final = re.compile(r"\[(?P<name>[^]]+)\]")
_ENTRY: Final = re.compile(r"(?P<count>\d{1,4})\s+(?P<name>[^|]+)(?:\|.*)?")


_SUFFIX: Final = ".dck"


class DeckError(Exception):
    """A deck cannot be played; the text is fit for an ``ERROR:`` line."""


@dataclass(frozen=True, slots=True)
class Deck:
    """A playable deck."""

    name: str
    main: tuple[CardFace, ...]


class DeckShelf:
    """The decks in the daemon's directories. Files are read anew when they change."""

    def __init__(
        self, directories: Sequence[Path], *, cards: Mapping[str, CardFace] = KNOWN_CARDS
    ) -> None:
        self._directories = tuple(directories)
        self._cards = cards
        self._read: dict[Path, tuple[int, Deck]] = {}

    def find(self, name: str) -> Deck:
        """Give a deck by absolute path or by base name; raises DeckError."""
        path = self._locate(name)
        try:
            stamp = path.stat().st_mtime_ns
            known = self._read.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            deck = parse_deck(path.read_text("utf-8"), name=path.stem, cards=self._cards)
        except (OSError, UnicodeDecodeError) as error:
            raise DeckError(f"deck {name} cannot be read: {_reason(error)}") from error
        self._read[path] = (stamp, deck)
        return deck

    def _locate(self, name: str) -> Path:
        if Path(name).is_absolute():
            if not name.endswith(_SUFFIX):  # any other file is no business of a remote client
                raise DeckError(f"deck {name} is no {_SUFFIX} file; give the path of one")
            return Path(name)
        base = Path(name).name
        for directory in self._directories:
            for candidate in (directory / base, directory / f"{base}{_SUFFIX}"):
                if candidate.is_file():
                    return candidate
        places = ", ".join(map(str, self._directories))
        raise DeckError(f"deck {name} not found in {places}; give a .dck file that is there")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or "unreadable"
    return "it is not a UTF-8 text"


def parse_deck(text: str, *, name: str, cards: Mapping[str, CardFace] = KNOWN_CARDS) -> Deck:
    """Read a ``.dck`` text; ``name`` serves when the deck gives itself none. Raises DeckError.

    ``cards`` are the cards that may be played, by their names in lower case.
    """
    section = ""
    main: list[CardFace] = []
    unknown: dict[str, None] = {}
    for line in _content_lines(text):
        if header := _SECTION.fullmatch(line):
            section = header["name"].casefold()
        elif section == "metadata":
            key, _, value = line.partition("=")
            name = value.strip() if key.strip().casefold() == "name" and value.strip() else name
        elif entry := _ENTRY.fullmatch(line):
            face = cards.get(entry["name"].strip().casefold())
            if face is None:
                unknown[entry["name"].strip()] = None
            elif section == "main":
                main += [face] * int(entry["count"])
        else:
            raise DeckError(f"deck {name}: {line[:60]!r} is no line of the form 'count name'")
    if unknown:
        raise DeckError(f"deck {name}: unknown cards: {', '.join(unknown)}")
    if not main:
        raise DeckError(f"deck {name}: its [Main] section has no cards")
    return Deck(" ".join(name.split()), tuple(main))


def _content_lines(text: str) -> Iterable[str]:
    stripped = (line.strip() for line in text.lstrip("\ufeff").splitlines())
    return (line for line in stripped if line and not line.startswith("#"))
