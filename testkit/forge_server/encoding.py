"""The state of a game as the original's ``-i`` writes it.

Field names and their order are the original's; both hands are shown. What is printed on a card is
written once and kept.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from trainingrun_daemon.rules.casting import MAX_LAND_PLAYS
from trainingrun_daemon.rules.enums import Keyword
from trainingrun_daemon.rules.model import Card, CardFace, Combat, Game, Player, StackItem
from trainingrun_daemon.rules.zones import LOYALTY

from testkit.forge_server.json_text import array, flag, quote

NO_COST: Final = "no cost"
_COLORS: Final = (
    ("white", "W"),
    ("blue", "U"),
    ("black", "B"),
    ("red", "R"),
    ("green", "G"),
    ("colorless", "C"),
)
_NO_MANA: Final = ",".join(f'"{name}":0' for name in ("total", *(name for name, _ in _COLORS)))


def encode_state(game: Game, priority: int) -> str:
    """Return ``game_state``; ``priority`` is the seat that has it."""
    players = array(_encode_player(player) for player in game.players)
    stack = array(_encode_item(game, item) for item in reversed(game.stack))
    combat = ""
    if game.combat is not None and game.combat.attackers:
        combat = f',"combat":{_encode_combat(game, game.combat)}'
    return (
        f'{{"is_game_over":{flag(game.is_over)}'
        f',"active_player":{quote(game.players[game.active].name)}'
        f',"priority_player":{quote(game.players[priority].name)}'
        f',"players":{players},"stack":{stack}{combat}}}'
    )


def _encode_player(player: Player) -> str:
    return (
        f'{{"name":{quote(player.name)},"life":{player.life},"poison":{player.poison}'
        f',"has_lost":{flag(player.has_lost)}'
        f',"lands_played_this_turn":{player.lands_played},"max_land_plays":{MAX_LAND_PLAYS}'
        f',"hand_size":{len(player.hand)},"hand":{_encode_cards(player.hand)}'
        f',"library_size":{len(player.library)},"graveyard":{_encode_cards(player.graveyard)}'
        f',"battlefield":{array(map(_encode_permanent, player.battlefield))}'
        f',"exile":{_encode_cards(player.exile)},"mana_pool":{{{encode_pool(player)}}}}}'
    )


def encode_pool(player: Player) -> str:
    """Return the fields of ``mana_pool``."""
    if not player.pool:
        return _NO_MANA
    counts = [
        f'"{name}":{sum(mana.color == letter for mana in player.pool)}' for name, letter in _COLORS
    ]
    return f'"total":{len(player.pool)},{",".join(counts)}'


def _encode_cards(cards: Iterable[Card]) -> str:
    return array(f'{{"id":{card.id},{_printed(card.face)}' for card in cards)


@lru_cache(maxsize=4096)
def _printed(face: CardFace) -> str:
    """Everything behind the id of a card that is not on the battlefield."""
    size = f',"power":{face.power},"toughness":{face.toughness}' if face.is_creature else ""
    return f"{_heading(face, face.types)}{size}{_keywords(face, face.keywords)}}}"


@lru_cache(maxsize=8192)
def _heading(face: CardFace, types: str) -> str:
    return (
        f'"name":{quote(face.name)},"mana_cost":{quote(cost_text(face))}'
        f',"cmc":{face.cost.mana_value},"types":{quote(types)},"oracle_text":{quote(face.text)}'
    )


def cost_text(face: CardFace) -> str:
    """Return a mana cost in braces; lands have none."""
    return NO_COST if face.is_land else face.cost.text or NO_COST


@lru_cache(maxsize=4096)
def _keywords(face: CardFace, keywords: frozenset[Keyword]) -> str:
    """Return the field of the keywords, nothing without any."""
    texts = sorted(keyword.value for keyword in keywords)
    if face.protection_text:
        texts.append(face.protection_text)
    return f',"keywords":{array(map(quote, texts))}' if texts else ""


def _encode_permanent(card: Card) -> str:
    return (
        f'{{"id":{card.id},{_heading(card.face, type_line(card))}'
        f',"tapped":{flag(card.tapped)},"summoning_sick":{flag(is_sick(card))}'
        f',"is_creature":{flag(card.is_creature)},"is_land":{flag(card.is_land)}'
        f',"is_artifact":{flag(card.is_artifact)}'
        f',"is_enchantment":{flag(card.face.is_enchantment)}'
        f',"is_planeswalker":{flag(card.is_planeswalker)}'
        f"{_body(card)}{_counters(card)}{_keywords(card.face, card.keywords)}}}"
    )


def is_sick(card: Card) -> bool:
    """Return whether it came since its controller's last turn began: lands, too."""
    return card.is_sick and Keyword.HASTE not in card.keywords


def _body(card: Card) -> str:
    body = ""
    if card.is_creature:
        body = f',"power":{card.power},"toughness":{card.toughness},"damage":{card.damage}'
    if card.is_planeswalker:
        body += f',"loyalty":{card.counters.get(LOYALTY, 0)}'
    return body


def _counters(card: Card) -> str:
    """Return the counters as the text of a Java map."""
    counts = ", ".join(f"{kind}={count}" for kind, count in card.counters.items() if count)
    return f',"counters":{quote(f"{{{counts}}}")}' if counts else ""


def type_line(card: Card) -> str:
    """Return the types as they are now."""
    if not card.is_altered:
        return card.face.types
    words = card.face.types.partition(" - ")[0].split()
    changed = {
        "Artifact": card.is_artifact,
        "Creature": card.is_creature,
        "Land": card.is_land,
        "Planeswalker": card.is_planeswalker,
    }
    words = [word for word in words if changed.get(word, True)]
    words += [word for word, has_it in changed.items() if has_it and word not in words]
    line = " ".join(words)
    return f"{line} - {' '.join(sorted(card.subtypes))}" if card.subtypes else line


def _encode_item(game: Game, item: StackItem) -> str:
    return (
        f'{{"id":{item.id},"description":{quote(describe_item(item))}'
        f',"controller":{quote(game.players[item.controller].name)}'
        f',"source_card":{quote(item.face.name)},"source_card_id":{item.card.id}}}'
    )


def describe_item(item: StackItem) -> str:
    """Return what a spell or ability on the stack does."""
    if not item.is_spell:
        return item.text
    return describe_face(item.face)


def describe_face(face: CardFace) -> str:
    """Return the text of a spell."""
    if face.is_creature:
        return f"{face.name} - Creature {face.power} / {face.toughness}"
    return f"{face.name} - {face.text}"


def _encode_combat(game: Game, combat: Combat) -> str:
    attackers = array(_encode_attacker(game, combat, card) for card in combat.attackers)
    name = quote(game.players[combat.seat].name)
    return f'{{"attacking_player":{name},"attackers":{attackers}}}'


def _encode_attacker(game: Game, combat: Combat, card: Card) -> str:
    walker = combat.targets.get(card.id)
    if walker is None:
        attacked = f'"attacking":{quote(game.players[1 - combat.seat].name)}'
    else:
        attacked = f'"attacking_planeswalker":{quote(walker.face.name)}'
    blockers = combat.blockers.get(card.id, [])
    listed = array(f'{{"card_id":{each.id},"name":{quote(each.face.name)}}}' for each in blockers)
    blocked = f',"blocked_by":{listed}' if blockers else ""
    return (
        f'{{"card_id":{card.id},"name":{quote(card.face.name)},"power":{card.power}'
        f',"toughness":{card.toughness},{attacked}{blocked}}}'
    )
