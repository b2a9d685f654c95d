"""Lists of cards as other programs export them, read as decks; and a deck as a ``.dck`` text.

Four forms, distinguished by their first line: MTG Arena's (headings, sets and numbers behind
names), MTGO's text (``SB:``, or an empty line before the sideboard), MTGO's ``.dek`` (XML), and
Forge's ``.dck``. Pure, and form only, as ``decks``: which cards exist is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Final
from xml.parsers import expat

import msgspec

from trainingrun_protocol.decks import (
    MAX_BYTES,
    MAX_CARDS,
    MAX_NAME,
    DeckEntry,
    DeckError,
    DeckList,
    card_key,
    parse_deck_list,
)

MAX_CARD_NAME: Final = 150
"""Longest name of a card; the longest that was printed has 141 characters."""
MAX_LINE: Final = 300
"""Longest line of a list: a name with its printing and marks."""
_SHOWN: Final = 40
_USUAL_SIDEBOARD: Final = 15
_USUAL_DECK: Final = 60
_DCK_SECTION: Final = re.compile(r"\[[^]]*\]")
_ENTRY: Final = re.compile(r"(?P<side>SB:\s*)?(?P<count>\d{1,4})[xX]?\s+(?P<name>\S.*)", re.ASCII)
_HEADING: Final = re.compile(r"(?P<word>[A-Za-z][A-Za-z ]*?)\s*(\(\d+\))?\s*:?")
_NAME: Final = re.compile(r"name\s*:?\s+(?P<name>\S.*)", re.IGNORECASE)
_MARK: Final = re.compile(r"\s*(\*[A-Za-z]{1,6}\*|\^[^^]*\^|\s#.*)$")
_PRINTING: Final = re.compile(r"\s+[(\[][A-Z0-9_]{2,8}[)\]](\s+[^\s()]{1,12})?$")
_SPLIT: Final = re.compile(r"\s*/{1,3}\s*")


class DeckForm(Enum):
    """In which form a list was written."""

    LIST = "a list as MTG Arena and MTGO export it"
    DEK = "an MTGO .dek"
    DCK = "a .dck"


class _Part(Enum):
    ABOUT = "about"
    MAIN = "main"
    SIDEBOARD = "sideboard"
    COMPANION = "companion"
    COMMANDER = "commander"
    IGNORED = "ignored"


_HEADINGS: Final[Mapping[str, _Part]] = {
    "about": _Part.ABOUT,
    **dict.fromkeys(("deck", "main", "maindeck", "main deck", "mainboard"), _Part.MAIN),
    **dict.fromkeys(("sideboard", "side", "side board"), _Part.SIDEBOARD),
    "companion": _Part.COMPANION,
    **dict.fromkeys(("commander", "commanders"), _Part.COMMANDER),
    **dict.fromkeys(("maybeboard", "considering", "tokens"), _Part.IGNORED),
}
_TYPES: Final = ("artifact", "battle", "creature", "enchantment", "instant", "land", "other")
_GROUPS: Final = frozenset(
    f"{word}{ending}"
    for word in (*_TYPES, "planeswalker", "spell", "sorcerie")
    for ending in ("", "s")
) | {"sorcery"}
"""Headings that sites put above cards of one type; they begin no part of a deck."""


class _Line(msgspec.Struct, frozen=True):
    """One entry of a plain list; ``block`` counts the runs of lines between empty ones."""

    entry: DeckEntry
    part: _Part | None
    block: int


def form_of(text: str) -> DeckForm:
    """Return the form that the first line speaks of."""
    first = next((line for _, line in _lines(text) if line and not _is_comment(line)), "")
    if first.startswith("<"):
        return DeckForm.DEK
    return DeckForm.DCK if _DCK_SECTION.fullmatch(first) else DeckForm.LIST


def read_deck_list(text: str, *, name: str) -> DeckList:
    """Read a deck in any of the forms; ``name`` serves when it gives itself none.

    Raises:
        DeckError: a line cannot be understood, there are no cards, or a bound is passed.
    """
    if len(text) > MAX_BYTES:
        raise DeckError(f"is longer than {MAX_BYTES // 1024} KiB: give a list of cards")
    match form_of(text):
        case DeckForm.DCK:
            return _without_foils(parse_deck_list(text, name=name))
        case DeckForm.DEK:
            return _from_entries(_dek_lines(text), name)
        case DeckForm.LIST:
            lines = _Reader()
            entries = list(lines.read(text))
            return _from_entries(_with_sideboard(entries), lines.name or name)


def format_deck(deck: DeckList) -> str:
    """Return the text of a ``.dck`` file; entries of the same card in a section become one."""
    sections = {"Main": deck.main, "Sideboard": deck.sideboard, "Commander": deck.commander}
    blocks = [f"[metadata]\nName={_printable(deck.name)}\n"]
    for title, entries in sections.items():
        if entries:
            rows = (f"{each.count} {each.name}\n" for each in _merged(entries))
            blocks.append(f"[{title}]\n{''.join(rows)}")
    return "\n".join(blocks)


def _merged(entries: Iterable[DeckEntry]) -> tuple[DeckEntry, ...]:
    found: dict[str, DeckEntry] = {}
    for each in entries:
        first = found.setdefault(card_key(each.name), DeckEntry(0, each.name, each.line))
        found[card_key(each.name)] = DeckEntry(first.count + each.count, first.name, first.line)
    return tuple(found.values())


# --- plain lists ----------------------------------------------------------------------------------


class _Reader:
    """Reads a plain list line by line; ``name`` is what the list calls itself."""

    def __init__(self) -> None:
        self.name = ""
        self._part: _Part | None = None
        self._block = 0

    def read(self, text: str) -> Iterator[_Line]:
        """Yield the entries of all parts that a game has use for."""
        is_open = False
        for number, line in _lines(text):
            if not line:
                self._block += is_open
                is_open = False
            elif not self._is_about(line) and self._part is not _Part.IGNORED:
                is_open = True
                yield self._entry(line, number)

    def _is_about(self, line: str) -> bool:
        """Take in a line that lists no card: a comment, a heading, the deck's name."""
        content = (line.lstrip("/# ") if _is_comment(line) else line)[: MAX_LINE + 1]
        found = _HEADING.fullmatch(content)
        word = " ".join(found["word"].casefold().split()) if found is not None else ""
        if word in _HEADINGS:
            self._part = _HEADINGS[word]
            return True
        named = _NAME.fullmatch(content)
        if named is not None and (self._part is _Part.ABOUT or _is_comment(line)):
            self.name = named["name"]
        return _is_comment(line) or self._part is _Part.ABOUT or word in _GROUPS

    def _entry(self, line: str, number: int) -> _Line:
        found = _ENTRY.fullmatch(line) if len(line) <= MAX_LINE else None
        if found is None:
            raise DeckError(_no_entry(line), line=number)
        entry = DeckEntry(int(found["count"]), _card(found["name"], number), number)
        return _Line(entry, _Part.SIDEBOARD if found["side"] else self._part, self._block)


