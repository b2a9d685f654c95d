"""Keys of players and cards in a DECISION of our daemon, both dialects (protocol section 5)."""

from __future__ import annotations

from typing import Final

PLAYER_KEYS: Final = frozenset(
    (
        "name",
        "id",
        "life",
        "poison",
        "has_lost",
        "lands_played_this_turn",
        "max_land_plays",
        "hand_size",
        "hand",
        "library_size",
        "graveyard",
        "battlefield",
        "exile",
        "command",
        "mana_pool",
        "mana",
    )
)
CARD_KEYS: Final = frozenset(
    (
        "id",
        "name",
        "mana_cost",
        "cmc",
        "types",
        "oracle_text",
        "keywords",
        "tapped",
        "summoning_sick",
        "summoningSickness",
        "damage",
        "counters",
        "attacking",
        "blocking",
        "attachedTo",
        "is_creature",
        "is_land",
        "is_artifact",
        "is_enchantment",
        "is_planeswalker",
        "is_instant",
        "is_sorcery",
        "controllerIsSelf",
        "ownerIsSelf",
    )
)
