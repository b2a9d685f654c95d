"""The catalogue: what is printed on every card that the reference engine knows.

For people and tools that read decks without an engine at hand. The data (``cards.json``) is
generated from the engine's own cards by ``make generate``, and ``make check`` sees that it is
current. What a card *does* is in the daemon alone; nothing that plays reads this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from trainingrun_protocol.decks import card_key, front_key

CATALOGUE_FILE: Final = "cards.json"


class CardFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One printed card. ``colors`` and ``makes`` are letters of ``WUBRG``, ``makes`` also ``C``."""

    name: str
    cost: str = ""
    mana_value: int = 0
    colors: str = ""
    types: str
    power: int | None = None
    toughness: int | None = None
    loyalty: int | None = None
    keywords: tuple[str, ...] = ()
    makes: str = ""
    """The colours of mana that it makes."""
    text: str = ""

    @property
    def is_land(self) -> bool:
        """Whether it is a land."""
        return "Land" in self.types.partition(" - ")[0].split()


class Catalogue:
    """Cards by name."""

    def __init__(self, cards: Iterable[CardFacts]) -> None:
        self._cards = {card_key(card.name): card for card in cards}
        self._fronts = {front_key(card.name): card for card in self._cards.values()}

    def __len__(self) -> int:
        return len(self._cards)

    def find(self, name: str) -> CardFacts | None:
        """Return the card; one with two faces may be named by both or by its front alone."""
        return self._cards.get(card_key(name)) or self._fronts.get(front_key(name))

    def names(self) -> Mapping[str, str]:
        """Return all names as they are printed, by their keys."""
        return {key: card.name for key, card in self._cards.items()}


def encode_catalogue(cards: Iterable[CardFacts]) -> str:
    """Return the text of the data file: a JSON list, one card a line, ordered by name."""
    ordered = sorted(cards, key=lambda card: card.name)
    return "[\n" + ",\n".join(msgspec.json.encode(card).decode() for card in ordered) + "\n]\n"


@cache
def known_cards() -> Catalogue:
    """Return the catalogue that comes with this package."""
    data = files(__package__).joinpath(CATALOGUE_FILE).read_bytes()
    return Catalogue(msgspec.json.decode(data, type=list[CardFacts]))