def _no_entry(line: str) -> str:
    if line[0].isdigit() or line.startswith("-") or not line.isprintable():
        hint = "write a count up to 9999, a space, and the card"
    else:
        hint = f"write how many, such as 4 {line[:_SHOWN]}"
    return f"{line[:_SHOWN]!r} is no line of the form 'count name': {hint}"


def _card(name: str, line: int) -> str:
    """Return a card's name without its printing and marks; halves are parted by `` // ``."""
    if len(name) > MAX_LINE:
        text = f"{name[:_SHOWN]!r}… has {len(name)} characters: write a card's name alone"
        raise DeckError(text, line=line)
    bare = name.partition("|")[0].rstrip()
    while (shorter := _PRINTING.sub("", _MARK.sub("", bare))) != bare:
        bare = shorter
    bare = " ".join(_SPLIT.sub(" // ", bare).split()).removesuffix(" //")
    if not bare or not bare.isprintable():
        text = (
            "there is no name of a card" if not bare else "a card's name holds control characters"
        )
        raise DeckError(f"{text} in {name[:_SHOWN]!r}: write it as it is printed", line=line)
    if len(bare) > MAX_CARD_NAME:
        text = f"{bare[:_SHOWN]!r}… is no name of a card: it has {len(bare)} characters"
        raise DeckError(f"{text}: write the name alone", line=line)
    return bare


def _with_sideboard(lines: list[_Line]) -> Iterator[_Line]:
    """Yield the entries, those behind the empty line in the sideboard where nothing else says what
    is in it."""
    side = None
    if all(each.part is None for each in lines) and lines:
        side = _sideboard_block(lines)
    for each in lines:
        yield _Line(each.entry, _Part.SIDEBOARD, each.block) if each.block == side else each


