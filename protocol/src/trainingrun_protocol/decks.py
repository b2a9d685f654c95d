"""Deck files as text: ``.dck`` into names with counts (protocol section 6).

Border: form only. Which cards exist is known by the engine, and for people by the catalogue of
``trainingrun_protocol.cards``; both look names up by :func:`card_key`. A deck of any size is taken
(the protocol forbids to ask for 60 cards), up to bounds that keep a hostile file from costing
memory.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import msgspec

MAX_BYTES: Final = 256 * 1024
"""Longest deck file that is read."""
MAX_CARDS: Final = 2000
"""Most cards of all sections together."""
MAX_NAME: Final = 100
"""A longer name of a deck is cut: it stands in every line of a game."""

_SECTION: Final = re.compile(r"\[\s*(?P<name>[^]]*?)\s*\]")
_ENTRY: Final = re.compile(r"(?P<count>\d{1,4})\s+(?P<name>[^|\s][^|]*)(?:\|.*)?", re.ASCII)
_SPLIT: Final = re.compile(r"\s*//\s*")
_SHOWN: Final = 40


class DeckError(Exception):
    """A text is no deck. ``reason`` follows the deck's name in a sentence; ``line`` counts from 1.

    ``str()`` gives both: ``, line 3: 'Plains' is no line of the form 'count name'``.
    """

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line

    def __str__(self) -> str:
        return f" {self.reason}" if self.line is None else f", line {self.line}: {self.reason}"


class DeckEntry(msgspec.Struct, frozen=True):
    """Copies of one card, and the line of the file that lists them."""

    count: int
    name: str
    line: int


class DeckList(msgspec.Struct, frozen=True, kw_only=True):
    """What a deck file says, in its order; the same card may have several entries."""

    name: str
    main: tuple[DeckEntry, ...]
    sideboard: tuple[DeckEntry, ...] = ()
    commander: tuple[DeckEntry, ...] = ()

    @property
    def entries(self) -> tuple[DeckEntry, ...]:
        """The entries of all sections, main first."""
        return self.main + self.sideboard + self.commander

    @property
    def size(self) -> int:
        """Number of cards of the main deck."""
        return sum(entry.count for entry in self.main)


def card_key(name: str) -> str:
    """Return the form in which names of cards are compared: case, spaces and apostrophes do not
    matter."""
    text = unicodedata.normalize("NFC", name).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(_SPLIT.sub(" // ", text).split()).casefold()


def front_key(name: str) -> str:
    """Return the key of the first half of a split or two-faced card; of another card, its own
    key."""
    return card_key(name).partition(" // ")[0]


def parse_deck_list(text: str, *, name: str) -> DeckList:
    """Read a ``.dck`` text; ``name`` serves when the deck gives itself none.

    Sections that this game has no use for (schemes, planes) are skipped.

    Raises:
        DeckError: a line is malformed, the main deck is empty, or a bound is passed.
    """
    if len(text) > MAX_BYTES:
        raise DeckError(f"is longer than {MAX_BYTES // 1024} KiB: give a deck file")
    sections: dict[str, list[DeckEntry]] = {"main": [], "sideboard": [], "commander": []}
    section, total = "", 0
    for number, line in _content_lines(text):
        if header := _SECTION.fullmatch(line):
            section = header["name"].casefold()
        elif section == "metadata":
            name = _name_in(line) or name
        elif section in sections:
            entry = _parse_entry(line, number)
            total += entry.count
            if total > MAX_CARDS:
                raise DeckError(f"has more than {MAX_CARDS} cards: take some out", line=number)
            if entry.count:
                sections[section].append(entry)
    if not sections["main"]:
        raise DeckError("has no cards: write them below a line [Main]")
    return DeckList(
        name=" ".join(name.split())[:MAX_NAME],
        main=tuple(sections["main"]),
        sideboard=tuple(sections["sideboard"]),
        commander=tuple(sections["commander"]),
    )


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        content = line.strip()
        if content and not content.startswith("#"):
            yield number, content


def _name_in(line: str) -> str:
    key, _, value = line.partition("=")
    return value.strip() if key.strip().casefold() == "name" else ""


def _parse_entry(line: str, number: int) -> DeckEntry:
    entry = _ENTRY.fullmatch(line)
    if entry is None:
        raise DeckError(f"{line[:_SHOWN]!r} is no line of the form 'count name'", line=number)
    return DeckEntry(int(entry["count"]), entry["name"].strip(), number)
