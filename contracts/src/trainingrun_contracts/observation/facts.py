"""What is printed on a card, as numbers: types, cost, size, keywords, and what its text does.

No vocabulary: a card that was never seen is described by what its JSON says, its name only by a
hash bucket. Facts are worked out once per printed card and kept, because a decision shows forty.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final

from msgspec import Struct

from trainingrun_contracts.protocol.decisions import Action, Card

NAME_BUCKETS: Final = 12
FACTS_WIDTH: Final = 6 + 3 + 8 + 5 + NAME_BUCKETS
SIZE_AT: Final = 7
"""Position of power, then toughness, in a row of facts."""
_MOST_KEPT: Final = 4096


class Trait:
    """Bits of the keyword abilities that matter in combat or for timing.

    Plain integers: an ``IntFlag`` makes an object at every test, and a decision makes hundreds.
    """

    FLYING: Final = 1
    REACH: Final = 2
    FIRST_STRIKE: Final = 4
    DEATHTOUCH: Final = 8
    LIFELINK: Final = 16
    TRAMPLE: Final = 32
    MENACE: Final = 64
    VIGILANCE: Final = 128
    HASTE: Final = 256
    PROWESS: Final = 512
    INDESTRUCTIBLE: Final = 1024
    UNBLOCKABLE: Final = 2048
    DEFENDER: Final = 4096


_TRAITS: Final = {
    "flying": Trait.FLYING,
    "reach": Trait.REACH,
    "first strike": Trait.FIRST_STRIKE,
    "double strike": Trait.FIRST_STRIKE,
    "deathtouch": Trait.DEATHTOUCH,
    "lifelink": Trait.LIFELINK,
    "trample": Trait.TRAMPLE,
    "menace": Trait.MENACE,
    "vigilance": Trait.VIGILANCE,
    "haste": Trait.HASTE,
    "prowess": Trait.PROWESS,
    "indestructible": Trait.INDESTRUCTIBLE,
    "unblockable": Trait.UNBLOCKABLE,
    "defender": Trait.DEFENDER,
}
_DAMAGE: Final = re.compile(r"(\d{1,3}) (?:\w+ )?damage")
_REMOVAL: Final = re.compile(r"\b(?:destroy|exile) target|return target .* hand", re.IGNORECASE)
_CARDS: Final = re.compile(r"\bdraw|\bexile your top|look at the top|\bscry", re.IGNORECASE)
_LIFE: Final = re.compile(r"\bgains? (?:\d+ )?life|life equal", re.IGNORECASE)
_PUMP: Final = re.compile(r"\+\d+/\+\d+")
_COST_SYMBOL: Final = re.compile(r"\{([^}]*)\}")


class Facts(Struct, frozen=True):
    """A printed card. ``row`` is its part of an action's feature row, [FACTS_WIDTH]."""

    row: tuple[float, ...]
    is_creature: bool
    is_land: bool
    is_permanent: bool
    cmc: int
    damage: int
    is_removal: bool
    bucket: int


def traits_of(keywords: tuple[str, ...]) -> int:
    """Bits of the keywords that are known; others are left out."""
    known = _traits.get(keywords)
    if known is None:
        _keep_bounded(_traits)
        known = 0
        for word in keywords:
            known |= _TRAITS.get(word.strip().casefold(), 0)
        _traits[keywords] = known
    return known


def facts_of(card: Card) -> Facts:
    """Facts of a card in a zone."""
    key = (card.name, card.oracle_text)
    known = _card_facts.get(key)
    if known is None:
        _keep_bounded(_card_facts)
        known = _card_facts[key] = _facts(card)
    return known


def facts_of_action(action: Action) -> Facts:
    """Facts as far as an action tells them, for a card that is in no visible zone."""
    key = (action.card, action.description)
    known = _action_facts.get(key)
    if known is None:
        _keep_bounded(_action_facts)
        text = action.description
        card = Card(
            name=action.card,
            mana_cost=action.mana_cost,
            cmc=mana_value(action.mana_cost),
            oracle_text=text,
            is_creature="Creature" in text,
            is_land=action.is_land,
        )
        known = _action_facts[key] = _facts(card)
    return known


def facts_of_name(name: str) -> Facts:
    """Facts of a card of which only the name is known."""
    return facts_of(Card(name=name))


def damage_in(text: str) -> int:
    """The largest amount of damage that a rules text names; 0 when it names none."""
    known = _damages.get(text)
    if known is None:
        _keep_bounded(_damages)
        amounts = [int(amount) for amount in _DAMAGE.findall(text)]
        known = _damages[text] = max(amounts, default=0)
    return known


def bucket_of(name: str, buckets: int) -> int:
    """The same bucket for the same name on every machine (``hash`` is salted per process)."""
    return zlib.crc32(name.encode("utf-8", "replace")) % buckets


def mana_value(cost: str) -> int:
    """Mana value of a cost in braces; ``no cost`` and X are 0."""
    symbols = _COST_SYMBOL.findall(cost)
    return sum(int(s) if s.isdecimal() and len(s) < 4 else int(s != "X") for s in symbols)


def _facts(card: Card) -> Facts:
    text = card.oracle_text
    traits = traits_of(card.keywords)
    damage = damage_in(text)
    is_removal = bool(_REMOVAL.search(text))
    is_spell = card.is_instant or card.is_sorcery
    buckets = [0.0] * NAME_BUCKETS
    bucket = bucket_of(card.name, NAME_BUCKETS)
    buckets[bucket] = 1.0
    row = (
        float(card.is_creature),
        float(card.is_instant),
        float(card.is_sorcery),
        float(card.is_enchantment),
        float(card.is_artifact or card.is_planeswalker),
        float(card.is_land),
        card.cmc / 5,
        (card.power or 0) / 5,
        (card.toughness or 0) / 5,
        float(bool(traits & (Trait.FLYING | Trait.UNBLOCKABLE))),
        float(bool(traits & (Trait.TRAMPLE | Trait.MENACE))),
        float(bool(traits & Trait.FIRST_STRIKE)),
        float(bool(traits & Trait.DEATHTOUCH)),
        float(bool(traits & Trait.LIFELINK)),
        float(bool(traits & Trait.VIGILANCE)),
        float(bool(traits & Trait.HASTE)),
        float(bool(traits & Trait.PROWESS)),
        damage / 5,
        float(is_removal),
        float(bool(_CARDS.search(text))),
        float(bool(_LIFE.search(text))),
        float(bool(_PUMP.search(text))),
        *buckets,
    )
    return Facts(
        row=row,
        is_creature=card.is_creature,
        is_land=card.is_land,
        is_permanent=not is_spell,
        cmc=card.cmc,
        damage=damage,
        is_removal=is_removal,
        bucket=bucket,
    )


_traits: Final[dict[tuple[str, ...], int]] = {}
_card_facts: Final[dict[tuple[str, str], Facts]] = {}
_action_facts: Final[dict[tuple[str, str], Facts]] = {}
_damages: Final[dict[str, int]] = {}


def _keep_bounded(cache: dict[Any, Any]) -> None:
    """Forget everything when a hostile server has filled a cache; real decks never do."""
    if len(cache) >= _MOST_KEPT:
        cache.clear()
