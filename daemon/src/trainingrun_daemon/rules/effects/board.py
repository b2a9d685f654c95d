"""Tokens, tapping, exile until something leaves, blinking, sacrifices, attaching."""

from collections.abc import Callable

from trainingrun_daemon.rules.choices import ChooseCards, ask_cards
from trainingrun_daemon.rules.effects.combinators import first_card, standing_cards
from trainingrun_daemon.rules.effects.pump import animate
from trainingrun_daemon.rules.effects.targeting import target_own_creature
from trainingrun_daemon.rules.enums import PaymentKind, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Card,
    CardFace,
    Effect,
    Game,
    Payment,
    StackItem,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import (
    STUN,
    add_counters,
    create_token,
    exile_while,
    put_on_battlefield,
    sacrifice,
    untap,
)


def make_tokens(face: CardFace, count: int = 1, *, tapped: bool = False) -> Effect:
    """Create tokens for the controller."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for _ in range(count):
            create_token(game, face, item.controller, tapped=tapped)
        return None

    return resolve


def copy_target(game: Game, item: StackItem) -> Steps:
    """Create a token that is a copy of the target (rule 707).

    It enters as the original would; what changes the original now is not copied.
    """
    card = first_card(item)
    if card is None:
        return
    copy = Card(game.new_id(), card.face, owner=item.controller, zone=Zone.STACK)
    copy.is_token = True
    yield from put_on_battlefield(game, copy)


def tap_targets(stun: int = 0) -> Effect:
    """Tap each target, with stun counters if any are given."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for card in standing_cards(item):
            card.tapped = True
            if stun:
                add_counters(game, card, STUN, stun)
        return None

    return resolve


def untap_targets(game: Game, item: StackItem) -> Steps | None:
    """Untap each target."""
    for card in standing_cards(item):
        untap(game, card)
    return None


def exile_targets_until_it_leaves(game: Game, item: StackItem) -> Steps | None:
    """Exile each target until the source leaves the battlefield (rule 610.3)."""
    if item.source_is_there:
        for card in standing_cards(item):
            exile_while(game, item.card, card, back_to=Zone.BATTLEFIELD)
    return None


def make_opponent_sacrifice(
    test: Callable[[Card], bool] = lambda card: card.is_creature,
) -> Effect:
    """The opponent sacrifices a permanent of their choice."""

    def resolve(game: Game, item: StackItem) -> Steps:
        player = game.players[1 - item.controller]
        fitting = [card for card in player.battlefield if test(card)]
        if not fitting:
            return
        choice = ChooseCards(
            player.seat,
            sorted(fitting, key=lambda card: 2 * card.power + card.toughness),
            count=(1, 1),
            message=f"{item.card.face.name}: choose what you sacrifice",
            purpose=Purpose.SACRIFICE,
        )
        for card in (yield from ask_cards(choice)):
            sacrifice(game, card)

    return resolve


def attach_to_target(game: Game, item: StackItem) -> Steps | None:
    """Attach the source of the ability to the target (rule 701.3)."""
    card = first_card(item)
    if card is not None and item.source_is_there:
        item.card.attached_to = card
        item.card.stamp = game.tick()
        game.is_stale = True
    return None


def equip(price: str) -> Activated:
    """Equip (rule 702.6)."""
    return Activated(
        text=f"Equip {price}",
        cost=parse_cost(price),
        effect=attach_to_target,
        targets=(target_own_creature(Purpose.GROW),),
        at_sorcery_speed=True,
    )


def crew(power: int) -> Activated:
    """Crew (rule 702.122): tap creatures, and the vehicle is a creature this turn."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        if item.source_is_there:
            face = item.card.face
            animate(game, item.card, size=(face.power, face.toughness))
        return None

    return Activated(
        text=f"Crew {power}",
        effect=resolve,
        payments=(Payment(kind=PaymentKind.TAP_POWER, amount=power),),
        condition=lambda _game, card: not card.is_creature,
        use=Use.ANIMATE,
    )
