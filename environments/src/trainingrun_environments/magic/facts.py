"""What is printed on a card, as numbers: types, cost, size, keywords, and which card it is.

No vocabulary: a card that was never seen is described by what its JSON says, its name only by a
hash bucket. Facts are worked out once per printed card and kept, because a decision shows forty.
What its text says is the business of ``wording``.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from trainingrun_protocol.decisions import Action, Card

from trainingrun_environments.magic.wording import Wording, bucket_of, keep, packed, wording_of

NAME_BUCKETS: Final = 16
FACTS_WIDTH: Final = 7 + 3 + 13 + NAME_BUCKETS


class Trait:
    """Bits of the keyword abilities that matter in combat, for timing or for targets.

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
    DOUBLE_STRIKE: Final = 8192
    FLASH: Final = 16384
    PROTECTED: Final = 32768
    """Hexproof, ward, shroud or protection: hard to aim at."""


_TRAITS: Final = {
    "flying": Trait.FLYING,
    "reach": Trait.REACH,
    "first strike": Trait.FIRST_STRIKE,
    "double strike": Trait.FIRST_STRIKE | Trait.DOUBLE_STRIKE,
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
    "flash": Trait.FLASH,
    "hexproof": Trait.PROTECTED,
    "shroud": Trait.PROTECTED,
}
_PROTECTED: Final = ("ward", "protection", "hexproof")
_ROW_TRAITS: Final = (
    Trait.FLYING | Trait.UNBLOCKABLE,
    Trait.REACH,
    Trait.TRAMPLE,
    Trait.MENACE,
    Trait.FIRST_STRIKE,
    Trait.DOUBLE_STRIKE,
    Trait.DEATHTOUCH,
    Trait.LIFELINK,
    Trait.VIGILANCE,
    Trait.HASTE,
    Trait.PROWESS,
    Trait.FLASH,
    Trait.PROTECTED | Trait.INDESTRUCTIBLE,
)
_COST_SYMBOL: Final = re.compile(r"\{([^}]*)\}")


class Facts(Struct, frozen=True, eq=False):
    """A printed card. ``packed`` is its part of an action row: float16 [FACTS_WIDTH] as bytes.

    The same printed card gives the same object (as long as it is kept), so a hand of them is a
    cheap key: they compare by identity.
    """

    packed: bytes
    text: Wording
    is_creature: bool
    is_land: bool
    is_planeswalker: bool
    is_permanent: bool
    is_instant: bool
    cmc: int
    mana_cost: str
    bucket: int

    @property
    def damage(self) -> int:
        """The largest amount of damage that the card names."""
        return self.text.damage

    @property
    def is_removal(self) -> bool:
        """Whether it destroys or exiles what it aims at, or returns it to a hand."""
        return self.text.is_removal or self.text.is_bounce


def traits_of(keywords: tuple[str, ...]) -> int:
    """Bits of the keywords that are known; others are left out."""
    known = _traits.get(keywords)
    if known is None:
        known = 0
        for word in keywords:
            folded = word.strip().casefold()
            known |= _TRAITS.get(folded, 0)
            if folded.startswith(_PROTECTED):
                known |= Trait.PROTECTED
        keep(_traits, keywords, known)
    return known


def facts_of(card: Card) -> Facts:
    """Facts of a card in a zone.

    Size and keywords are those that it has now: the same card in the same position gives the same
    numbers, whatever the process has seen of it before.
    """
    key = (
        card.name,
        card.oracle_text,
        card.types,
        card.keywords,
        card.power,
        card.toughness,
    )
    known = _card_facts.get(key)
    return known if known is not None else keep(_card_facts, key, _facts(card))


def facts_of_action(action: Action) -> Facts:
    """Return the facts that an action shows, for a card that is in no visible zone."""
    key = (action.card, action.description)
    known = _action_facts.get(key)
    if known is not None:
        return known
    text = action.description
    card = Card(
        name=action.card,
        mana_cost=action.mana_cost,
        cmc=mana_value(action.mana_cost),
        oracle_text=text,
        is_creature=" - Creature" in text,
        is_land=action.is_land,
    )
    return keep(_action_facts, key, _facts(card))


def facts_of_name(name: str) -> Facts:
    """Facts of a card of which only the name is known."""
    return facts_of(Card(name=name))


def mana_value(cost: str) -> int:
    """Mana value of a cost in braces; ``no cost`` and X are 0."""
    symbols = _COST_SYMBOL.findall(cost)
    return sum(int(s) if s.isdecimal() and len(s) < 4 else int(s != "X") for s in symbols)


def _facts(card: Card) -> Facts:
    traits = traits_of(card.keywords)
    types = card.types
    is_creature = card.is_creature or "Creature" in types
    is_land = card.is_land or "Land" in types
    is_planeswalker = card.is_planeswalker or "Planeswalker" in types
    is_instant = card.is_instant or "Instant" in types
    is_sorcery = card.is_sorcery or "Sorcery" in types
    buckets = [0.0] * NAME_BUCKETS
    bucket = bucket_of(card.name, NAME_BUCKETS)
    buckets[bucket] = 1.0
    row = (
        float(is_creature),
        float(is_instant),
        float(is_sorcery),
        float(card.is_enchantment or "Enchantment" in types),
        float(card.is_artifact or "Artifact" in types),
        float(is_planeswalker),
        float(is_land),
        card.cmc / 5,
        (card.power or 0) / 5,
        (card.toughness or 0) / 5,
        *(float(bool(traits & trait)) for trait in _ROW_TRAITS),
        *buckets,
    )
    return Facts(
        packed=packed(row),
        text=wording_of(card.oracle_text),
        is_creature=is_creature,
        is_land=is_land,
        is_planeswalker=is_planeswalker,
        is_permanent=not (is_instant or is_sorcery),
        is_instant=is_instant,
        cmc=card.cmc,
        mana_cost=card.mana_cost,
        bucket=bucket,
    )


_traits: Final[dict[tuple[str, ...], int]] = {}
_card_facts: Final[dict[tuple[str, str, str, tuple[str, ...], int | None, int | None], Facts]] = {}
_action_facts: Final[dict[tuple[str, str], Facts]] = {}
