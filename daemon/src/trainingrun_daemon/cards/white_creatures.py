"""White creatures."""

from typing import Final

from trainingrun_daemon.cards.define import creature
from trainingrun_daemon.cards.tokens import CLUE, FISH, SOLDIER, TREASURE
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.effects import life
from trainingrun_daemon.rules.effects.board import make_tokens
from trainingrun_daemon.rules.effects.combinators import in_order
from trainingrun_daemon.rules.effects.library import draw, scry
from trainingrun_daemon.rules.effects.pump import grow_itself
from trainingrun_daemon.rules.effects.statics import give, itself_while
from trainingrun_daemon.rules.effects.triggers import is_own, permanent_that, when_enters
from trainingrun_daemon.rules.enums import Event, Keyword, PaymentKind
from trainingrun_daemon.rules.model import (
    Activated,
    Card,
    CardFace,
    Game,
    Payment,
    Player,
    StackItem,
    Trigger,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import create_token, draw_cards

_FLYING: Final = (Keyword.FLYING,)


def _catch_up(game: Game, item: StackItem) -> Steps | None:
    """Beza: make up for whatever the opponent has more of, one thing after the other."""
    player, opponent = game.players[item.controller], game.players[1 - item.controller]
    if _count_lands(opponent) > _count_lands(player):
        create_token(game, TREASURE, player.seat)
    if opponent.life > player.life:
        gain_life(game, player.seat, 4)
    if _count_creatures(opponent) > _count_creatures(player):
        create_token(game, FISH, player.seat)
        create_token(game, FISH, player.seat)
    if len(opponent.hand) > len(player.hand):
        draw_cards(game, player.seat, 1)
    return None


def _count_lands(player: Player) -> int:
    return sum(card.is_land for card in player.battlefield)


def _count_creatures(player: Player) -> int:
    return sum(card.is_creature for card in player.battlefield)


def _is_creature_or_artifact(_source: Card, card: Card) -> bool:
    return card.is_creature or card.is_artifact


def _has_three_counters(_game: Game, card: Card) -> bool:
    return sum(card.counters.values()) >= 3


CARDS: Final[tuple[CardFace, ...]] = (
    creature(
        "Healer's Hawk",
        "{W}",
        "Bird",
        size=(1, 1),
        text="Flying, lifelink.",
        keywords=(Keyword.FLYING, Keyword.LIFELINK),
    ),
    creature(
        "Novice Inspector",
        "{W}",
        "Human Detective",
        size=(1, 2),
        text="When it enters, create a Clue.",
        triggers=(when_enters("create a Clue.", make_tokens(CLUE)),),
    ),
    creature(
        "Warden of the Inner Sky",
        "{W}",
        "Human Soldier",
        size=(1, 2),
        text="With three or more counters on it, flying and vigilance. Tap three untapped "
        "artifacts or creatures: a +1/+1 counter on it, then scry 1. Only as a sorcery.",
        statics=(give(itself_while(_has_three_counters), Keyword.FLYING, Keyword.VIGILANCE),),
        activated=(
            Activated(
                text="Put a +1/+1 counter on it and scry 1",
                payments=(
                    Payment(
                        kind=PaymentKind.TAP_PERMANENTS,
                        amount=3,
                        what=_is_creature_or_artifact,
                    ),
                ),
                effect=in_order(grow_itself(), scry(1)),
                at_sorcery_speed=True,
            ),
        ),
    ),
    creature(
        "Ajani's Pridemate",
        "{1}{W}",
        "Cat Soldier",
        size=(2, 2),
        text="Whenever you gain life, a +1/+1 counter on it.",
        triggers=(
            Trigger(
                event=Event.GAINS_LIFE,
                text="put a +1/+1 counter on it.",
                condition=is_own,
                effect=grow_itself(),
            ),
        ),
    ),
    creature(
        "Helpful Hunter",
        "{1}{W}",
        "Cat",
        size=(1, 1),
        text="When it enters, draw a card.",
        triggers=(when_enters("draw a card.", draw(1)),),
    ),
    creature(
        "Resolute Reinforcements",
        "{1}{W}",
        "Human Soldier",
        size=(1, 1),
        text="Flash. When it enters, create a 1/1 white Soldier.",
        keywords=(Keyword.FLASH,),
        triggers=(when_enters("create a Soldier.", make_tokens(SOLDIER)),),
    ),
    creature(
        "Youthful Valkyrie",
        "{1}{W}",
        "Angel",
        size=(1, 3),
        text="Flying. Whenever another Angel enters under your control, a +1/+1 counter on it.",
        keywords=_FLYING,
        triggers=(
            Trigger(
                event=Event.ENTERS,
                text="put a +1/+1 counter on it.",
                condition=permanent_that(lambda card: card.has_subtype("Angel"), other=True),
                effect=grow_itself(),
            ),
        ),
    ),
    creature(
        "Dazzling Angel",
        "{2}{W}",
        "Angel",
        size=(2, 3),
        text="Flying. Whenever another creature enters under your control, you gain 1 life.",
        keywords=_FLYING,
        triggers=(
            Trigger(
                event=Event.ENTERS,
                text="you gain 1 life.",
                condition=permanent_that(lambda card: card.is_creature, other=True),
                effect=life.gain(1),
            ),
        ),
    ),
    creature(
        "Inspiring Overseer",
        "{2}{W}",
        "Angel Cleric",
        size=(2, 1),
        text="Flying. When it enters, you gain 1 life and draw a card.",
        keywords=_FLYING,
        triggers=(
            when_enters("you gain 1 life and draw a card.", in_order(life.gain(1), draw(1))),
        ),
    ),
    creature(
        "Beza, the Bounding Spring",
        "{2}{W}{W}",
        "Legendary - Elemental Elk",
        size=(4, 5),
        text="When it enters: a Treasure if an opponent has more lands, 4 life if an opponent has "
        "more life, two 1/1 blue Fish if an opponent has more creatures, and a card if an opponent "
        "has more cards in hand than you.",
        triggers=(when_enters("make up for what you have less of.", _catch_up),),
    ),
    creature(
        "Serra Angel",
        "{3}{W}{W}",
        "Angel",
        size=(4, 4),
        text="Flying, vigilance.",
        keywords=(Keyword.FLYING, Keyword.VIGILANCE),
    ),
)
