"""How permanents enter: tapped, with counters, attached, after a payment (rule 614)."""

from collections.abc import Callable
from typing import Final

from trainingrun_daemon.rules.choices import ChooseAbility, Confirm, ask_ability, ask_confirm
from trainingrun_daemon.rules.damage import lose_life
from trainingrun_daemon.rules.enums import Purpose
from trainingrun_daemon.rules.model import Card, Game
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import PLUS, add_counters

BASIC_TYPES: Final = {
    "Plains": "W",
    "Island": "U",
    "Swamp": "B",
    "Mountain": "R",
    "Forest": "G",
}
_SAFE_LIFE: Final = 6


def tapped(_game: Game, card: Card) -> Steps | None:
    """It enters tapped."""
    card.tapped = True
    return None


def tapped_unless(
    test: Callable[[Game, Card], bool],
) -> Callable[[Game, Card], Steps | None]:
    """It enters tapped unless a test holds; the card is already on the battlefield then."""

    def enter(game: Game, card: Card) -> Steps | None:
        card.tapped = card.tapped or not test(game, card)
        return None

    return enter


def with_counters(
    count: Callable[[Game, Card], int], kind: str = PLUS
) -> Callable[[Game, Card], Steps | None]:
    """It enters with counters."""

    def enter(game: Game, card: Card) -> Steps | None:
        number = count(game, card)
        if number > 0:
            add_counters(game, card, kind, number)
        return None

    return enter


def paying_life(amount: int) -> Callable[[Game, Card], Steps | None]:
    """It enters tapped unless its controller pays life."""

    def enter(game: Game, card: Card) -> Steps:
        player = game.players[card.controller]
        is_paid = False
        if player.life >= amount and not card.tapped:
            confirm = Confirm(
                player.seat,
                message=f"Pay {amount} life, so that {card.face.name} enters untapped?",
                purpose=Purpose.PAY,
                is_wise=player.life > _SAFE_LIFE,
                source=card,
            )
            is_paid = yield from ask_confirm(confirm)
        if is_paid:
            lose_life(game, player, amount)
        else:
            card.tapped = True

    return enter


def choosing_basic_type(game: Game, card: Card) -> Steps:
    """A basic land type is chosen for it (``Card.chosen``)."""
    names = _types_by_need(game, card)
    choice = ChooseAbility(
        card.controller, names, source=card, message=f"{card.face.name}: choose a basic land type"
    )
    card.chosen = names[(yield from ask_ability(choice))]
    game.is_stale = True


def _types_by_need(game: Game, card: Card) -> list[str]:
    """Order the basic land types by how often the hand needs their colour."""
    player = game.players[card.controller]
    needs = "".join("".join(held.face.cost.pips) for held in player.hand)
    return sorted(BASIC_TYPES, key=lambda name: -needs.count(BASIC_TYPES[name]))


def in_order(
    *steps: Callable[[Game, Card], Steps | None],
) -> Callable[[Game, Card], Steps | None]:
    """Do one thing after the other as it enters."""

    def enter(game: Game, card: Card) -> Steps:
        for step in steps:
            running = step(game, card)
            if running is not None:
                yield from running

    return enter
