"""The feature rows of options: what each does, with which card, and what comes of it.

A row has six parts, in this order: a one-hot of the kind; the facts printed on the card; what the
text says that counts here (the card's, or that of the ability, mode, variant or message); the way
in which an action is taken (its cost, and whether it differs from the card's); the zone and the
present condition of the card (size, counters, attachments); and the relations to the position.

The first four are the same whenever the option comes back, so they are kept as bytes and only put
together here; the last two are worked out. The order of the parts is the meaning of the row: a
change needs a new ``schema.MEANING``.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from trainingrun_protocol.decisions import Ability, Action, Card, Combatant, Entity

from trainingrun_environments.magic.facts import (
    FACTS_WIDTH,
    Facts,
    facts_of,
    facts_of_action,
    facts_of_name,
    mana_value,
)
from trainingrun_environments.magic.options import Option, OptionKind, Question
from trainingrun_environments.magic.relations import (
    RELATIONS,
    Attack,
    Values,
    action_relations,
    bare_relations,
    block_relations,
    card_relations,
    moment_of,
    no_block_relations,
    player_relations,
    stack_relations,
)
from trainingrun_environments.magic.spec import ACTION_WIDTH
from trainingrun_environments.magic.view import Creature, View, Zone, counters_of
from trainingrun_environments.magic.wording import (
    TEXT_WIDTH,
    Wording,
    keep,
    packed,
    wording_of,
)

_KINDS: Final = len(OptionKind)
_WAY: Final = 6
KEPT_WIDTH: Final = _KINDS + FACTS_WIDTH + TEXT_WIDTH + _WAY
_CONDITION: Final = len(Zone) + 11
_WORKED_OUT: Final = _CONDITION + RELATIONS
assert KEPT_WIDTH + _WORKED_OUT == ACTION_WIDTH, f"the parts add up to {KEPT_WIDTH + _WORKED_OUT}"

_NO_FACTS: Final = packed((0.0,) * FACTS_WIDTH)
_NO_TEXT: Final = packed((0.0,) * TEXT_WIDTH)
_NO_WAY: Final = packed((0.0,) * _WAY)
_NOWHERE: Final[Values] = (0.0,) * _CONDITION
_HELD: Final[Values] = (1.0, *_NOWHERE[1:-1], 1.0)
"""A card in the own hand: the zone, and that it is the own."""
_HEADS: Final = tuple(
    packed(tuple(1.0 if kind == place else 0.0 for place in range(_KINDS)))
    for kind in range(_KINDS)
)
_ZONES: Final[dict[Zone | None, Values]] = {
    None: (0.0,) * len(Zone),
    **{zone: tuple(1.0 if zone == place else 0.0 for place in Zone) for zone in Zone},
}


_Parts: TypeAlias = tuple[bytes, bytes, bytes, Values, Values]
"""What a row is put together from, behind its kind, in order; plain, for decisions make many."""


class _Way(NamedTuple):
    """How an action is taken, as read from its own text."""

    packed: bytes
    cost: int
    text: Wording | None
    """What the action says, where that is not what the card says."""


class Rows(NamedTuple):
    """The rows of a question's options, one after the other, in two halves.

    ``kept`` holds float16 [options, KEPT_WIDTH] as bytes, ``worked_out`` the numbers that follow.
    """

    kept: bytes
    worked_out: list[float]


def option_rows(question: Question) -> Rows:
    """Return one row per option, in order."""
    options = question.options
    attack = Attack(question) if options[0].kind is OptionKind.ATTACK else None
    kept: list[bytes] = []
    worked_out: list[float] = []
    moment = moment_of(question.view)
    for option in options:
        facts, wording, way, condition, relations = _parts(question, option, moment, attack)
        kept += (_HEADS[option.kind], facts, wording, way)
        worked_out += condition
        worked_out += relations
    return Rows(b"".join(kept), worked_out)


def _parts(question: Question, option: Option, moment: Values, attack: Attack | None) -> _Parts:
    view, item, kind = question.view, option.item, option.kind
    match item:
        case Action():
            return _action_parts(view, item, kind, moment)
        case Combatant():
            return _combatant_parts(question, option, item, attack)
        case Entity():
            return _entity_parts(view, item, kind)
        case Card():
            facts = facts_of(item)
            whose = _whose(view, item)
            condition = _condition(view, item, whose)
            relations = card_relations(view, item, whose)
            return facts.packed, facts.text.packed, _NO_WAY, condition, relations
        case Ability():
            return _mode_parts(view, item, moment)
        case None if attack is not None:
            return _NO_FACTS, _NO_TEXT, _NO_WAY, _NOWHERE, attack.done()
        case None if kind in _AGREED:
            return _message_parts(question, option, moment)
        case None:
            return _NO_FACTS, _NO_TEXT, _NO_WAY, _NOWHERE, bare_relations(question, option, moment)


_AGREED: Final = (OptionKind.YES, OptionKind.VALUE)
"""Options that do what the message says; their opposite stays bare, and so differs."""


def _action_parts(view: View, action: Action, kind: OptionKind, moment: Values) -> _Parts:
    facts, condition = view.held.get(action.card_id), _HELD
    printed = facts
    if facts is None:
        card = view.card(action.card_id)
        printed = None if card is None else facts_of(card)
        facts = printed or facts_of_action(action)
        condition = _NOWHERE if card is None else _condition(view, card, _whose(view, card))
    way = _way_of(action, "" if printed is None else printed.mana_cost, kind)
    text = way.text or facts.text
    damage = 0 if kind in (OptionKind.LAND, OptionKind.CREATURE) else text.damage
    if way.text is None and text.damage_unkicked != damage:
        damage = min(damage, text.damage_unkicked)
    relations = action_relations(view, moment, damage=damage, cost=way.cost)
    return facts.packed, text.packed, way.packed, condition, relations


def _combatant_parts(
    question: Question, option: Option, item: Combatant, attack: Attack | None
) -> _Parts:
    view = question.view
    if option.against is not None:
        relations = block_relations(question, item, option.against)
    elif option.kind is OptionKind.NO_BLOCK:
        relations = no_block_relations(question)
    else:
        assert attack is not None
        relations = attack.relations(item)
    card = view.card(item.id)
    if card is None:
        condition = _sized(_NOWHERE, view.creature(item))
        return facts_of_name(item.name).packed, _NO_TEXT, _NO_WAY, condition, relations
    facts = facts_of(card)
    condition = _condition(view, card, 1.0)
    return facts.packed, facts.text.packed, _NO_WAY, condition, relations


def _entity_parts(view: View, entity: Entity, kind: OptionKind) -> _Parts:
    match kind:
        case OptionKind.AT_OPPONENT | OptionKind.AT_SELF:
            return _NO_FACTS, _NO_TEXT, _NO_WAY, _NOWHERE, player_relations(view, kind)
        case OptionKind.AT_STACK:
            item = view.stacked(entity.id)
            text = entity.description if item is None else item.description
            wording = wording_of(text).packed
            facts = facts_of_name(entity.name if item is None else item.source_card)
            return facts.packed, wording, _NO_WAY, _NOWHERE, stack_relations(view, entity)
        case _:
            card = view.card(entity.id) or _card_of(entity)
    facts = facts_of(card)
    whose = _whose(view, card)
    condition = _condition(view, card, whose)
    relations = card_relations(view, card, whose)
    return facts.packed, facts.text.packed, _NO_WAY, condition, relations


def _card_of(entity: Entity) -> Card:
    """Return the card that an entity is, as read from its own fields."""
    return Card(
        id=entity.id,
        name=entity.name,
        oracle_text=entity.description,
        power=entity.power,
        toughness=entity.toughness,
        is_creature=entity.power is not None,
        is_planeswalker=entity.loyalty is not None,
        loyalty=entity.loyalty,
        controller_is_self=entity.controller_is_self,
    )


def _mode_parts(view: View, ability: Ability, moment: Values) -> _Parts:
    text = wording_of(ability.description)
    card = view.card(ability.card_id)
    facts = facts_of(card) if card is not None else facts_of_name(ability.description)
    relations = action_relations(view, moment, damage=text.damage, cost=0)
    condition = _NOWHERE if card is None else _condition(view, card, _whose(view, card))
    return facts.packed, text.packed, _NO_WAY, condition, relations


def _message_parts(question: Question, option: Option, moment: Values) -> _Parts:
    """Return what a yes is to: the card that asks, where it is known, and the words of the
    message."""
    view = question.view
    source: Facts | None = view.source
    facts = _NO_FACTS if source is None else source.packed
    wording = wording_of(view.decision.message).packed
    return facts, wording, _NO_WAY, _NOWHERE, bare_relations(question, option, moment)


def _way_of(action: Action, printed: str, kind: OptionKind) -> _Way:
    """Read an action's words and cost beside the printed cost, or remember what was read."""
    key = (action.card, action.description, action.mana_cost, printed, kind)
    known = _ways.get(key)
    return known if known is not None else keep(_ways, key, _read_way(action, printed, kind))


