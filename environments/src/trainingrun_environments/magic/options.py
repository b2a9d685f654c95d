"""The options of a question: what may be chosen, and of which kind each choice is.

Belongs here: from what the daemon lists to one flat list of legal options. Not here: the row of
questions that some decisions need (``answering``), and numbers (``rows``).

Options that no player could distinguish (the second of two equal lands in hand) are offered once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from enum import IntEnum
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct
from trainingrun_protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
)

from trainingrun_environments.magic.facts import facts_of_action
from trainingrun_environments.magic.view import View, Zone

MAX_OPTIONS: Final = 256
_MOST_VALUES: Final = 33
_LARGEST_VALUE: Final = 999_999_999
"""Longer numbers are no answer: no server reads them."""

Thing = TypeVar("Thing")
Entry = TypeVar("Entry", Ability, Card, Combatant, Entity)


class OptionKind(IntEnum):
    """What an option does; its place in the one-hot part of an action row."""

    PASS = 0
    LAND = 1
    CREATURE = 2
    SPELL = 3
    ABILITY = 4
    ATTACK = 5
    DONE = 6
    BLOCK = 7
    NO_BLOCK = 8
    YES = 9
    NO = 10
    AT_OPPONENT = 11
    AT_SELF = 12
    AT_CARD = 13
    PICK = 14
    VALUE = 15
    MODE = 16
    AT_STACK = 17
    AT_PLANESWALKER = 18
    DECLINE = 19


Item: TypeAlias = Action | Combatant | Entity | Card | Ability | None


class Option(Struct, frozen=True):
    """One legal choice: ``item`` is what the daemon listed, ``against`` the attacker of a block.

    ``index`` is the number that goes into the answer line.
    """

    kind: OptionKind
    index: int = -1
    item: Item = None
    against: Combatant | None = None


class Question(Struct):
    """One choice to make: the position, the options, and what was chosen before in this decision.

    ``subject`` is the blocker that the options are about, where there is one.
    """

    view: View
    options: tuple[Option, ...]
    chosen: tuple[Option, ...] = ()
    subject: Combatant | None = None


PASS: Final = Option(OptionKind.PASS)
DECLINE: Final = Option(OptionKind.DECLINE)
DONE: Final = Option(OptionKind.DONE)


def listed_options(view: View) -> tuple[Option, ...]:
    """Return all options of a decision that is answered by one of them; never empty."""
    decision = view.decision
    match decision.decision_type:
        case DecisionType.CHOOSE_ACTION:
            return _action_options(view)
        case DecisionType.CHOOSE_ENTITY:
            return _or_decline(
                [_entity_option(view, *entry) for entry in _listed(decision.entities)], decision
            )
        case DecisionType.CHOOSE_ABILITY:
            return _or_decline(
                [Option(OptionKind.MODE, at, item) for at, item in _listed(decision.abilities)],
                decision,
            )
        case _:
            values = _values(decision.min, decision.max)
            return tuple(Option(OptionKind.VALUE, value) for value in values)


def distinct(items: list[Thing], key: Callable[[Thing], Hashable]) -> list[Thing]:
    """Return the first of each group of items that have the same key, in order."""
    if len(items) < 2:
        return items
    first: dict[Hashable, Thing] = {}
    for item in items:
        first.setdefault(key(item), item)
    return list(first.values())


def numbered(items: Sequence[Entry]) -> Iterable[tuple[int, Entry]]:
    """Return the entries with the numbers that answers name; positions where there are none.

    A server may leave entries out of a list and keep the numbers of the others.
    """
    for place, item in enumerate(items):
        yield (item.index if item.index >= 0 else place), item


def _listed(items: Sequence[Entry]) -> Iterable[tuple[int, Entry]]:
    return numbered(items[:MAX_OPTIONS])


def _or_decline(listed: list[Option], decision: Decision) -> tuple[Option, ...]:
    may_decline = decision.optional or not listed
    return (*listed, DECLINE) if may_decline else tuple(listed)


def _action_options(view: View) -> tuple[Option, ...]:
    listed = [action for action in view.decision.actions if action.index >= 0]
    unique = distinct(listed, lambda action: _visible_key(action, view))
    options = [Option(_kind_of(action, view), action.index, action) for action in unique]
    return (*options[:MAX_OPTIONS], PASS)


def _visible_key(action: Action, view: View) -> Hashable:
    """Return what distinguishes an action: its permanent matters, which hand card does not."""
    place = -1 if action.card_id in view.held else action.card_id
    return action.card, action.description, action.mana_cost, place


def _kind_of(action: Action, view: View) -> OptionKind:
    if action.is_land:
        return OptionKind.LAND
    text = action.description
    if text.startswith((f"{action.card}:", "{")):
        return OptionKind.ABILITY
    facts = view.held.get(action.card_id)
    if facts is None:
        if view.zone_of(action.card_id) is Zone.BATTLEFIELD:
            return OptionKind.ABILITY
        facts = view.facts(action.card_id) or facts_of_action(action)
    return OptionKind.CREATURE if facts.is_creature else OptionKind.SPELL


def _entity_option(view: View, index: int, entity: Entity) -> Option:
    decision = view.decision
    names = [player.name for player in decision.game_state.players]
    if entity.type == "player" or (entity.type != "card" and entity.name in names):
        is_self = entity.name == decision.player if entity.is_self is None else entity.is_self
        return Option(OptionKind.AT_SELF if is_self else OptionKind.AT_OPPONENT, index, entity)
    if entity.type in _STACK_TYPES:
        return Option(OptionKind.AT_STACK, index, entity)
    card = view.card(entity.id)
    if entity.loyalty is not None or (card is not None and card.is_planeswalker):
        return Option(OptionKind.AT_PLANESWALKER, index, entity)
    return Option(OptionKind.AT_CARD, index, entity)


_STACK_TYPES: Final = ("stack", "spell", "ability")


def _values(low: int, high: int) -> Iterable[int]:
    """Return all values, or evenly spread ones with both ends when there are too many to list."""
    low = max(-_LARGEST_VALUE, min(_LARGEST_VALUE, low))
    high = max(low, min(_LARGEST_VALUE, high))
    if high - low < _MOST_VALUES:
        return range(low, high + 1)
    steps = _MOST_VALUES - 1
    return [low + (high - low) * step // steps for step in range(_MOST_VALUES)]
