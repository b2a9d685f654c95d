"""Putting effects together."""

from trainingrun_daemon.rules.choices import ChooseAbility, Confirm, ask_ability, ask_confirm
from trainingrun_daemon.rules.enums import Purpose
from trainingrun_daemon.rules.model import Card, Effect, Game, Player, StackItem, Target
from trainingrun_daemon.rules.steps import Steps


def in_order(*effects: Effect) -> Effect:
    """Do one thing after the other."""

    def resolve(game: Game, item: StackItem) -> Steps:
        for effect in effects:
            steps = effect(game, item)
            if steps is not None:
                yield from steps

    return resolve


def if_cast(way: str, then: Effect, otherwise: Effect | None = None) -> Effect:
    """Do ``then`` when the spell was cast in this way (``Kicker``), else the other thing."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        effect = then if item.way == way else otherwise
        return None if effect is None else effect(game, item)

    return resolve


def may(message: str, effect: Effect, *, purpose: Purpose = Purpose.USE) -> Effect:
    """Do it when the controller agrees."""

    def resolve(game: Game, item: StackItem) -> Steps:
        if (
            yield from ask_confirm(
                Confirm(item.controller, message=message, purpose=purpose, source=item.card)
            )
        ):
            steps = effect(game, item)
            if steps is not None:
                yield from steps

    return resolve


def choose_one(message: str, *options: tuple[str, Effect]) -> Effect:
    """Let the controller choose on resolution what happens."""

    def resolve(game: Game, item: StackItem) -> Steps:
        names = [name for name, _ in options]
        choice = ChooseAbility(item.controller, names, source=item.card, message=message)
        position = yield from ask_ability(choice)
        steps = options[position][1](game, item)
        if steps is not None:
            yield from steps

    return resolve


def controller_of(game: Game, item: StackItem) -> Player:
    """Return the player who controls a spell or ability."""
    return game.players[item.controller]


def standing_cards(item: StackItem) -> list[Card]:
    """Return the targets of a resolving item that are cards and still legal."""
    return [target for target in item.standing if isinstance(target, Card)]


def first_card(item: StackItem) -> Card | None:
    """Return the first target when it is a card that is still legal."""
    target: Target | None = item.standing[0] if item.standing else None
    return target if isinstance(target, Card) else None
