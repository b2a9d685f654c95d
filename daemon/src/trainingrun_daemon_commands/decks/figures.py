"""What a deck amounts to: its cards by type, mana curve, colours needed and made. Pure.

Cards that the catalogue does not know are listed, and left out of every figure.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_protocol.cards import CardFacts, Catalogue
from trainingrun_protocol.decks import DeckEntry, DeckList, card_key

COLORS: Final[Mapping[str, str]] = {
    "W": "white",
    "U": "blue",
    "B": "black",
    "R": "red",
    "G": "green",
}
USUAL_SIZE: Final = 60
MOST_COPIES: Final = 4
CURVE_TOP: Final = 7
"""Spells of this mana value or more are counted together."""
_MORE_NEEDED: Final = 0.2
"""A colour whose share of the symbols is so much above its share of the sources is remarked."""
_NAMES: Final = {
    "": "colourless",
    "WU": "Azorius",
    "UB": "Dimir",
    "BR": "Rakdos",
    "RG": "Gruul",
    "WG": "Selesnya",
    "WB": "Orzhov",
    "UR": "Izzet",
    "BG": "Golgari",
    "WR": "Boros",
    "UG": "Simic",
    "WUB": "Esper",
    "UBR": "Grixis",
    "BRG": "Jund",
    "WRG": "Naya",
    "WUG": "Bant",
    "WBR": "Mardu",
    "URG": "Temur",
    "WBG": "Abzan",
    "WUR": "Jeskai",
    "UBG": "Sultai",
}


class Kind(Enum):
    """Under which heading a card is listed; the first that fits counts."""

    LAND = "Lands"
    CREATURE = "Creatures"
    PLANESWALKER = "Planeswalkers"
    INSTANT = "Instants"
    SORCERY = "Sorceries"
    ARTIFACT = "Artifacts"
    ENCHANTMENT = "Enchantments"
    UNKNOWN = "Unknown cards"


class Unknown(Struct, frozen=True):
    """A card that the engine does not know, and the known name that is most like it."""

    line: int
    card: str
    nearest: str | None


class CardLine(Struct, frozen=True):
    """Copies of a card, its entries in the file added up."""

    count: int
    name: str
    cost: str


class DeckFigures(Struct, frozen=True, kw_only=True):
    """Figures of a main deck. ``symbols`` counts coloured mana symbols, halves for hybrid ones."""

    name: str
    cards: int
    colors: str
    archetype: str
    average: float
    curve: tuple[int, ...]
    symbols: dict[str, float]
    sources: dict[str, int]
    groups: dict[str, tuple[CardLine, ...]]
    sideboard: tuple[CardLine, ...]
    unknown: tuple[Unknown, ...]
    remarks: tuple[str, ...]


def figures_of(deck: DeckList, catalogue: Catalogue) -> DeckFigures:
    """Count a deck."""
    counts = _counted(deck.main)
    known = {name: found for name in counts if (found := catalogue.find(name)) is not None}
    spells = {name: card for name, card in known.items() if not card.is_land}
    number = sum(counts[name] for name in spells)
    total = sum(counts[name] * card.mana_value for name, card in spells.items())
    average = round(total / number, 2) if number else 0.0
    sources = _sources(counts, known)
    symbols = _symbols(counts, spells, sources)
    colors = "".join(color for color in COLORS if symbols[color])
    return DeckFigures(
        name=deck.name,
        cards=deck.size,
        colors=colors,
        archetype=_archetype(colors, counts, spells, average=average),
        average=average,
        curve=_curve(counts, spells),
        symbols={color: count for color, count in symbols.items() if count},
        sources={color: count for color, count in sources.items() if count or symbols[color]},
        groups=_groups(counts, known),
        sideboard=tuple(_lines(_counted(deck.sideboard + deck.commander), catalogue)),
        unknown=unknown_cards(deck, catalogue),
        remarks=tuple(_remarks(deck, catalogue, symbols, sources)),
    )


def unknown_cards(deck: DeckList, catalogue: Catalogue) -> tuple[Unknown, ...]:
    """Return the cards of all sections that the engine does not know, each once."""
    names = catalogue.names()
    found: dict[str, Unknown] = {}
    for entry in deck.entries:
        key = card_key(entry.name)
        if key not in found and catalogue.find(entry.name) is None:
            like = difflib.get_close_matches(key, names, n=1)
            found[key] = Unknown(entry.line, entry.name, names[like[0]] if like else None)
    return tuple(found.values())


def as_document(figures: DeckFigures) -> dict[str, object]:
    """Return the figures for programs."""
    document: dict[str, object] = msgspec.to_builtins(figures)
    return document


def _counted(entries: Iterable[DeckEntry]) -> dict[str, int]:
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for entry in entries:
        name = names.setdefault(card_key(entry.name), entry.name)
        counts[name] += entry.count
    return dict(counts)


def _sources(counts: Mapping[str, int], known: Mapping[str, CardFacts]) -> dict[str, int]:
    """Cards that make a colour.

    A land that becomes or finds a basic land counts for every colour that something else makes.
    """
    sources = {
        color: sum(counts[name] for name, card in known.items() if color in card.makes)
        for color in COLORS
    }
    flexible = sum(
        counts[name]
        for name, card in known.items()
        if card.is_land and not card.makes and "basic land" in card.text.casefold()
    )
    return {color: count + flexible if count else 0 for color, count in sources.items()}


def _symbols(
    counts: Mapping[str, int], spells: Mapping[str, CardFacts], sources: Mapping[str, int]
) -> dict[str, float]:
    """Coloured symbols in the costs.

    A hybrid symbol is split among those of its colours that the deck makes (all, if it makes none).
    """
    symbols = dict.fromkeys(COLORS, 0.0)
    for name, card in spells.items():
        for symbol in card.cost.replace("}", "").split("{"):
            colors = [color for color in symbol.split("/") if color in COLORS]
            colors = [color for color in colors if sources[color]] or colors
            for color in colors:
                symbols[color] += counts[name] / len(colors)
    return {color: round(count, 1) for color, count in symbols.items()}


def _curve(counts: Mapping[str, int], spells: Mapping[str, CardFacts]) -> tuple[int, ...]:
    curve = [0] * (CURVE_TOP + 1)
    for name, card in spells.items():
        curve[min(card.mana_value, CURVE_TOP)] += counts[name]
    return tuple(curve)


def _groups(
    counts: Mapping[str, int], known: Mapping[str, CardFacts]
) -> dict[str, tuple[CardLine, ...]]:
    """Return the cards under their headings, cheap ones first."""
    groups: dict[Kind, list[tuple[int, CardLine]]] = {kind: [] for kind in _LISTED}
    for name, count in counts.items():
        card = known.get(name)
        value = 0 if card is None else card.mana_value
        shown = CardLine(count, name, "") if card is None else CardLine(count, card.name, card.cost)
        groups[_kind_of(card)].append((value, shown))
    return {
        kind.value: tuple(line for _, line in sorted(group, key=_by_value_and_name))
        for kind, group in groups.items()
        if group
    }


_LISTED: Final = (
    Kind.CREATURE,
    Kind.PLANESWALKER,
    Kind.INSTANT,
    Kind.SORCERY,
    Kind.ARTIFACT,
    Kind.ENCHANTMENT,
    Kind.LAND,
    Kind.UNKNOWN,
)


def _by_value_and_name(each: tuple[int, CardLine]) -> tuple[int, str]:
    return each[0], each[1].name


def _kind_of(card: CardFacts | None) -> Kind:
    if card is None:
        return Kind.UNKNOWN
    kinds = card.types.partition(" - ")[0].upper().split()
    return next((kind for kind in Kind if kind.name in kinds), Kind.ARTIFACT)


def _lines(counts: Mapping[str, int], catalogue: Catalogue) -> Iterable[CardLine]:
    for name, count in counts.items():
        card = catalogue.find(name)
        yield CardLine(count, name, "" if card is None else card.cost)


def _archetype(
    colors: str, counts: Mapping[str, int], spells: Mapping[str, CardFacts], *, average: float
) -> str:
    """Two words for a deck: its colours, and how it means to win."""
    number = sum(counts[name] for name in spells)
    creatures = sum(
        counts[name] for name, card in spells.items() if _kind_of(card) is Kind.CREATURE
    )
    color = f"mono-{COLORS[colors]}" if len(colors) == 1 else _NAMES.get(colors, "many colours")
    if not number:
        return color
    if creatures < number / 4:
        style = "burn" if average < 2 and colors == "R" else "control"
    elif average <= 2.3:
        style = "aggro"
    else:
        style = "midrange"
    return f"{color} {style}"


def _remarks(
    deck: DeckList,
    catalogue: Catalogue,
    symbols: Mapping[str, float],
    sources: Mapping[str, int],
) -> Iterable[str]:
    """Yield what is unusual and may be meant so."""
    if deck.size != USUAL_SIZE:
        yield f"{deck.size} cards in the main deck; {USUAL_SIZE} are usual"
    for name, count in _counted(deck.entries).items():
        card = catalogue.find(name)
        is_basic = card is not None and "Basic" in card.types.split()
        if count > MOST_COPIES and not is_basic:
            yield f"{count} copies of {name}; {MOST_COPIES} are usual"
    yield from _color_remarks(symbols, sources)


def _color_remarks(symbols: Mapping[str, float], sources: Mapping[str, int]) -> Iterable[str]:
    all_symbols, all_sources = sum(symbols.values()), sum(sources.values())
    for color, word in COLORS.items():
        if not symbols[color]:
            continue
        need = symbols[color] / all_symbols
        share = sources[color] / all_sources if all_sources else 0.0
        if not sources[color]:
            yield f"nothing makes {word} mana, and {symbols[color]:g} symbols ask for it"
        elif need - share > _MORE_NEEDED:
            yield f"{word} is {need:.0%} of the symbols, but {share:.0%} of the sources of mana"
