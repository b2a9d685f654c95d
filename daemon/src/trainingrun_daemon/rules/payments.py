"""Paying costs: mana from sources, and everything else that a cost can ask for.

Whether something can be paid is checked before it is offered, so paying never fails: an action that
a client sees in its list works. Mana comes from what is missed least: floating mana, basic lands,
other lands, creatures, treasures.
"""

from dataclasses import dataclass

from trainingrun_daemon.rules.choices import ChooseCards, ask_cards
from trainingrun_daemon.rules.damage import lose_life
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Purpose, Zone
from trainingrun_daemon.rules.mana import ManaCost, choose_sources
from trainingrun_daemon.rules.model import Card, CardFace, FloatingMana, Game, Payment, StackItem
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import (
    LOYALTY,
    add_counters,
    discard,
    move_card,
    remove_counters,
    sacrifice,
)

_LOYALTY_USED = "loyalty ability"
_FLOATING_RANK = -1


@dataclass(frozen=True, slots=True)
class ManaSource:
    """Something that makes one mana now: a permanent, or mana in the pool."""

    rank: int
    colors: str
    card: Card | None = None
    floating: FloatingMana | None = None
    is_sacrificed: bool = False


def can_tap(card: Card) -> bool:
    """Return whether a permanent can pay {T} (rule 302.6 about summoning sickness)."""
    if card.tapped:
        return False
    return not (card.is_creature and card.is_sick) or Keyword.HASTE in card.keywords


def mana_sources(
    game: Game, seat: int, *, spell: CardFace | None = None, without: Card | None = None
) -> list[ManaSource]:
    """Return the sources of a seat for a spell (None: for an ability), the least missed first."""
    player = game.players[seat]
    sources = [ManaSource(_FLOATING_RANK, mana.color, floating=mana) for mana in player.pool]
    for card in player.battlefield:
        if card.mana and card is not without and can_tap(card):
            source = _source(game, card, spell)
            if source is not None:
                sources.append(source)
    sources.sort(key=lambda source: source.rank)
    return sources


def _source(game: Game, card: Card, spell: CardFace | None) -> ManaSource | None:
    colors = ""
    is_sacrificed = False
    for ability in card.mana:
        if ability.condition is not None and not ability.condition(game, card):
            continue
        if ability.only_for is not None and (spell is None or not ability.only_for(spell)):
            continue
        colors += ability.colors
        is_sacrificed = ability.is_sacrificed
    if not colors:
        return None
    rank = card.face.mana_rank + (20 if card.is_creature and not card.face.is_creature else 0)
    return ManaSource(rank, colors, card, is_sacrificed=is_sacrificed)


def can_pay_mana(cost: ManaCost, sources: list[ManaSource]) -> bool:
    """Return whether these sources pay a cost."""
    if cost.mana_value > len(sources):
        return False
    return choose_sources(cost, [source.colors for source in sources]) is not None


def pay_mana(game: Game, seat: int, cost: ManaCost, *, sources: list[ManaSource]) -> None:
    """Take the mana for a cost from sources that can pay it."""
    chosen = choose_sources(cost, [source.colors for source in sources])
    assert chosen is not None, "only what can be paid for is offered"
    for position in chosen:
        source = sources[position]
        if source.floating is not None:
            game.players[seat].pool.remove(source.floating)
        elif source.card is not None:
            source.card.tapped = True
            if source.is_sacrificed:
                sacrifice(game, source.card)


def greatest_x(cost: ManaCost, sources: list[ManaSource]) -> int:
    """Return the greatest X that these sources can pay."""
    x = (len(sources) - cost.mana_value) // max(cost.xs, 1)
    while x > 0 and not can_pay_mana(cost.with_x(x), sources):
        x -= 1
    return max(x, 0)


def free_sources(
    game: Game,
    seat: int,
    payments: tuple[Payment, ...],
    *,
    source: Card,
    spell: CardFace | None = None,
) -> list[ManaSource]:
    """Return the mana sources that remain when these payments are made as well.

    A permanent that could be sacrificed or tapped for the cost itself makes no mana for it.
    """
    if not payments:
        return mana_sources(game, seat, spell=spell)
    uses_itself = any(
        payment.kind in (PaymentKind.TAP, PaymentKind.SACRIFICE_SELF, PaymentKind.EXILE_SELF)
        for payment in payments
    )
    found = mana_sources(game, seat, spell=spell, without=source if uses_itself else None)
    busy = [
        card
        for payment in payments
        if payment.kind in _FROM_BATTLEFIELD
        for card in _candidates(game, seat, payment, source=source)
    ]
    return [entry for entry in found if entry.card is None or entry.card not in busy]


_FROM_BATTLEFIELD = frozenset(
    {
        PaymentKind.SACRIFICE,
        PaymentKind.TAP_OTHER,
        PaymentKind.TAP_PERMANENTS,
        PaymentKind.TAP_POWER,
        PaymentKind.RETURN,
    }
)
_TAPPING = frozenset({PaymentKind.TAP_OTHER, PaymentKind.TAP_POWER})


