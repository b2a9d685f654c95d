"""When abilities trigger: conditions, and triggers that many cards have."""

from collections.abc import Callable
from typing import Any, TypeAlias

from trainingrun_daemon.rules.enums import Event
from trainingrun_daemon.rules.events import note_ability
from trainingrun_daemon.rules.model import (
    Card,
    Delayed,
    Effect,
    Game,
    Happening,
    StackItem,
    Trigger,
)

Condition: TypeAlias = Callable[[Game, Card, Happening], bool]


def is_itself(_game: Game, card: Card, happening: Happening) -> bool:
    """Whether the event is about the permanent itself."""
    return happening.card is card


def is_own(_game: Game, card: Card, happening: Happening) -> bool:
    """Whether it is the controller's event: their spell, turn, draw, life, creature."""
    return happening.seat == card.controller


def is_opponents(_game: Game, card: Card, happening: Happening) -> bool:
    """Whether it is the opponent's event."""
    return happening.seat != card.controller


def both(*conditions: Condition) -> Condition:
    """Whether all conditions hold."""
    return lambda game, card, happening: all(test(game, card, happening) for test in conditions)


def spell_that(test: Callable[[StackItem], bool], *, own: bool = True) -> Condition:
    """Whether a spell is cast (by the controller, or by anybody) that passes a test."""

    def condition(_game: Game, card: Card, happening: Happening) -> bool:
        item = happening.item
        if item is None or (own and happening.seat != card.controller):
            return False
        return test(item)

    return condition


def permanent_that(
    test: Callable[[Card], bool], *, own: bool = True, other: bool = False
) -> Condition:
    """Whether the event is about a permanent (the controller's) that passes a test."""

    def condition(_game: Game, card: Card, happening: Happening) -> bool:
        subject = happening.card
        if subject is None or (own and happening.seat != card.controller):
            return False
        return not (other and subject is card) and test(subject)

    return condition


def damages_player(_game: Game, card: Card, happening: Happening) -> bool:
    """Whether the permanent itself dealt combat damage to a player."""
    return happening.card is card and happening.other is None and happening.is_combat


def attacks_with(test: Callable[[Card], bool]) -> Condition:
    """Whether the controller attacks with such creatures; once a combat, for the first of them."""

    def condition(game: Game, card: Card, happening: Happening) -> bool:
        if game.combat is None or happening.seat != card.controller:
            return False
        first = next((other for other in game.combat.attackers if test(other)), None)
        return first is not None and happening.card is first

    return condition


def when_enters(text: str, effect: Effect, **rest: Any) -> Trigger:
    """When this enters."""
    return Trigger(event=Event.ENTERS, text=text, effect=effect, condition=is_itself, **rest)


def when_dies(text: str, effect: Effect, **rest: Any) -> Trigger:
    """When this dies."""
    return Trigger(event=Event.DIES, text=text, effect=effect, condition=is_itself, **rest)


def when_leaves(text: str, effect: Effect, **rest: Any) -> Trigger:
    """When this leaves the battlefield."""
    return Trigger(event=Event.LEAVES, text=text, effect=effect, condition=is_itself, **rest)


def when_attacks(text: str, effect: Effect, **rest: Any) -> Trigger:
    """Whenever this attacks."""
    return Trigger(event=Event.ATTACKS, text=text, effect=effect, condition=is_itself, **rest)


def when_hits_player(text: str, effect: Effect, **rest: Any) -> Trigger:
    """Whenever this deals combat damage to a player."""
    return Trigger(event=Event.DAMAGES, text=text, effect=effect, condition=damages_player, **rest)


def at_upkeep(text: str, effect: Effect, **rest: Any) -> Trigger:
    """At the beginning of your upkeep."""
    return Trigger(event=Event.UPKEEP, text=text, effect=effect, condition=is_own, **rest)


def at_end_step(text: str, effect: Effect, **rest: Any) -> Trigger:
    """At the beginning of your end step."""
    return Trigger(event=Event.END_STEP, text=text, effect=effect, condition=is_own, **rest)


def at_combat(text: str, effect: Effect, **rest: Any) -> Trigger:
    """At the beginning of combat on your turn."""
    return Trigger(event=Event.COMBAT_BEGINS, text=text, effect=effect, condition=is_own, **rest)


def landfall(text: str, effect: Effect, **rest: Any) -> Trigger:
    """Landfall: whenever a land you control enters."""
    return Trigger(
        event=Event.ENTERS,
        text=text,
        effect=effect,
        condition=permanent_that(lambda card: card.is_land),
        **rest,
    )


def when_cast_noncreature(text: str, effect: Effect, **rest: Any) -> Trigger:
    """Whenever you cast a noncreature spell."""
    return Trigger(
        event=Event.SPELL_CAST,
        text=text,
        effect=effect,
        condition=spell_that(lambda item: not item.face.is_creature),
        **rest,
    )


def _is_targeted_by_owner(_game: Game, card: Card, happening: Happening) -> bool:
    return happening.card is card and happening.seat == card.controller


def valiant(text: str, effect: Effect, **rest: Any) -> Trigger:
    """Valiant: when it becomes your target for the first time each turn."""
    return Trigger(
        event=Event.TARGETED,
        text=text,
        effect=effect,
        condition=_is_targeted_by_owner,
        once_a_turn=True,
        **rest,
    )


def delay(
    game: Game, item: StackItem, *, event: Event, effect: Effect, text: str, seat: int | None = None
) -> None:
    """Make a delayed trigger of ``item.card`` that happens once, at the next such event."""
    later = delay_of(game, item.card, event=event, effect=effect, text=text, seat=seat)
    later.controller = item.controller
    later.paid = item.paid


def delay_of(
    game: Game, card: Card, *, event: Event, effect: Effect, text: str, seat: int | None = None
) -> StackItem:
    """Make a delayed trigger of a card that happens once, at the next such event; gives it."""
    later = note_ability(game, card, text=text, effect=effect)
    game.waiting_triggers.remove(later)
    game.delayed.append(Delayed(event, seat, later))
    return later
