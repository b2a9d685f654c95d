"""What the original leaves out of game_state, derived from the rest of it (protocol section 8).

Types give a card's ``is_…``, combat says who attacks and blocks, counters are parsed, positions are
the players' ids, and the hand that the deciding seat may not see is dropped: nothing may learn
from it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from trainingrun_protocol.dialects.table import (
    BATTLEFIELD,
    HAND,
    ZONES,
    Json,
    Table,
    fill,
    number,
    objects,
    text,
)

_TYPE_FLAGS: Final = {
    "Creature": "is_creature",
    "Land": "is_land",
    "Artifact": "is_artifact",
    "Enchantment": "is_enchantment",
    "Planeswalker": "is_planeswalker",
    "Instant": "is_instant",
    "Sorcery": "is_sorcery",
}
_MOST_TYPE_LETTERS: Final = 200
_MOST_COUNTER_LETTERS: Final = 1000
_COUNTER: Final = re.compile(r"([^,={}\[\]]{1,60})=\s{0,3}(-?\d{1,9})(?!\d)")
"""``{P1P1=2, LOYALTY=3}``."""
_NO_COST: Final = ("", "no cost")


def complete_state(decision: Json, table: Table) -> None:
    """Fill in what is missing; what the server says is kept."""
    state = table.state
    for key in ("turn", "phase"):
        fill(state, key, decision.get(key))
    for seat, player in enumerate(table.players):
        fill(player, "id", seat)
        fill(player, "hand_size", len(table.zone(seat, HAND)))
        for zone in ZONES:
            for card in table.zone(seat, zone):
                _complete_card(card, zone, is_own=seat == table.seat)
    _complete_combat(table)


def hide_hands(table: Table) -> None:
    """Drop every hand but that of the deciding seat."""
    for seat, player in enumerate(table.players):
        if seat != table.seat:
            player[HAND] = []


def _complete_card(card: Json, zone: str, *, is_own: bool) -> None:
    for flag in flags_of_types(text(card.get("types"))[:_MOST_TYPE_LETTERS]):
        card.setdefault(flag, True)
    if (counters := card.get("counters")) is not None and not isinstance(counters, list):
        card["counters"] = parse_counters(counters)
    if zone != BATTLEFIELD:
        fill(card, "ownerIsSelf", is_own)
        return
    fill(card, "controllerIsSelf", is_own)
    if "is_token" not in card:
        card["is_token"] = _is_token(card)


def _is_token(card: Json) -> bool:
    """A permanent without a cost that is no land; what has turned over keeps its mana value."""
    is_free = card.get("mana_cost") in _NO_COST and not card.get("cmc")
    return is_free and not card.get("is_land")


@lru_cache(maxsize=1024)
def flags_of_types(types: str) -> tuple[str, ...]:
    """Return the keys that are true of a card with these types, such as ``Creature - Elf``."""
    kinds = types.partition(" - ")[0].split()
    return tuple(flag for word, flag in _TYPE_FLAGS.items() if word in kinds)


def parse_counters(counters: object) -> list[Json]:
    """Read counters that are a string, such as ``{P1P1=2, LOYALTY=3}``, or an object."""
    if isinstance(counters, dict):
        pairs = [(str(kind), count) for kind, count in counters.items() if isinstance(count, int)]
    else:
        found = _COUNTER.findall(text(counters)[:_MOST_COUNTER_LETTERS])
        pairs = [(kind.strip(), int(count)) for kind, count in found]
    return [{"type": kind, "count": count} for kind, count in pairs]


def _complete_combat(table: Table) -> None:
    combat = table.state.get("combat")
    if not isinstance(combat, dict):
        table.state.pop("combat", None)
        return
    for position, attacker in enumerate(objects(combat.get("attackers"))):
        fill(attacker, "index", position)
        fill(attacker, "id", attacker["index"])
        fill(attacker, "attacking", attacker.get("attacking_planeswalker"))
        _mark(table, attacker.get("card_id"), "attacking")
        for blocker in objects(attacker.get("blocked_by")):
            fill(blocker, "id", number(blocker.get("card_id")))
            _mark(table, blocker.get("id"), "blocking")


def _mark(table: Table, card_id: object, key: str) -> None:
    place = table.place(card_id)
    if place is not None and place.zone == BATTLEFIELD:
        place.card.setdefault(key, True)
