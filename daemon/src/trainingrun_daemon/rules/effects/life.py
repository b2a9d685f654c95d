"""Gaining and losing life, and rules about it."""

from trainingrun_daemon.rules.damage import gain_life, lose_life
from trainingrun_daemon.rules.enums import Bar
from trainingrun_daemon.rules.model import Effect, Game, StackItem
from trainingrun_daemon.rules.steps import Steps


def gain(amount: int) -> Effect:
    """The controller gains life."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        gain_life(game, item.controller, amount)
        return None

    return resolve


def lose(amount: int) -> Effect:
    """The controller loses life."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        lose_life(game, game.players[item.controller], amount)
        return None

    return resolve


def drain_opponent(amount: int) -> Effect:
    """Each opponent loses life."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        lose_life(game, game.players[1 - item.controller], amount)
        return None

    return resolve


def bar_this_turn(*bars: Bar) -> Effect:
    """Suspend rules until the end of the turn ("damage can't be prevented this turn")."""

    def resolve(game: Game, _item: StackItem) -> Steps | None:
        game.bars.update(bars)
        return None

    return resolve
