"""Continuous effects that many permanents have."""

from collections.abc import Callable

from trainingrun_daemon.rules.enums import Keyword, Layer
from trainingrun_daemon.rules.model import MAX_SPEED, Card, Game, Static, Trigger


def own_creatures(_game: Game, source: Card, card: Card) -> bool:
    """Creatures you control."""
    return card.is_creature and card.controller == source.controller


def other_own_creatures(game: Game, source: Card, card: Card) -> bool:
    """Other creatures you control."""
    return card is not source and own_creatures(game, source, card)


def host(_game: Game, source: Card, card: Card) -> bool:
    """The permanent that an aura or equipment is attached to."""
    return source.attached_to is card


def itself(_game: Game, source: Card, card: Card) -> bool:
    """The permanent with the ability."""
    return card is source


def itself_while(test: Callable[[Game, Card], bool]) -> Callable[[Game, Card, Card], bool]:
    """The permanent with the ability, as long as a test holds."""
    return lambda game, source, card: card is source and test(game, source)


def is_own_turn(game: Game, card: Card) -> bool:
    """Whether it is the turn of the permanent's controller."""
    return game.active == card.controller


def is_at_max_speed(game: Game, card: Card) -> bool:
    """Whether its controller has speed 4."""
    return game.players[card.controller].speed >= MAX_SPEED


def enlarge(power: int, toughness: int, applies: Callable[[Game, Card, Card], bool]) -> Static:
    """Give +X/+Y."""

    def change(_game: Game, _source: Card, card: Card) -> None:
        card.power += power
        card.toughness += toughness

    return Static(layer=Layer.SIZE, applies=applies, change=change)


def give(applies: Callable[[Game, Card, Card], bool], *keywords: Keyword) -> Static:
    """Give keywords."""
    granted = frozenset(keywords)

    def change(_game: Game, _source: Card, card: Card) -> None:
        card.keywords |= granted

    return Static(layer=Layer.ABILITIES, applies=applies, change=change)


def grant(applies: Callable[[Game, Card, Card], bool], *triggers: Trigger) -> Static:
    """Give triggered abilities, such as ward."""

    def change(_game: Game, _source: Card, card: Card) -> None:
        card.triggers += triggers

    return Static(layer=Layer.ABILITIES, applies=applies, change=change)


def define_size(size: Callable[[Game, Card], tuple[int, int]]) -> Static:
    """Define its power and toughness (``*/*``) by a count."""

    def change(game: Game, _source: Card, card: Card) -> None:
        card.power, card.toughness = size(game, card)

    return Static(layer=Layer.DEFINE_SIZE, applies=itself, change=change)
