"""Burn, removal and bounce."""

from trainingrun_daemon.rules.damage import deal_damage
from trainingrun_daemon.rules.model import (
    Card,
    Effect,
    Game,
    Player,
    Purpose,
    StackItem,
    Steps,
    TargetSpec,
    Zone,
)
from trainingrun_daemon.rules.targets import creatures, creatures_and_players, players
from trainingrun_daemon.rules.zones import move_card


def any_target(amount: int) -> TargetSpec:
    """A creature or player that will be dealt damage."""
    return TargetSpec(
        text="any target",
        candidates=creatures_and_players,
        purpose=Purpose.DAMAGE,
        amount=amount,
    )


def target_player(amount: int) -> TargetSpec:
    """A player who will be dealt damage."""
    return TargetSpec(
        text="target player", candidates=players, purpose=Purpose.DAMAGE, amount=amount
    )


def target_creature(purpose: Purpose) -> TargetSpec:
    """A creature that will be removed or returned."""
    return TargetSpec(text="target creature", candidates=creatures, purpose=purpose)


def damage_targets(amount: int) -> Effect:
    """Deal damage to each target."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for target in item.standing:
            if target is not None:
                say_damage(game, item, target, amount=amount)
                deal_damage(game, item.card, target, amount=amount)
        return None

    return resolve


def say_damage(game: Game, item: StackItem, target: Card | Player, *, amount: int) -> None:
    """Log damage by a spell or ability."""
    name = target.name if isinstance(target, Player) else f"{target.face.name} ({target.id})"
    game.say(f"{item.card.face.name} deals {amount} damage to {name}")


def standing_creature(item: StackItem) -> Card | None:
    """Give the first target when it is a creature that is still legal."""
    target = item.standing[0]
    return target if isinstance(target, Card) else None


def bounce_target(game: Game, item: StackItem) -> Steps | None:
    """Return the target to its owner's hand."""
    creature = standing_creature(item)
    if creature is not None:
        move_card(game, creature, Zone.HAND)
    return None