def can_pay(game: Game, seat: int, payment: Payment, *, source: Card) -> bool:
    """Return whether a seat can make a payment for a spell or ability of ``source``."""
    match payment.kind:
        case PaymentKind.TAP:
            return can_tap(source)
        case PaymentKind.LIFE:
            return game.players[seat].life >= payment.amount
        case PaymentKind.LOYALTY:
            is_unused = source.used.get(_LOYALTY_USED) != game.turn
            return is_unused and source.counters.get(LOYALTY, 0) >= -payment.amount
        case PaymentKind.REMOVE_COUNTERS:
            return source.counters.get(payment.counter, 0) >= payment.amount
        case PaymentKind.TAP_POWER:
            crew = _candidates(game, seat, payment, source=source)
            return sum(max(card.power, 0) for card in crew) >= payment.amount
        case PaymentKind.SACRIFICE_SELF | PaymentKind.EXILE_SELF | PaymentKind.DISCARD_SELF:
            return True
        case _:
            return len(_candidates(game, seat, payment, source=source)) >= payment.amount


def _candidates(game: Game, seat: int, payment: Payment, *, source: Card) -> list[Card]:
    """Return the cards that a payment can be made with, those missed least first."""
    player = game.players[seat]
    match payment.kind:
        case PaymentKind.DISCARD:
            cards = [card for card in player.hand if card is not source]
        case PaymentKind.EXILE_FROM_GRAVEYARD:
            cards = [card for card in player.graveyard if card is not source]
        case PaymentKind.TAP_PERMANENTS:
            cards = [card for card in player.battlefield if not card.tapped]
        case _ if payment.kind in _TAPPING:
            cards = [
                card
                for card in player.battlefield
                if card.is_creature and not card.tapped and card is not source
            ]
        case _:
            cards = list(player.battlefield)
    if payment.what is not None:
        cards = [card for card in cards if payment.what(source, card)]
    if payment.kind is PaymentKind.TAP_STRONGEST:
        return sorted(cards, key=lambda card: -card.power)[: payment.amount]
    return sorted(cards, key=_how_missed)


def _how_missed(card: Card) -> tuple[bool, int]:
    value = 2 * card.power + card.toughness if card.is_creature else card.face.cost.mana_value
    return (not card.is_token, value)


def pay_others(game: Game, item: StackItem, payments: tuple[Payment, ...]) -> Steps:
    """Make all payments but mana for a spell or ability; ``item.paid`` says with which cards."""
    for payment in payments:
        yield from _pay(game, item, payment)


def _pay(game: Game, item: StackItem, payment: Payment) -> Steps:
    source, seat = item.card, item.controller
    match payment.kind:
        case PaymentKind.TAP:
            source.tapped = True
        case PaymentKind.SACRIFICE_SELF:
            sacrifice(game, source)
        case PaymentKind.EXILE_SELF:
            move_card(game, source, Zone.EXILE)
        case PaymentKind.DISCARD_SELF:
            discard(game, source)
        case PaymentKind.LIFE:
            lose_life(game, game.players[seat], payment.amount)
        case PaymentKind.LOYALTY:
            source.used[_LOYALTY_USED] = game.turn
            change = add_counters if payment.amount >= 0 else remove_counters
            change(game, source, LOYALTY, abs(payment.amount))
        case PaymentKind.REMOVE_COUNTERS:
            remove_counters(game, source, payment.counter, payment.amount)
        case PaymentKind.TAP_POWER:
            _tap_power(_candidates(game, seat, payment, source=source), payment.amount)
        case _:
            yield from _pay_with_cards(game, item, payment)


def _tap_power(crew: list[Card], power: int) -> None:
    """Tap creatures for a crew cost: those that can not attack anyway, then the weakest."""
    for card in sorted(crew, key=lambda card: (not card.is_sick, card.power)):
        if power <= 0:
            return
        if card.power > 0:
            card.tapped = True
            power -= card.power


def _pay_with_cards(game: Game, item: StackItem, payment: Payment) -> Steps:
    amount = payment.amount
    choice = ChooseCards(
        item.controller,
        _candidates(game, item.controller, payment, source=item.card),
        count=(amount, amount),
        message=f"{item.card.face.name}: choose {amount} to {payment.kind}",
        purpose=_PURPOSES.get(payment.kind, Purpose.SACRIFICE),
    )
    cards = yield from ask_cards(choice)
    item.paid = (*item.paid, *cards)
    for card in cards:
        _use_up(game, payment.kind, card)


_PURPOSES = {
    PaymentKind.DISCARD: Purpose.DISCARD,
    PaymentKind.TAP_OTHER: Purpose.TAP,
    PaymentKind.TAP_PERMANENTS: Purpose.TAP,
}


def _use_up(game: Game, kind: PaymentKind, card: Card) -> None:
    match kind:
        case PaymentKind.SACRIFICE:
            sacrifice(game, card)
        case PaymentKind.DISCARD:
            discard(game, card)
        case PaymentKind.TAP_OTHER | PaymentKind.TAP_STRONGEST | PaymentKind.TAP_PERMANENTS:
            card.tapped = True
        case PaymentKind.EXILE_FROM_GRAVEYARD:
            move_card(game, card, Zone.EXILE)
        case PaymentKind.RETURN:
            move_card(game, card, Zone.HAND)
        case _:
            raise ValueError(f"{kind} is not paid with cards")
