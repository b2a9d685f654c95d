"""Artifacts."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.effects.board import crew, equip
from trainingrun_daemon.rules.effects.library import draw, loot
from trainingrun_daemon.rules.effects.removal import exile_targets
from trainingrun_daemon.rules.effects.statics import enlarge, give, host
from trainingrun_daemon.rules.effects.targeting import target_in_graveyard
from trainingrun_daemon.rules.effects.triggers import is_itself, when_attacks, when_enters
from trainingrun_daemon.rules.enums import Event, Keyword, PaymentKind, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import Activated, CardFace, Game, Payment, StackItem, Trigger
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import move_card

_TAP_AND_SACRIFICE: Final = (
    Payment(kind=PaymentKind.TAP),
    Payment(kind=PaymentKind.SACRIFICE_SELF),
)
_LOOT: Final = "draw a card, then discard a card."


def _exile_opposing_graveyard(game: Game, item: StackItem) -> Steps | None:
    for card in list(game.players[1 - item.controller].graveyard):
        move_card(game, card, Zone.EXILE)
    return None


CARDS: Final[tuple[CardFace, ...]] = (
    creature(
        "Ornithopter",
        "{0}",
        "Artifact - Thopter",
        size=(0, 2),
        text="Flying.",
        keywords=(Keyword.FLYING,),
    ),
    define(
        "Soul-Guide Lantern",
        "{1}",
        "Artifact",
        text="When it enters, exile target card from a graveyard. Tap, sacrifice it: exile each "
        "opponent's graveyard. {1}, tap, sacrifice it: draw a card.",
        triggers=(
            when_enters(
                "exile a card from a graveyard.",
                exile_targets,
                targets=(
                    target_in_graveyard(
                        "target card in a graveyard", lambda _card, _aim: True, Purpose.REMOVE
                    ),
                ),
            ),
        ),
        activated=(
            Activated(
                text="Draw a card",
                cost=parse_cost("{1}"),
                payments=_TAP_AND_SACRIFICE,
                effect=draw(1),
            ),
            Activated(
                text="Exile the opponent's graveyard",
                payments=_TAP_AND_SACRIFICE,
                effect=_exile_opposing_graveyard,
                use=Use.SPECIAL,
            ),
        ),
    ),
    define(
        "Short Sword",
        "{1}",
        "Artifact - Equipment",
        text="The equipped creature gets +1/+1. Equip {1}.",
        statics=(enlarge(1, 1, host),),
        activated=(equip("{1}"),),
    ),
    define(
        "Swiftfoot Boots",
        "{2}",
        "Artifact - Equipment",
        text="The equipped creature has hexproof and haste. Equip {1}.",
        statics=(give(host, Keyword.HEXPROOF, Keyword.HASTE),),
        activated=(equip("{1}"),),
    ),
    define(
        "Smuggler's Copter",
        "{2}",
        "Artifact - Vehicle",
        text="Flying. Whenever it attacks or blocks, you may draw a card and then discard one. "
        "Crew 1: tap creatures with total power 1 or more, and it is a creature this turn.",
        power=3,
        toughness=3,
        keywords=frozenset({Keyword.FLYING}),
        activated=(crew(1),),
        triggers=(
            when_attacks(_LOOT, loot(), optional=True),
            Trigger(
                event=Event.BLOCKS, text=_LOOT, effect=loot(), condition=is_itself, optional=True
            ),
        ),
    ),
)
