"""DECISION lines as the original Forge daemon writes them (protocol section 8), composed by hand.

Belongs here: one position, and a line about it. Not here: what is expected of its readers.
"""

from __future__ import annotations

import json
from typing import Any

RED = "Agent(1)-Test Red"
BLUE = "Agent(2)-Test Blue"
Json = dict[str, Any]


def card(card_id: int, name: str, types: str, **others: Any) -> Json:
    """A card as it stands in any zone but the battlefield."""
    return {
        "id": card_id,
        "name": name,
        "mana_cost": "no cost" if "Land" in types else "{R}",
        "cmc": 0 if "Land" in types else 1,
        "types": types,
        "oracle_text": "",
        **others,
    }


def permanent(card_id: int, name: str, types: str, **others: Any) -> Json:
    """A card on the battlefield."""
    flags = {
        f"is_{kind.casefold()}": kind in types
        for kind in ("Creature", "Land", "Artifact", "Enchantment", "Planeswalker")
    }
    return {
        **card(card_id, name, types),
        "tapped": False,
        "summoning_sick": False,
        **flags,
        **others,
    }


def creature(card_id: int, name: str, **others: Any) -> Json:
    """A 2/2 on the battlefield."""
    size = {"power": 2, "toughness": 2, "damage": 0}
    return permanent(card_id, name, "Creature - Goblin", **{**size, **others})


def mountain(card_id: int, **others: Any) -> Json:
    """A land on the battlefield."""
    return permanent(card_id, "Mountain", "Basic Land - Mountain", **others)


def player(name: str, **zones: Any) -> Json:
    """A player; the hand is shown to both."""
    return {
        "name": name,
        "life": 20,
        "poison": 0,
        "has_lost": False,
        "lands_played_this_turn": 0,
        "max_land_plays": 1,
        "hand_size": len(zones.get("hand", ())),
        "hand": [],
        "library_size": 50,
        "graveyard": [],
        "battlefield": [],
        "exile": [],
        "mana_pool": dict.fromkeys(
            ("total", "white", "blue", "black", "red", "green", "colorless"), 0
        ),
        **zones,
    }


RED_SIDE = player(
    RED,
    hand=[card(1, "Mountain", "Basic Land - Mountain"), card(2, "Shock", "Instant")],
    battlefield=[
        mountain(3),
        mountain(4, tapped=True),
        creature(5, "Goblin Guide", keywords=["Haste"]),
        creature(6, "Bold Goblin", tapped=True, counters="{P1P1=2, STUN=1}"),
        creature(7, "Sky Goblin", keywords=["Flying", "Protection:Card.Blue:blue"]),
    ],
    graveyard=[card(8, "Lava Spike", "Sorcery - Arcane")],
)
BLUE_SIDE = player(
    BLUE,
    hand=[card(20, "Counterspell", "Instant", mana_cost="{U}{U}")],
    battlefield=[
        creature(21, "Wind Drake", keywords=["Flying"]),
        permanent(22, "Jace", "Legendary Planeswalker - Jace", loyalty=3, counters="{LOYALTY=3}"),
    ],
)


def decision(kind: str, *, seat: str = RED, state: Json | None = None, **own: Any) -> Json:
    """A decision of this type, with its own fields."""
    return {
        "decision_type": kind,
        "decision_id": 0,
        "player": seat,
        "turn": 4,
        "phase": "MAIN1",
        "game_state": {
            "is_game_over": False,
            "active_player": RED,
            "priority_player": seat,
            "players": [RED_SIDE, BLUE_SIDE],
            "stack": [],
            **(state or {}),
        },
        **own,
    }


def raw(kind: str, **own: Any) -> bytes:
    """The bytes behind ``DECISION:``, as the original separates them."""
    return encoded(decision(kind, **own))


def encoded(value: object) -> bytes:
    """JSON without blanks, and with every letter as it is."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def action(index: int, name: str, card_id: int, description: str, cost: str) -> Json:
    """An entry of ``actions``; ``is_land`` says what its source is."""
    return {
        "index": index,
        "description": description,
        "card": name,
        "card_id": card_id,
        "mana_cost": cost,
        "is_land": name == "Mountain",
    }


PASS = {**action(-1, "", -1, "Pass priority", ""), "is_land": False}
PLAY_LAND = action(0, "Mountain", 1, "Play land", "no cost")
SHOCK = action(1, "Shock", 2, "Shock - Shock deals 2 damage to any target.", "{R}")
TAP = action(2, "Mountain", 3, "{T}: Add {R}.", "{0}")
PUMP = action(3, "Goblin Guide", 5, "{R}: Goblin Guide gets +1/+0 until end of turn.", "{R}")
ACTIONS = [PLAY_LAND, SHOCK, TAP, PUMP, PASS]


def listed(index: int, card_id: int, name: str, **others: Any) -> Json:
    """An entry of any other list of cards."""
    return {"index": index, "card_id": card_id, "name": name, **others}


def fighter(index: int, card_id: int, name: str, power: int = 2) -> Json:
    """An entry of ``attackers`` or ``blockers``."""
    return listed(index, card_id, name, power=power, toughness=2)
