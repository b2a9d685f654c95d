"""The fields of each decision type, completed from the zones (protocol section 8).

The original's lists name cards by ``card_id`` alone, its actions hold every mana ability, and what
a question is about stands beside a constant ``message``. Entries keep their ``index``, which is
what is answered: it is no position where entries are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from trainingrun_protocol.dialects.table import (
    BATTLEFIELD,
    Json,
    Table,
    fill,
    number,
    objects,
    text,
)

_MANA_ABILITY: Final = re.compile(r"(?:^|: )[^:]{1,120}: Add (?:\{|[^.]{0,60}\bmana\b)")
"""A cost, and mana for it."""
_TAPS_FOR_MANA: Final = re.compile(r"\{T\}[^:\n]{0,120}: Add ")
_LAND_COST: Final = "no cost"
_SUBJECTS: Final = ("title", "trigger_card", "trigger", "spell", "ability", "mode", "card")
"""Where a question says what it is about, in the order of reading."""
_MOST_LETTERS: Final = 2000


def complete_own_fields(decision: Json, table: Table) -> None:
    """Complete the lists of this decision type, and its message."""
    complete = _COMPLETE.get(text(decision.get("decision_type")))
    if complete is not None:
        complete(decision, table)
    for key in ("trigger_card", "card"):
        fill(decision, "source_card", text(decision.get(key)) or None)
    decision["message"] = _message(decision)


def _message(decision: Json) -> str:
    """Put what the question is about before its constant words, unless they hold it already."""
    message = text(decision.get("message"))
    subjects: list[str] = []
    for key in _SUBJECTS:
        subject = text(decision.get(key))[:_MOST_LETTERS]
        if subject and subject not in message and not any(subject in each for each in subjects):
            subjects.append(subject)
    return " - ".join([*subjects, *([message] if message else [])])


def _entries(decision: Json, key: str) -> list[Json]:
    """Return the entries of a list, each with its ``index``; positions where there is none."""
    listed = decision.get(key)
    found = objects(listed)
    if isinstance(listed, list) and len(found) == len(listed):
        for position, entry in enumerate(found):
            fill(entry, "index", position)
    decision[key] = found
    return found


def _choose_action(decision: Json, table: Table) -> None:
    decision["actions"] = [
        action for action in _entries(decision, "actions") if not _is_mana_ability(action, table)
    ]
    for action in decision["actions"]:
        action["is_land"] = _is_land_play(action, table)


def _is_mana_ability(action: Json, table: Table) -> bool:
    """Whether it only taps a permanent for mana. (Abilities of planeswalkers are never that.)

    The oldest version lists that of a land in the hand, too.
    """
    description = text(action.get("description"))[:_MOST_LETTERS]
    if _MANA_ABILITY.search(description) is None:
        return False
    place = table.place(action.get("card_id"))
    if place is None or "{T}" in description:
        return True
    return place.zone == BATTLEFIELD and not place.card.get("is_planeswalker")


def _is_land_play(action: Json, table: Table) -> bool:
    """In the original, ``is_land`` says that the source of any action is a land."""
    if not action.get("is_land") or action.get("mana_cost") not in (None, "", _LAND_COST):
        return False
    place = table.place(action.get("card_id"))
    return place is None or place.zone != BATTLEFIELD


def _complete_fighters(decision: Json, key: str, table: Table) -> None:
    for fighter in _entries(decision, key):
        fill(fighter, "id", number(fighter.get("card_id")))
        place = table.place(fighter.get("id"))
        if place is not None:
            fill(fighter, "keywords", place.card.get("keywords"))


def _declare_attackers(decision: Json, table: Table) -> None:
    _complete_fighters(decision, "attackers", table)


def _declare_blockers(decision: Json, table: Table) -> None:
    """Leave out tapped blockers: the original's engine carries out any block."""
    _complete_fighters(decision, "attackers", table)
    _complete_fighters(decision, "blockers", table)
    decision["blockers"] = [
        blocker for blocker in decision["blockers"] if not _is_tapped(blocker, table)
    ]


def _is_tapped(fighter: Json, table: Table) -> bool:
    place = table.place(fighter.get("id"))
    return place is not None and bool(place.card.get("tapped"))


def _choose_ability(decision: Json, table: Table) -> None:
    card = table.only_card(decision.get("card"))
    for ability in _entries(decision, "abilities"):
        fill(ability, "card", text(decision.get("card")) or None)
        if card is not None:
            fill(ability, "card_id", card.get("id"))


def _choose_cards(decision: Json, table: Table) -> None:
    """Show each card as it is in its zone, also one in a hand that is dropped: it was shown."""
    cards = []
    for entry in _entries(decision, "cards"):
        fill(entry, "id", number(entry.get("card_id")))
        place = table.place(entry.get("id"))
        shown = {} if place is None else place.card
        cards.append({**shown, **{key: value for key, value in entry.items() if value is not None}})
    decision["cards"] = cards


def _choose_entity(decision: Json, table: Table) -> None:
    """Sort out players, spells on the stack, and cards."""
    for entity in _entries(decision, "entities"):
        card_id = number(entity.get("card_id"))
        if entity.get("type"):
            fill(entity, "id", card_id)
        elif card_id is None and entity.get("id") is None:
            _complete_player(entity, table)
        elif (item := table.stack_item(card_id)) is not None:
            fill(entity, "id", item.get("id"))
            entity["type"] = "stack"
        else:
            fill(entity, "id", card_id)
            _complete_target(entity, table)


def _complete_target(entity: Json, table: Table) -> None:
    entity["type"] = "card"
    place = table.place(entity.get("id"))
    if place is None:
        return
    for key in ("power", "toughness", "loyalty"):
        fill(entity, key, place.card.get(key))
    fill(entity, "controllerIsSelf", place.seat == table.seat)


def _complete_player(entity: Json, table: Table) -> None:
    if entity.get("name") not in table.names:
        return
    seat = table.names.index(entity["name"])
    fill(entity, "id", table.players[seat].get("id"))
    fill(entity, "type", "player")
    fill(entity, "life", table.players[seat].get("life"))
    fill(entity, "is_self", seat == table.seat)


def _announce_value(decision: Json, table: Table) -> None:
    """Bound a value without bounds by the mana that the seat could make."""
    fill(decision, "min", 0)
    fill(decision, "max", _open_mana(table))


def _open_mana(table: Table) -> int:
    pool = table.players[table.seat].get("mana_pool") if table.players else None
    floating = number(pool.get("total")) if isinstance(pool, dict) else None
    sources = [card for card in table.zone(table.seat, BATTLEFIELD) if _is_open_source(card)]
    return max(0, floating or 0) + len(sources)


def _is_open_source(card: Json) -> bool:
    if card.get("tapped"):
        return False
    if card.get("is_land"):
        return True
    is_able = not (card.get("is_creature") and card.get("summoning_sick"))
    return is_able and _TAPS_FOR_MANA.search(text(card.get("oracle_text"))) is not None


def _reveal(decision: Json, _table: Table) -> None:
    """Of names alone the cards are made; a server may say more of them in ``revealed``."""
    listed = decision.get("cards")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    if names:
        decision["cards"] = objects(decision.get("revealed")) or [{"name": name} for name in names]


_COMPLETE: Final[dict[str, Callable[[Json, Table], None]]] = {
    "choose_action": _choose_action,
    "declare_attackers": _declare_attackers,
    "declare_blockers": _declare_blockers,
    "choose_ability": _choose_ability,
    "choose_cards": _choose_cards,
    "choose_entity": _choose_entity,
    "announce_value": _announce_value,
    "reveal": _reveal,
}
