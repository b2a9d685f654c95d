"""Other ways to cast a card that its face only names: plot, warp, harmonize, offspring.

Border: what a way costs and when it is open. What the spell does is the card's own affair.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from trainingrun_daemon.rules.continuous import FOREVER
from trainingrun_daemon.rules.effects.library import allow_play
from trainingrun_daemon.rules.effects.triggers import delay_of
from trainingrun_daemon.rules.enums import Event, PaymentKind, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Card,
    CardFace,
    Game,
    Happening,
    Payment,
    Special,
    StackItem,
    Trigger,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import create_token, move_card

OFFSPRING = "Offspring"
WARP = "Warp"
HARMONIZE = "Harmonize"


def plot(cost: str) -> Special:
    """Plot: exile it from hand for a cost and cast it free on a later turn (rule 702.170)."""

    def act(game: Game, card: Card) -> None:
        move_card(game, card, Zone.EXILE)
        allow_play(game, card, card.owner, first_turn=game.turn + 1, last_turn=FOREVER, free=True)

    return Special(name="Plot", cost=parse_cost(cost), act=act)


def warp(cost: str) -> Way:
    """Warp: cast it from hand for a cost that keeps it for one turn.

    The face needs ``as_enters=leaving_after_warp`` too.
    """
    return Way(
        name=WARP,
        cost=parse_cost(cost),
        condition=lambda _game, card: card.zone is Zone.HAND,
    )


def leaving_after_warp(game: Game, card: Card) -> Steps | None:
    """Cast for its warp cost, it goes to exile at the next end step, to be cast later."""
    if card.cast_way == WARP:
        delay_of(game, card, event=Event.END_STEP, effect=_exile_for_later, text="exile it.")
    return None


def _exile_for_later(game: Game, item: StackItem) -> Steps | None:
    card = item.card
    if item.source_is_there:
        move_card(game, card, Zone.EXILE)
        if not card.is_token:
            allow_play(game, card, item.controller, first_turn=game.turn + 1, last_turn=FOREVER)
    return None


def harmonize(cost: str) -> tuple[Way, Way]:
    """Harmonize: cast it from the graveyard, cheaper by the power of a creature tapped for it.

    Simplified: who taps a creature taps the one with the greatest power.
    """
    price = parse_cost(cost)
    return (
        Way(name=HARMONIZE, cost=price, zone=Zone.GRAVEYARD, exiled_after=True),
        Way(
            name=f"{HARMONIZE}, tapping a creature",
            cost=price,
            zone=Zone.GRAVEYARD,
            exiled_after=True,
            discount=_greatest_untapped_power,
            payments=(Payment(kind=PaymentKind.TAP_STRONGEST),),
        ),
    )


def _greatest_untapped_power(game: Game, card: Card) -> int:
    powers = (
        other.power
        for other in game.players[card.owner].battlefield
        if other.is_creature and not other.tapped
    )
    return max(powers, default=0)


def offspring(cost: str, extra: str) -> Way:
    """Offspring: pay more as it is cast, and it brings a small copy of itself (rule 702.175).

    The face needs ``OFFSPRING_ENTERS`` among its triggers too.
    """
    return Way(name=OFFSPRING, cost=parse_cost(cost).plus(parse_cost(extra)))


def _has_offspring(_game: Game, card: Card, happening: Happening) -> bool:
    return happening.card is card and card.cast_way == OFFSPRING


@lru_cache(maxsize=64)
def _small_copy(face: CardFace) -> CardFace:
    return replace(face, power=1, toughness=1)


def _bring_offspring(game: Game, item: StackItem) -> Steps | None:
    create_token(game, _small_copy(item.face), item.controller)
    return None


OFFSPRING_ENTERS: Final = Trigger(
    event=Event.ENTERS,
    text="create a 1/1 token that is a copy of it.",
    effect=_bring_offspring,
    condition=_has_offspring,
)
"""What offspring does when the creature enters."""
