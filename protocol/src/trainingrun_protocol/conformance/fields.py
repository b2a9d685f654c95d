"""What a DECISION must hold: names and types of protocol sections 4 and 5, as one table.

The table is about the wire, not about our types: ``decisions`` reads leniently, this is what a
server owes. Fields that it does not name are allowed. Those that only clients of the original read
may be absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, TypeAlias


class Kind(Enum):
    """The type of a value."""

    TEXT = "text"
    WHOLE = "a whole number"
    FLAG = "true or false"
    ANY = "anything"


Shape: TypeAlias = "Kind | dict[str, Shape] | list[Shape]"
"""A kind, an object by its keys (``?`` behind a key: it may be absent), or a list of one shape."""

TEXT, WHOLE, FLAG, ANY = Kind.TEXT, Kind.WHOLE, Kind.FLAG, Kind.ANY

ACTION: Final[dict[str, Shape]] = {"index": WHOLE, "description": TEXT}
LISTED_ACTION: Final[dict[str, Shape]] = {
    **ACTION,
    "card": TEXT,
    "card_id": WHOLE,
    "mana_cost": TEXT,
    "is_land": FLAG,
}
FIGHTER: Final[dict[str, Shape]] = {
    "index": WHOLE,
    "id": WHOLE,
    "card_id?": WHOLE,
    "name": TEXT,
    "power": WHOLE,
    "toughness": WHOLE,
}

CARD: Final[dict[str, Shape]] = {
    "id": WHOLE,
    "name": TEXT,
    "mana_cost": TEXT,
    "cmc": WHOLE,
    "types": TEXT,
    "oracle_text": TEXT,
    "power?": WHOLE,
    "toughness?": WHOLE,
    "keywords": [TEXT],
    "tapped": FLAG,
    "summoning_sick": FLAG,
    "summoningSickness": FLAG,
    "damage": WHOLE,
    "counters": [{"type": TEXT, "count": WHOLE}],
    "attacking": FLAG,
    "blocking": FLAG,
    "attachedTo": ANY,
    "is_creature": FLAG,
    "is_land": FLAG,
    "is_artifact": FLAG,
    "is_enchantment": FLAG,
    "is_planeswalker": FLAG,
    "is_instant": FLAG,
    "is_sorcery": FLAG,
    "controllerIsSelf": FLAG,
    "ownerIsSelf": FLAG,
    "loyalty?": WHOLE,
}
POOL: Final[dict[str, Shape]] = dict.fromkeys(
    ("total", "white", "blue", "black", "red", "green", "colorless"), WHOLE
)
PLAYER: Final[dict[str, Shape]] = {
    "name": TEXT,
    "id": WHOLE,
    "life": WHOLE,
    "poison": WHOLE,
    "has_lost": FLAG,
    "lands_played_this_turn": WHOLE,
    "max_land_plays": WHOLE,
    "hand_size": WHOLE,
    "hand": [CARD],
    "library_size": WHOLE,
    "graveyard": [CARD],
    "battlefield": [CARD],
    "exile": [CARD],
    "command": [ANY],
    "mana_pool": POOL,
    "mana": dict.fromkeys("WUBRGC", WHOLE),
}
STACK_ITEM: Final[dict[str, Shape]] = {
    "id": WHOLE,
    "description": TEXT,
    "controller": TEXT,
    "source_card": TEXT,
    "source_card_id": WHOLE,
}
COMBAT: Final[dict[str, Shape]] = {
    "attacking_player": TEXT,
    "attackers": [
        {**FIGHTER, "card_id": WHOLE, "attacking": ANY, "blocked_by": [ANY]},
    ],
}
GAME_STATE: Final[dict[str, Shape]] = {
    "is_game_over": FLAG,
    "turn": WHOLE,
    "phase": TEXT,
    "active_player": TEXT,
    "priority_player": TEXT,
    "activePlayer": WHOLE,
    "priorityPlayer": WHOLE,
    "players": [PLAYER],
    "stack": [STACK_ITEM],
    "combat?": COMBAT,
}

COMMON: Final[dict[str, Shape]] = {
    "decision_type": TEXT,
    "decision_id": WHOLE,
    "player": TEXT,
    "turn": WHOLE,
    "phase": TEXT,
    "message": TEXT,
    "game_state": GAME_STATE,
    "actions": [ACTION],
}
OWN: Final[dict[str, dict[str, Shape]]] = {
    "choose_action": {"actions": [LISTED_ACTION]},
    "declare_attackers": {
        "attackers": [{**FIGHTER, "keywords": [TEXT]}],
        "defenders?": [{"name": TEXT, "type": TEXT, "life?": WHOLE}],
    },
    "declare_blockers": {"blockers": [FIGHTER], "attackers": [FIGHTER]},
    "choose_ability": {"abilities": [ANY], "card?": TEXT},
    "play_trigger": {"trigger_card?": TEXT, "trigger?": TEXT},
    "confirm_action": {"mode?": TEXT, "card?": TEXT},
    "play_from_effect": {"spell?": TEXT},
    "choose_cards": {
        "cards": [ANY],
        "min": WHOLE,
        "max": WHOLE,
        "optional": FLAG,
        "title?": TEXT,
    },
    "choose_entity": {"entities": [ANY], "optional": FLAG, "title?": TEXT},
    "announce_value": {"min": WHOLE, "max": WHOLE, "ability?": TEXT, "announce?": TEXT},
    "reveal": {"cards": [ANY], "zone?": TEXT, "owner?": TEXT},
}
"""The eleven decision types with their own fields."""

BEFORE_COMBAT: Final = ("UNTAP", "UPKEEP", "DRAW", "MAIN1")
COMBAT_PHASES: Final = tuple(
    f"COMBAT_{step}"
    for step in (
        "BEGIN",
        "DECLARE_ATTACKERS",
        "DECLARE_BLOCKERS",
        "FIRST_STRIKE_DAMAGE",
        "DAMAGE",
        "END",
    )
)
PHASES: Final = (*BEFORE_COMBAT, *COMBAT_PHASES, "MAIN2", "END_OF_TURN", "CLEANUP")


def field_faults(decision: object) -> Iterator[str]:
    """Give each place where a decision differs from the table."""
    yield from _faults(decision, COMMON, "")
    if isinstance(decision, dict):
        kind = decision.get("decision_type")
        own = OWN.get(kind) if isinstance(kind, str) else None
        if own is None:
            yield f"decision_type {kind!r} is none of the eleven: it crashes clients"
        else:
            yield from _faults(decision, own, "")


def _faults(value: object, shape: Shape, where: str) -> Iterator[str]:
    if isinstance(shape, Kind):
        if not _is_kind(value, shape):
            yield f"{where or 'the decision'} is {_shown(value)}, not {shape.value}"
    elif isinstance(shape, list):
        if isinstance(value, list):
            for position, entry in enumerate(value):
                yield from _faults(entry, shape[0], f"{where}[{position}]")
        else:
            yield f"{where} is {_shown(value)}, not a list"
    elif isinstance(value, dict):
        yield from _object_faults(value, shape, where)
    else:
        yield f"{where or 'the decision'} is {_shown(value)}, not an object"


def _object_faults(value: dict[str, Any], shape: dict[str, Shape], where: str) -> Iterator[str]:
    for key, inner in shape.items():
        name = key.removesuffix("?")
        place = f"{where}.{name}" if where else name
        if name in value:
            yield from _faults(value[name], inner, place)
        elif name == key:
            yield f"{place} is missing"


def _is_kind(value: object, kind: Kind) -> bool:
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.WHOLE:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.ANY:
            return True


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