def _sideboard_block(lines: list[_Line]) -> int | None:
    """Return the block that is the sideboard: the second of two; of more, which are often types of
    cards, the last where it is as small as a sideboard and a whole deck stands before it."""
    last = lines[-1].block
    before = sum(each.entry.count for each in lines if each.block != last)
    behind = sum(each.entry.count for each in lines if each.block == last)
    if last == 1 or (last > 1 and behind <= _USUAL_SIDEBOARD and before >= _USUAL_DECK):
        return last
    return None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        yield number, " ".join(line.split())


def _is_comment(line: str) -> bool:
    return line.startswith(("//", "#"))


# --- MTGO's .dek ----------------------------------------------------------------------------------


def _dek_lines(text: str) -> Iterator[_Line]:
    """Return the entries of an XML text; a document type, without which there are no entities, is
    refused."""
    found: list[_Line] = []
    parser = expat.ParserCreate("utf-8")
    depth = 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        line = parser.CurrentLineNumber
        if depth == 1 and tag != "Deck":
            text = f"the XML begins with <{tag[:_SHOWN]}>, and an MTGO .dek with <Deck>"
            raise DeckError(f"{text}: export it as .dek or as text", line=line)
        if depth == 2 and tag == "Cards":
            found.append(_dek_entry(attributes, line))
            if len(found) > MAX_CARDS:
                raise DeckError(f"has more than {MAX_CARDS} cards: take some out", line=line)

    def end(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_declared: object) -> None:
        line = parser.CurrentLineNumber
        raise DeckError("a <!DOCTYPE is no part of an MTGO .dek: take it out", line=line)

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.removeprefix("\ufeff").rstrip().encode("utf-8", "replace"), True)  # noqa: FBT003 - expat's own form
    except expat.ExpatError as error:
        what = expat.errors.messages.get(error.code, "it breaks off")
        text = f"the XML cannot be read ({what}): export it again"
        raise DeckError(text, line=error.lineno) from error
    return iter(found)


def _dek_entry(attributes: Mapping[str, str], line: int) -> _Line:
    count, name = attributes.get("Quantity", ""), attributes.get("Name", "").strip()
    if not name:
        catalogued = attributes.get("CatID", "?")[:_SHOWN]
        raise DeckError(f"card CatID {catalogued!r} has no Name: export it again", line=line)
    if re.fullmatch(r"\d{1,4}", count, re.ASCII) is None:
        text = f"Quantity {count[:_SHOWN]!r} of {name[:_SHOWN]} is no count: write 0 to 9999"
        raise DeckError(text, line=line)
    is_side = attributes.get("Sideboard", "").strip().casefold() == "true"
    entry = DeckEntry(int(count), _card(name, line), line)
    return _Line(entry, _Part.SIDEBOARD if is_side else _Part.MAIN, 0)


# --- what all have in common ----------------------------------------------------------------------


def _from_entries(lines: Iterable[_Line], name: str) -> DeckList:
    parts: dict[_Part, list[DeckEntry]] = {part: [] for part in _Part}
    total = 0
    for each in lines:
        total += each.entry.count
        if total > MAX_CARDS:
            text = f"has more than {MAX_CARDS} cards: take some out"
            raise DeckError(text, line=each.entry.line)
        if each.entry.count:
            parts[each.part or _Part.MAIN].append(each.entry)
    if not parts[_Part.MAIN]:
        raise DeckError("has no cards: write a line for each, such as 4 Lightning Bolt")
    sideboard = parts[_Part.SIDEBOARD]
    known = {card_key(each.name) for each in sideboard}  # a companion is often listed there, too
    return DeckList(
        name=_printable(name)[:MAX_NAME],
        main=tuple(parts[_Part.MAIN]),
        sideboard=(
            *sideboard,
            *(each for each in parts[_Part.COMPANION] if card_key(each.name) not in known),
        ),
        commander=tuple(parts[_Part.COMMANDER]),
    )


def _without_foils(deck: DeckList) -> DeckList:
    """Forge marks a foil by a ``+`` behind the name, which no card's name ends with."""

    def bare(entries: tuple[DeckEntry, ...]) -> tuple[DeckEntry, ...]:
        return tuple(
            DeckEntry(each.count, _card(each.name.rstrip("+ "), each.line), each.line)
            for each in entries
        )

    return DeckList(
        name=_printable(deck.name),
        main=bare(deck.main),
        sideboard=bare(deck.sideboard),
        commander=bare(deck.commander),
    )


def _printable(name: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())
