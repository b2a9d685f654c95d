"""Damage, destruction, exile, bounce, weakening."""

from collections.abc import Callable

from trainingrun_daemon.rules.damage import deal_damage
from trainingrun_daemon.rules.effects.combinators import standing_cards
from trainingrun_daemon.rules.enums import Zone
from trainingrun_daemon.rules.model import Card, Effect, Game, Player, StackItem, Target
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import destroy_together, move_together


def hit(game: Game, item: StackItem, target: Target, amount: int) -> int:
    """Deal damage by a spell or ability, and log it; gives how much was dealt."""
    if amount <= 0 or isinstance(target, StackItem):
        return 0
    name = target.name if isinstance(target, Player) else f"{target.face.name} ({target.id})"
    game.say(f"{item.card.face.name} deals {amount} damage to {name}")
    return deal_damage(game, item.card, target, amount=amount)


def damage_targets(amount: int) -> Effect:
    """Deal damage to each target."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for target in item.standing:
            if target is not None:
                hit(game, item, target, amount)
        return None

    return resolve


def damage_targets_by(amount: Callable[[Game, StackItem], int]) -> Effect:
    """Deal damage that is computed on resolution to each target."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        dealt = amount(game, item)
        for target in item.standing:
            if target is not None:
                hit(game, item, target, dealt)
        return None

    return resolve


def damage_opponent(amount: int) -> Effect:
    """Deal damage to each opponent."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        hit(game, item, game.players[1 - item.controller], amount)
        return None

    return resolve


def damage_creatures(
    amount: int, which: Callable[[StackItem, Card], bool] = lambda _item, _card: True
) -> Effect:
    """Deal damage to every creature (that passes the test)."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for player in game.players:
            for card in list(player.battlefield):
                if card.is_creature and which(item, card):
                    hit(game, item, card, amount)
        return None

    return resolve


def destroy_targets(game: Game, item: StackItem) -> Steps | None:
    """Destroy each target."""
    destroy_together(game, standing_cards(item))
    return None


def destroy_all(test: Callable[[Card], bool] = lambda card: card.is_creature) -> Effect:
    """Destroy all permanents that pass the test, by default all creatures."""

    def resolve(game: Game, _item: StackItem) -> Steps | None:
        doomed = [card for player in game.players for card in player.battlefield if test(card)]
        destroy_together(game, doomed)
        return None

    return resolve


def exile_targets(game: Game, item: StackItem) -> Steps | None:
    """Exile each target."""
    move_together(game, standing_cards(item), Zone.EXILE)
    return None


def bounce_targets(game: Game, item: StackItem) -> Steps | None:
    """Return each target to its owner's hand."""
    move_together(game, standing_cards(item), Zone.HAND)
    return None


def exile_if_it_dies(_game: Game, item: StackItem) -> Steps | None:
    """Each target that would die this turn is exiled instead. Comes before the damage."""
    for card in standing_cards(item):
        card.exiled_if_dies = True
    return None


def fight(game: Game, one: Card, other: Card) -> None:
    """Two creatures deal damage to each other equal to their power (rule 701.14)."""
    if one.zone is other.zone is Zone.BATTLEFIELD:
        power = other.power
        deal_damage(game, one, other, amount=one.power)
        deal_damage(game, other, one, amount=power)


def fight_targets(game: Game, item: StackItem) -> Steps | None:
    """The first target fights the second."""
    cards = standing_cards(item)
    if len(cards) == 2:
        fight(game, cards[0], cards[1])
    return None


def bite_target(game: Game, item: StackItem) -> Steps | None:
    """The first target deals damage equal to its power to the second."""
    cards = standing_cards(item)
    if len(cards) == 2:
        deal_damage(game, cards[0], cards[1], amount=cards[0].power)
    return None
