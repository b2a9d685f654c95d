"""Cards with two halves: adventures and split cards; copies of cards that are cast.

Border: which half may be cast when, and where the card goes then. What a half does is on its face.
"""

from trainingrun_daemon.rules.casting import can_cast_free, cast_free
from trainingrun_daemon.rules.choices import (
    ChooseAbility,
    Confirm,
    ConfirmKind,
    ask_ability,
    ask_confirm,
)
from trainingrun_daemon.rules.continuous import FOREVER
from trainingrun_daemon.rules.effects.library import allow_play
from trainingrun_daemon.rules.enums import Purpose, Zone
from trainingrun_daemon.rules.model import Aim, Card, CardFace, Game, Way
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import is_well_aimed
from trainingrun_daemon.rules.zones import move_card

ADVENTURE = "Adventure"
FUSE = "Fuse"


def adventure(half: CardFace) -> Way:
    """The adventure of a creature card: when it has resolved, the creature waits in exile.

    Rule 715.
    """
    return Way(name=ADVENTURE, cost=half.cost, face=half, after=_go_on_adventure)


def _go_on_adventure(game: Game, card: Card) -> None:
    seat = card.controller
    move_card(game, card, Zone.EXILE)
    if not card.is_token:
        allow_play(game, card, seat, last_turn=FOREVER, half=card.face)


def split(*halves: CardFace) -> tuple[Way, ...]:
    """Either half of a split card, and both together from hand (fuse, rule 702.102).

    The face itself is both halves together, and not castable but for these ways.
    """
    cost = halves[0].cost.plus(halves[1].cost)
    fuse = Way(name=FUSE, cost=cost, condition=lambda _game, card: card.zone is Zone.HAND)
    return (*(Way(name="", cost=half.cost, face=half) for half in halves), fuse)


def may_cast_copy(game: Game, seat: int, card: Card) -> Steps:
    """Copy a card; its copy may be cast without paying its mana cost (rule 707.12).

    The copy exists only when it is cast: nothing could refer to it in between. Simplified: kickers
    are not paid for, and cards whose ways are different additional costs are not cast.
    """
    halves = [half for half in _halves_of(card.face) if can_cast_free(game, seat, card, half=half)]
    if not halves:
        return
    confirm = Confirm(
        seat,
        message=f"Cast a copy of {card.face.name} without paying its mana cost?",
        purpose=Purpose.USE,
        kind=ConfirmKind.FROM_EFFECT,
        source=card,
        is_wise=any(is_well_aimed(game, Aim(seat, card), half.targets) for half in halves),
    )
    if not (yield from ask_confirm(confirm)):
        return
    names = [half.name for half in halves]
    message = f"{card.face.name}: choose a half"
    position = yield from ask_ability(ChooseAbility(seat, names, source=card, message=message))
    copy = Card(game.new_id(), card.face, owner=seat, zone=Zone.STACK)
    copy.is_token = True
    yield from cast_free(game, seat, copy, half=halves[position])


def _halves_of(face: CardFace) -> list[CardFace]:
    others = [way.face for way in face.ways if way.face is not None]
    return [face, *others] if face.is_castable else others
