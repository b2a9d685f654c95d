"""Counterspells and ward."""

from collections.abc import Generator

from trainingrun_daemon.rules.choices import Confirm, ask_confirm
from trainingrun_daemon.rules.effects.triggers import is_itself
from trainingrun_daemon.rules.enums import Event, Keyword, Purpose, Zone
from trainingrun_daemon.rules.mana import FREE, ManaCost, parse_cost
from trainingrun_daemon.rules.model import (
    Card,
    Effect,
    Game,
    Happening,
    Payment,
    StackItem,
    Trigger,
)
from trainingrun_daemon.rules.payments import (
    can_pay,
    can_pay_mana,
    free_sources,
    pay_mana,
    pay_others,
)
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.zones import move_card


def counter(game: Game, item: StackItem, *, to: Zone = Zone.GRAVEYARD) -> bool:
    """Counter a spell or ability; gives whether it was."""
    if item not in game.stack:
        return False
    if item.is_spell and Keyword.UNCOUNTERABLE in item.face.keywords:
        return False
    game.stack.remove(item)
    game.is_stale = True  # a saga may have waited for its last chapter
    game.say(f"{item.text} is countered")
    if item.is_spell:
        move_card(game, item.card, Zone.EXILE if item.leaves_to_exile else to)
    return True


def return_spell(game: Game, item: StackItem) -> None:
    """Return a spell to its owner's hand, which uncounterable ones do not escape."""
    if item in game.stack:
        game.stack.remove(item)
        game.say(f"{item.text} is returned")
        move_card(game, item.card, Zone.EXILE if item.leaves_to_exile else Zone.HAND)


def counter_targets(game: Game, item: StackItem) -> Steps | None:
    """Counter each target."""
    for target in item.standing:
        if isinstance(target, StackItem):
            counter(game, target)
    return None


def counter_unless(price: str, *, to: Zone = Zone.GRAVEYARD) -> Effect:
    """Counter the target unless its controller pays mana."""

    def resolve(game: Game, item: StackItem) -> Steps:
        target = item.standing[0]
        if isinstance(target, StackItem):
            paid = yield from ask_to_pay(game, target.controller, item, cost=parse_cost(price))
            if not paid:
                counter(game, target, to=to)

    return resolve


def ask_to_pay(
    game: Game,
    seat: int,
    item: StackItem,
    *,
    cost: ManaCost = FREE,
    payments: tuple[Payment, ...] = (),
    text: str = "",
) -> Generator[Choice, Answer, bool]:
    """Ask a player to pay for something that ``item`` demands; gives whether they did."""
    bill = StackItem(game.new_id(), seat, item.card, effect=None, text=item.text)
    sources = free_sources(game, seat, payments, source=item.card)
    if not all(can_pay(game, seat, part, source=item.card) for part in payments):
        return False
    if not can_pay_mana(cost, sources):
        return False
    message = f"{item.text}: pay {text or cost.text}?"
    if not (
        yield from ask_confirm(
            Confirm(seat, message=message, purpose=Purpose.PAY, source=item.card)
        )
    ):
        return False
    pay_mana(game, seat, cost, sources=sources)
    yield from pay_others(game, bill, payments)
    return True


def ward(price: str = "", payments: tuple[Payment, ...] = (), text: str = "") -> Trigger:
    """Ward: counter what an opponent targets it with unless they pay (rule 702.21)."""
    shown = text or price

    def is_opposed(game: Game, card: Card, happening: Happening) -> bool:
        return is_itself(game, card, happening) and happening.seat != card.controller

    def resolve(game: Game, item: StackItem) -> Steps:
        assert item.happening is not None
        target = item.happening.item
        if target is None or target not in game.stack:
            return
        cost = parse_cost(price)
        paid = yield from ask_to_pay(
            game, target.controller, item, cost=cost, payments=payments, text=shown
        )
        if not paid:
            counter(game, target)

    return Trigger(event=Event.TARGETED, text=f"ward {shown}", effect=resolve, condition=is_opposed)
