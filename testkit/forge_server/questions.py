"""The own fields of each of the eleven decision types, and no others."""

from collections.abc import Sequence
from typing import Final

from trainingrun_daemon.rules.model import Card, Combat, Game, Player, Target

from testkit.forge_server.actions import Play
from testkit.forge_server.json_text import Value

Fields = dict[str, Value]

PASS_ENTRY: Final[Fields] = {
    "index": -1,
    "description": "Pass priority",
    "card": "",
    "card_id": -1,
    "mana_cost": "",
    "is_land": False,
}


def action_fields(plays: Sequence[Play]) -> Fields:
    """Of choose_action."""
    entries: list[Value] = [
        {
            "index": index,
            "description": play.description,
            "card": play.card.face.name,
            "card_id": play.card.id,
            "mana_cost": play.cost,
            "is_land": play.card.is_land,
        }
        for index, play in enumerate(plays)
    ]
    return {"actions": [*entries, PASS_ENTRY], "message": "Choose an action: its index, -1 passes"}


def fighter(index: int, card: Card) -> Fields:
    """Return a creature that attacks or blocks, or may."""
    return {
        "index": index,
        "card_id": card.id,
        "name": card.face.name,
        "power": card.power,
        "toughness": card.toughness,
    }


def attack_fields(game: Game, candidates: Sequence[Card]) -> Fields:
    """Of declare_attackers."""
    defender = game.players[1 - game.active]
    defenders: list[Value] = [{"name": defender.name, "type": "player", "life": defender.life}]
    defenders += [
        {"name": card.face.name, "type": "planeswalker"}
        for card in defender.battlefield
        if card.is_planeswalker
    ]
    return {
        "attackers": [fighter(index, card) for index, card in enumerate(candidates)],
        "defenders": defenders,
        "message": "Choose attackers: indices with commas, empty for none",
    }


def block_fields(combat: Combat, blockers: Sequence[tuple[int, Card]]) -> Fields:
    """Of declare_blockers; each blocker comes with its place among the seat's creatures."""
    return {
        "blockers": [fighter(index, card) for index, card in blockers],
        "attackers": [fighter(index, card) for index, card in enumerate(combat.attackers)],
        "message": "Choose blocks: pairs blocker:attacker with commas, empty for none",
    }


def ability_fields(card: Card, abilities: Sequence[tuple[str, str]]) -> Fields:
    """Of choose_ability; each ability is a text with a cost."""
    return {
        "card": card.face.name,
        "abilities": [
            {"index": index, "description": text, "mana_cost": cost}
            for index, (text, cost) in enumerate(abilities)
        ],
        "message": "Choose an ability: its index",
    }


def trigger_fields(card: str, trigger: str) -> Fields:
    """Of play_trigger."""
    return {"trigger_card": card, "trigger": trigger, "message": "Play trigger? (y/n)"}


def play_fields(spell: str) -> Fields:
    """Of play_from_effect."""
    return {"spell": spell, "message": "Play it for the effect? (y/n)"}


def confirm_fields(mode: str, card: str | None) -> Fields:
    """Of confirm_action."""
    own: Fields = {"mode": mode, "message": "Confirm action? (y/n)"}
    return own if card is None else own | {"card": card}


def cards_fields(title: str | None, cards: Sequence[Card], least: int, most: int) -> Fields:
    """Of choose_cards."""
    return {
        "title": title,
        "cards": [
            {"index": index, "card_id": card.id, "name": card.face.name}
            for index, card in enumerate(cards)
        ],
        "min": least,
        "max": most,
        "optional": least == 0,
        "message": f"Choose {least} to {most} cards: indices with commas",
    }


def entity_fields(title: str | None, entities: Sequence[Target], *, optional: bool) -> Fields:
    """Of choose_entity; only cards have an id."""
    listed: list[Value] = []
    for index, entity in enumerate(entities):
        if isinstance(entity, Player):
            listed.append({"index": index, "name": entity.name})
        else:
            card = entity if isinstance(entity, Card) else entity.card
            listed.append({"index": index, "name": entity.face.name, "card_id": card.id})
    none = ", -1 for none" if optional else ""
    return {
        "title": title,
        "entities": listed,
        "optional": optional,
        "message": f"Choose one: its index{none}",
    }


def value_fields(ability: str) -> Fields:
    """Of announce_value, which knows no bounds."""
    return {"ability": ability, "announce": "X", "message": "Say a value for X"}


def reveal_fields(game: Game, cards: Sequence[Card]) -> Fields:
    """Of reveal: names alone, and neither actions nor a message."""
    return {
        "zone": cards[0].zone.value.capitalize() if cards else "Library",
        "owner": game.players[cards[0].owner].name if cards else "",
        "cards": [card.face.name for card in cards],
    }
