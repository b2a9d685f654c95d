"""A choice as the JSON of a DECISION line (protocol sections 4 and 5).

A decision holds some forty cards, nearly all of them printed text. The printed part of each face is
therefore encoded once and kept; a decision is put together from bytes. A general encoder over
dictionaries was tried first and took several times as long per prompt.

Border: what a seat may see is decided here and nowhere else; the rules know no hidden information.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from trainingrun_daemon.rules.casting import MAX_LAND_PLAYS
from trainingrun_daemon.rules.choices import (
    Action,
    ActionKind,
    AnnounceValue,
    ChooseAbility,
    ChooseAction,
    ChooseCards,
    ChooseEntity,
    Confirm,
    ConfirmKind,
    DeclareAttackers,
    DeclareBlockers,
    Reveal,
)
from trainingrun_daemon.rules.enums import Keyword, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Card, CardFace, Combat, Game, Player, StackItem, Target
from trainingrun_daemon.rules.steps import Choice
from trainingrun_daemon.rules.zones import LOYALTY

_BOOL: Final = ("false", "true")
_NO_MANA: Final = (
    '"mana_pool":{"total":0,"white":0,"blue":0,"black":0,"red":0,"green":0,"colorless":0},'
    '"mana":{"W":0,"U":0,"B":0,"R":0,"G":0,"C":0}'
)
"""An empty pool, which is what nearly every pool is: costs are paid as they arise."""
_PRIORITY_ENTRY: Final = (
    '{"index":-1,"card":"","card_id":-1,"description":"Pass priority","mana_cost":"",'
    '"is_land":false}'
)
_NOTHING: Final = '""'
_NO_ACTIONS: Final = f"[{_PRIORITY_ENTRY}]"


def encode_decision(
    game: Game,
    choice: Choice,
    *,
    decision_id: int,
    ai_choice: "tuple[object, int] | None" = None,
    reveal_all: bool = False,
) -> bytes:
    """Return the JSON of a choice as its seat may see it; ``reveal_all`` shows both hands.

    ``ai_choice`` is what the engine's AI chose, for clients that only watch, with its position.
    """
    kind, message, own = _encode_choice(game, choice)
    watched = ""
    if ai_choice is not None:
        chosen, index = ai_choice
        watched = f',"ai_choice":{_json(chosen)},"ai_choice_index":{index}'
    text = (
        f'{{"decision_type":"{kind}","decision_id":{decision_id},'
        f'"player":{_json(game.players[choice.seat].name)},"turn":{game.turn},'
        f'"phase":"{_PHASES[game.phase]}","message":{_json(message)},{own}{watched},'
        f'"game_state":{_encode_state(game, choice.seat, reveal_all=reveal_all)}}}'
    )
    return text.encode("ascii")


def describe_action(action: Action) -> str:
    """Return the text of an action, such as ``Goblin Guide - Creature 2 / 2``."""
    if action.ability is not None:
        return f"{action.card.face.name}: {action.ability.text}"
    face = action.face
    if face.is_land:
        return f"{face.name} - Land"
    return _describe_spell(face, action.variant)


def describe_stack_item(item: StackItem) -> str:
    """Return the text of what waits to resolve; of a spell what it does, with the modes and the
    X."""
    if not item.is_spell:
        return item.text
    if item.modes:
        return f"{item.face.name} - {' '.join(f'{mode.text}.' for mode in item.modes)}"
    text = _describe_spell(item.face, item.way)
    return f"{text} X is {item.x}." if item.x else text


def _describe_spell(face: CardFace, way: str) -> str:
    head = f"{face.name} ({way})" if way else face.name
    if face.is_creature:
        return f"{head} - Creature {face.power} / {face.toughness}"
    return f"{head} - {face.text}"


def _json(value: object) -> str:
    """Encode as ASCII: the wire carries no byte above 127."""
    text = msgspec.json.encode(value).decode()
    if text.isascii():
        return text
    return "".join(char if char < "\x80" else _escape(char) for char in text)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _encode_choice(game: Game, choice: Choice) -> tuple[str, str, str]:
    """Give decision type, message and the fields of this type: ours, and beside them those that
    clients of the original read (protocol section 8)."""
    match choice:
        case ChooseAction():
            listed = "".join(
                f"{_encode_action(position, action)},"
                for position, action in enumerate(choice.actions)
            )
            return "choose_action", "Choose an action", f'"actions":[{listed}{_PRIORITY_ENTRY}]'
        case DeclareAttackers():
            return (
                "declare_attackers",
                "Declare attackers",
                f'"attackers":[{_encode_fighters(choice.candidates)}],'
                f'"defenders":[{_encode_defender(game.players[1 - choice.seat])}],'
                f'"actions":{_NO_ACTIONS}',
            )
        case DeclareBlockers():
            return (
                "declare_blockers",
                "Declare blockers",
                f'"blockers":[{_encode_fighters(choice.candidates)}],'
                f'"attackers":[{_encode_fighters(choice.attackers)}],"actions":{_NO_ACTIONS}',
            )
        case ChooseEntity():
            entities = ",".join(
                _encode_entity(position, entity, seat=choice.seat)
                for position, entity in enumerate(choice.entities)
            )
            return (
                "choose_entity",
                choice.message,
                f'"entities":[{entities}],"optional":{_BOOL[choice.optional]},'
                f'"source_card":{_name(choice.source.face)},'
                f'"title":{_title(choice)},"actions":{_NO_ACTIONS}',
            )
        case ChooseCards():
            return (
                "choose_cards",
                choice.message,
                f'"cards":[{_encode_listed(choice.cards, choice.seat)}],"min":{choice.minimum},'
                f'"max":{choice.maximum},"optional":{_BOOL[choice.minimum == 0]},'
                f'"title":{_title(choice)},"actions":{_NO_ACTIONS}',
            )
        case ChooseAbility():
            abilities = ",".join(
                f'{{"index":{position},"description":{_json(text)},"mana_cost":""}}'
                for position, text in enumerate(choice.abilities)
            )
            return (
                "choose_ability",
                choice.message,
                f'"abilities":[{abilities}],"source_card":{_name(choice.source.face)},'
                f'"card":{_name(choice.source.face)},"actions":{_NO_ACTIONS}',
            )
        case AnnounceValue():
            return (
                "announce_value",
                choice.message,
                f'"min":{choice.minimum},"max":{choice.maximum},'
                f'"source_card":{_name(choice.source.face)},"ability":{_json(choice.message)},'
                f'"announce":"X","actions":{_NO_ACTIONS}',
            )
        case Confirm():
            return (
                choice.kind.value,
                choice.message,
                f'{_subject(choice)},"actions":{_NO_ACTIONS}',
            )
        case Reveal():
            return (
                "reveal",
                choice.message,
                f'"cards":[{_encode_listed(choice.cards, choice.seat)}],'
                f'{_place(game, choice.cards)},"actions":{_NO_ACTIONS}',
            )
        case _:
            raise TypeError(f"no decision type for {type(choice).__name__}")


def _encode_defender(player: Player) -> str:
    return f'{{"name":{_json(player.name)},"type":"player","life":{player.life}}}'


def _encode_listed(cards: Sequence[Card], viewer: int) -> str:
    """Encode cards that are chosen from: as in a zone, with what an answer names."""
    return ",".join(
        f'{{"index":{position},"card_id":{card.id},{_encode_cards((card,), viewer)[1:]}'
        for position, card in enumerate(cards)
    )


def _title(choice: ChooseCards | ChooseEntity) -> str:
    return '"Discard"' if choice.purpose is Purpose.DISCARD else _json(choice.message)


def _subject(choice: Confirm) -> str:
    """What a yes-or-no question is about, where its kind says it."""
    card = None if choice.source is None else _name(choice.source.face)
    match choice.kind:
        case ConfirmKind.TRIGGER:
            return f'"trigger_card":{card or _NOTHING},"trigger":{_json(choice.message)}'
        case ConfirmKind.FROM_EFFECT:
            return f'"spell":{card or _NOTHING}'
        case ConfirmKind.ACTION:
            named = "" if card is None else f',"card":{card}'
            return f'"mode":"{choice.purpose.value}"{named}'


def _place(game: Game, cards: Sequence[Card]) -> str:
    """Where revealed cards are, and whose."""
    if not cards:
        return '"zone":"","owner":""'
    first = cards[0]
    owner = _json(game.players[first.owner].name)
    return f'"zone":"{first.zone.value.capitalize()}","owner":{owner}'


def _encode_action(position: int, action: Action) -> str:
    card = action.card
    is_land = action.kind is ActionKind.LAND
    cost = "no cost" if is_land else action.cost.text or "{0}"
    return (
        f'{{"index":{position},"card":{_name(card.face)},"card_id":{card.id},'
        f'"description":{_json(describe_action(action))},"mana_cost":"{cost}",'
        f'"is_land":{_BOOL[is_land]}}}'
    )


def _encode_fighters(cards: list[Card]) -> str:
    return ",".join(
        f'{{"index":{position},"id":{card.id},"card_id":{card.id},'
        f'"name":{_name(card.face)},"power":{card.power},'
        f'"toughness":{card.toughness},"keywords":{_keywords(card.face, card.keywords)}}}'
        for position, card in enumerate(cards)
    )


def _encode_entity(position: int, entity: Target, *, seat: int) -> str:
    if isinstance(entity, StackItem):
        return (
            f'{{"index":{position},"type":"spell","id":{entity.id},"name":{_name(entity.face)},'
            f'"description":{_json(describe_stack_item(entity))},"card_id":{entity.card.id},'
            f'"controllerIsSelf":{_BOOL[entity.controller == seat]}}}'
        )
    if isinstance(entity, Player):
        return (
            f'{{"index":{position},"type":"player","id":{entity.seat},'
            f'"name":{_json(entity.name)},"description":{_json(f"{entity.name}, {entity.life}")},'
            f'"life":{entity.life},"is_self":{_BOOL[entity.seat == seat]}}}'
        )
    size = f" {entity.power} / {entity.toughness}" if entity.is_creature else ""
    numbers = (
        f'"power":{entity.power},"toughness":{entity.toughness},' if entity.is_creature else ""
    )
    return (
        f'{{"index":{position},"type":"card","id":{entity.id},"card_id":{entity.id},'
        f'"name":{_name(entity.face)},'
        f'"description":{_json(entity.face.name + size)},{numbers}'
        f'"controllerIsSelf":{_BOOL[entity.controller == seat]}}}'
    )


# --- game_state -----------------------------------------------------------------------------------


def _encode_state(game: Game, viewer: int, *, reveal_all: bool) -> str:
    """Encode what the deciding seat sees; it is the one that has priority."""
    names = [_json(player.name) for player in game.players]
    combat = "" if game.combat is None else f',"combat":{_encode_combat(game, game.combat)}'
    players = ",".join(
        _encode_player(player, viewer, reveal_all=reveal_all) for player in game.players
    )
    stack = ",".join(_encode_stack_item(game, item) for item in reversed(game.stack))
    return (
        f'{{"is_game_over":{_BOOL[game.is_over]},"turn":{game.turn},'
        f'"phase":"{_PHASES[game.phase]}","active_player":{names[game.active]},'
        f'"priority_player":{names[viewer]},"activePlayer":{game.active},'
        f'"priorityPlayer":{viewer},"players":[{players}],"stack":[{stack}]{combat}}}'
    )


def _encode_player(player: Player, viewer: int, *, reveal_all: bool) -> str:
    is_shown = reveal_all or player.seat == viewer
    hand = _encode_cards(player.hand, viewer) if is_shown else ""
    battlefield = ",".join(_encode_permanent(card, viewer) for card in player.battlefield)
    return (
        f'{{"name":{_json(player.name)},"id":{player.seat},"life":{player.life},'
        f'"poison":{player.poison},"has_lost":{_BOOL[player.has_lost]},'
        f'"lands_played_this_turn":{player.lands_played},"max_land_plays":{MAX_LAND_PLAYS},'
        f'"hand_size":{len(player.hand)},"hand":[{hand}],"library_size":{len(player.library)},'
        f'"graveyard":[{_encode_cards(player.graveyard, viewer)}],'
        f'"battlefield":[{battlefield}],"exile":[{_encode_cards(player.exile, viewer)}],'
        f'"command":[{_encode_cards(player.command, viewer)}],'
        f"{_encode_pool(player) if player.pool else _NO_MANA}}}"
    )


_POOL_NAMES: Final = {
    "W": "white",
    "U": "blue",
    "B": "black",
    "R": "red",
    "G": "green",
    "C": "colorless",
}


def _encode_pool(player: Player) -> str:
    counts = dict.fromkeys(_POOL_NAMES, 0)
    for mana in player.pool:
        counts[mana.color] += 1
    long = ",".join(f'"{_POOL_NAMES[color]}":{count}' for color, count in counts.items())
    short = ",".join(f'"{color}":{count}' for color, count in counts.items())
    return f'"mana_pool":{{"total":{len(player.pool)},{long}}},"mana":{{{short}}}'


def _encode_stack_item(game: Game, item: StackItem) -> str:
    """Encode a stack item; ``is_spell`` is false for an ability or a copy of a card."""
    return (
        f'{{"id":{item.id},"description":{_json(describe_stack_item(item))},'
        f'"controller":{_json(game.players[item.controller].name)},'
        f'"source_card":{_name(item.face)},"source_card_id":{item.card.id},'
        f'"is_spell":{_BOOL[item.is_spell and not item.card.is_token]},"owner":{item.card.owner}}}'
    )


def _encode_combat(game: Game, combat: Combat) -> str:
    attackers = ",".join(
        f'{{"index":{position},"id":{position},"card_id":{card.id},"name":{_name(card.face)},'
        f'"power":{card.power},"toughness":{card.toughness},'
        f'"attacking":{_json(game.players[1 - combat.seat].name)},'
        f'"blocked_by":[{_encode_fighters(combat.blockers.get(card.id, []))}]}}'
        for position, card in enumerate(combat.attackers)
    )
    name = _json(game.players[combat.seat].name)
    return f'{{"attacking_player":{name},"attackers":[{attackers}]}}'


def _encode_cards(cards: Iterable[Card], viewer: int) -> str:
    """Encode cards; anywhere but on the battlefield all of it is known beforehand but the id.

    Emblems are the exception: they are no cards of a deck, and say so like tokens.
    """
    return ",".join(
        [
            _encode_permanent(card, viewer)
            if card.counters or card.is_token or card.zone is Zone.BATTLEFIELD
            else f'{{"id":{card.id},{_still_part(card.face, is_own=card.owner == viewer)}'
            for card in cards
        ]
    )


def _encode_permanent(card: Card, viewer: int) -> str:
    face = card.face
    size = f'"power":{card.power},"toughness":{card.toughness},' if card.is_creature else ""
    if card.is_planeswalker:
        size += f'"loyalty":{card.counters.get(LOYALTY, face.loyalty)},'
    counters = ""
    if card.counters:
        counters = ",".join(
            f'{{"type":"{kind}","count":{count}}}' for kind, count in card.counters.items() if count
        )
    sick = _BOOL[card.is_sick and card.is_creature]
    host = card.attached_to.id if card.attached_to is not None else "null"
    printed = _altered_part(card) if card.is_altered else _printed_part(face)
    return (
        f'{{"id":{card.id},{printed},{size}"keywords":{_keywords(face, card.keywords)},'
        f'"tapped":{_BOOL[card.tapped]},"summoning_sick":{sick},"summoningSickness":{sick},'
        f'"damage":{card.damage},"counters":[{counters}],"attacking":{_BOOL[card.attacking]},'
        f'"blocking":{_BOOL[card.blocking is not None]},"attachedTo":{host},'
        f'"is_token":{_BOOL[card.is_token]},"controllerIsSelf":{_BOOL[card.controller == viewer]},'
        f'"ownerIsSelf":{_BOOL[card.owner == viewer]}}}'
    )


# --- what is printed, encoded once ----------------------------------------------------------------

_PHASES: Final = {phase: phase.value for phase in Phase}
_KEYWORD_TEXTS: Final = {keyword: keyword.value for keyword in Keyword}
_KINDS: Final = (
    "creature",
    "land",
    "artifact",
    "enchantment",
    "planeswalker",
    "instant",
    "sorcery",
)
_names: Final[dict[CardFace, str]] = {}
_printed_parts: Final[dict[CardFace, str]] = {}
_still_parts: Final[dict[tuple[CardFace, bool], str]] = {}
_keyword_lists: Final[dict[tuple[CardFace, frozenset[Keyword]], str]] = {}


def _name(face: CardFace) -> str:
    known = _names.get(face)
    if known is None:
        known = _names[face] = _json(face.name)
    return known


def _keywords(face: CardFace, keywords: frozenset[Keyword]) -> str:
    known = _keyword_lists.get((face, keywords))
    if known is None:
        texts = sorted(_KEYWORD_TEXTS[keyword] for keyword in keywords)
        if face.protection_text:
            texts.append(face.protection_text)
        known = _keyword_lists[face, keywords] = _json(texts)
    return known


def _printed_part(face: CardFace) -> str:
    known = _printed_parts.get(face)
    if known is None:
        kinds = {kind: getattr(face, f"is_{kind}") for kind in _KINDS}
        known = _printed_parts[face] = _describe_face(face, face.types, kinds)
    return known


def _altered_part(card: Card) -> str:
    """Return what is printed on a permanent that an effect has given other types."""
    face = card.face
    kinds = {kind: getattr(face, f"is_{kind}") for kind in _KINDS}
    kinds["creature"] = card.is_creature
    kinds["land"] = card.is_land
    kinds["artifact"] = card.is_artifact
    kinds["planeswalker"] = card.is_planeswalker
    return _describe_face(face, _type_line(card), kinds)


def _type_line(card: Card) -> str:
    """Return the type line as it is now, such as ``Land Creature - Elemental``."""
    parts = card.face.types.partition(" - ")[0].split()
    for word, has_it in (
        ("Artifact", card.is_artifact),
        ("Creature", card.is_creature),
        ("Planeswalker", card.is_planeswalker),
    ):
        if has_it and word not in parts:
            parts.append(word)
        elif not has_it and word in parts:
            parts.remove(word)
    line = " ".join(parts)
    return f"{line} - {' '.join(sorted(card.subtypes))}" if card.subtypes else line


def _describe_face(face: CardFace, types: str, kinds: dict[str, bool]) -> str:
    flags = ",".join(f'"is_{kind}":{_BOOL[value]}' for kind, value in kinds.items())
    return (
        f'"name":{_name(face)},"mana_cost":{_json(face.cost.text or "no cost")},'
        f'"cmc":{face.cost.mana_value},"types":{_json(types)},'
        f'"oracle_text":{_json(face.text)},{flags}'
    )


def _still_part(face: CardFace, *, is_own: bool) -> str:
    """Everything behind the id of a card that is not on the battlefield."""
    known = _still_parts.get((face, is_own))
    if known is None:
        card = Card(0, face, owner=0, zone=Zone.HAND)
        whole = _encode_permanent(card, 0 if is_own else 1)
        known = _still_parts[face, is_own] = whole.removeprefix('{"id":0,')
    return known
