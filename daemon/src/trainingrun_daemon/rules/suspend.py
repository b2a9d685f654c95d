"""Suspend (rule 702.62): a card waits in exile under time counters and is then cast for nothing."""

from typing import Final

from trainingrun_daemon.rules.casting import can_cast_free, cast_free
from trainingrun_daemon.rules.choices import Confirm, ConfirmKind, ask_confirm
from trainingrun_daemon.rules.continuous import last
from trainingrun_daemon.rules.enums import Keyword, Layer, Purpose, Zone
from trainingrun_daemon.rules.events import note_ability
from trainingrun_daemon.rules.mana import FREE, parse_cost
from trainingrun_daemon.rules.model import Card, Game, Special, StackItem, Way
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import add_counters, move_card, remove_counters

TIME: Final = "TIME"
SUSPENDED: Final = Way(name="suspended", cost=FREE)


def suspend(turns: int, cost: str) -> Special:
    """Return the special action "Suspend N for a cost"."""

    def act(game: Game, card: Card) -> None:
        move_card(game, card, Zone.EXILE)
        add_counters(game, card, TIME, turns)

    return Special(name="Suspend", cost=parse_cost(cost), act=act)


def note_suspended(game: Game, seat: int) -> None:
    """Note the upkeep triggers of a seat's suspended cards."""
    for card in game.players[seat].exile:
        if TIME in card.counters:
            note_ability(game, card, text="remove a time counter.", effect=_tick)


def _tick(game: Game, item: StackItem) -> Steps:
    card = item.card
    if card.zone is not Zone.EXILE or TIME not in card.counters:
        return
    remove_counters(game, card, TIME)
    if TIME in card.counters or not can_cast_free(game, item.controller, card):
        return
    confirm = Confirm(
        item.controller,
        message=f"Cast {card.face.name} without paying its mana cost?",
        purpose=Purpose.USE,
        kind=ConfirmKind.FROM_EFFECT,
        source=card,
    )
    if (yield from ask_confirm(confirm)):
        yield from cast_free(game, item.controller, card, way=SUSPENDED)


def hasten(game: Game, card: Card) -> None:
    """Give haste to a creature that was cast from suspension, for as long as it stays."""

    def change(_game: Game, _source: Card, card: Card) -> None:
        card.keywords |= {Keyword.HASTE}

    if card.is_creature:
        last(game, card, Layer.ABILITIES, change)
