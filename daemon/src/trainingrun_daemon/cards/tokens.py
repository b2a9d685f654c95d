"""Tokens that cards of several modules create."""

from typing import Final

from trainingrun_daemon.cards.define import token
from trainingrun_daemon.rules.effects.combinators import first_card
from trainingrun_daemon.rules.effects.library import draw, explore
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.targeting import target_own_creature
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Purpose
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    CardFace,
    Game,
    ManaAbility,
    Payment,
    StackItem,
)
from trainingrun_daemon.rules.steps import Steps

_TAP: Final = Payment(kind=PaymentKind.TAP)
_SACRIFICE: Final = Payment(kind=PaymentKind.SACRIFICE_SELF)


def _explore_target(game: Game, item: StackItem) -> Steps:
    creature = first_card(item)
    if creature is not None:
        yield from explore(game, creature)


TREASURE: Final = CardFace(
    name="Treasure",
    types="Artifact - Treasure",
    text="Tap, sacrifice it: add one mana of any color.",
    mana=(ManaAbility(colors="WUBRG", is_sacrificed=True),),
)
CLUE: Final = CardFace(
    name="Clue",
    types="Artifact - Clue",
    text="{2}, sacrifice it: draw a card.",
    activated=(
        Activated(
            text="Draw a card", cost=parse_cost("{2}"), payments=(_SACRIFICE,), effect=draw(1)
        ),
    ),
)
FOOD: Final = CardFace(
    name="Food",
    types="Artifact - Food",
    text="{2}, tap, sacrifice it: you gain 3 life.",
    activated=(
        Activated(
            text="Gain 3 life",
            cost=parse_cost("{2}"),
            payments=(_TAP, _SACRIFICE),
            effect=gain(3),
        ),
    ),
)
MAP: Final = CardFace(
    name="Map",
    types="Artifact - Map",
    text="{1}, tap, sacrifice it: a creature you control explores. Only as a sorcery.",
    activated=(
        Activated(
            text="Target creature you control explores",
            cost=parse_cost("{1}"),
            payments=(_TAP, _SACRIFICE),
            targets=(target_own_creature(Purpose.GROW),),
            effect=_explore_target,
            at_sorcery_speed=True,
        ),
    ),
)
FISH: Final = token("Fish", "U", "Fish", size=(1, 1))
MONK: Final = token("Monk", "W", "Monk", size=(1, 1), keywords=(Keyword.PROWESS,))
SOLDIER: Final = token("Soldier", "W", "Soldier", size=(1, 1))