def _read_way(action: Action, printed: str, kind: OptionKind) -> _Way:
    text, cost = action.description, mana_value(action.mana_cost)
    is_ability = kind is OptionKind.ABILITY
    has_name = text.startswith(f"{action.card} (")
    has_other_cost = bool(printed) and action.mana_cost != printed and kind is not OptionKind.LAND
    is_variant = not is_ability and (has_name or has_other_cost)
    folded = text.casefold()
    values = (
        cost / 5,
        (cost - mana_value(printed)) / 5 if printed else 0.0,
        float(is_variant),
        float("{X}" in action.mana_cost or "{x}" in folded),
        float(is_ability and ("{t}" in folded or "tap" in folded)),
        float(is_ability and ("sacrifice" in folded or "exile" in folded)),
    )
    return _Way(packed(values), cost, wording_of(text) if is_ability or is_variant else None)


def _whose(view: View, card: Card) -> float:
    """1 for an own card, -1 for the opponent's, 0 where it is unknown."""
    if card.id in view.mine.table or card.id in view.held:
        return 1.0
    if card.id in view.theirs.table:
        return -1.0
    is_own = card.controller_is_self if card.owner_is_self is None else card.owner_is_self
    return 0.0 if is_own is None else 1.0 if is_own else -1.0


def _condition(view: View, card: Card, whose: float) -> Values:
    """Return where a card is, and how it is now."""
    counters = counters_of(card)
    creature = view.fighters.get(card.id)
    power = (card.power or 0) if creature is None else creature.power
    toughness = (card.toughness or 0) if creature is None else creature.toughness
    return (
        *_ZONES[view.zone_of(card.id)],
        power / 5,
        toughness / 5,
        counters.plus / 4,
        counters.minus / 4,
        counters.loyalty / 6,
        counters.stun / 2,
        counters.others / 4,
        view.attachments(card) / 2,
        1.0 if card.is_token else 0.0,
        1.0 if card.tapped else 0.0,
        whose,
    )


def _sized(condition: Values, creature: Creature) -> Values:
    """Return the condition with the size of a creature of which nothing else is known."""
    at = len(Zone)
    return (*condition[:at], creature.power / 5, creature.toughness / 5, *condition[at + 2 :])


_ways: Final[dict[tuple[str, str, str, str, OptionKind], _Way]] = {}
