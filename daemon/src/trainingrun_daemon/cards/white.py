"""White cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define, token
from trainingrun_daemon.rules.choices import Confirm, ask_confirm
from trainingrun_daemon.rules.combat import add_blocker, join_attack
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.effects import life
from trainingrun_daemon.rules.effects.combinators import first_card
from trainingrun_daemon.rules.effects.library import search
from trainingrun_daemon.rules.effects.statics import enlarge, other_own_creatures
from trainingrun_daemon.rules.effects.targeting import target_creature
from trainingrun_daemon.rules.effects.triggers import is_itself, when_attacks
from trainingrun_daemon.rules.enums import Bar, Event, Keyword, Purpose, Zone
from trainingrun_daemon.rules.model import Card, CardFace, Game, Happening, StackItem, Tax, Trigger
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import create_token, move_card


def _is_own_white(_game: Game, source: Card, card: Card) -> bool:
    return card.is_creature and card.controller == source.controller and "W" in card.colors


def _is_noncreature(_source: Card, face: CardFace, _seat: int) -> bool:
    return not face.is_creature


def _is_multicolored(source: Card) -> bool:
    return len(source.colors) > 1


def _opponent_casts_multicolored(_game: Game, card: Card, happening: Happening) -> bool:
    item = happening.item
    return happening.seat != card.controller and item is not None and item.face.is_multicolored


_CAT_SOLDIER: Final = token(
    "Cat Soldier", "W", "Cat Soldier", size=(1, 1), keywords=(Keyword.VIGILANCE,)
)


def _join_attack(game: Game, item: StackItem) -> Steps | None:
    """Brimaz attacks: a Cat Soldier that is attacking, if there still is a combat."""
    join_attack(game, create_token(game, _CAT_SOLDIER, item.controller))
    return None


def _join_block(game: Game, item: StackItem) -> Steps | None:
    """Brimaz blocks: a Cat Soldier that blocks the same attacker."""
    assert item.happening is not None
    soldier = create_token(game, _CAT_SOLDIER, item.controller)
    attacker = item.happening.other
    if game.combat is not None and attacker in game.combat.attackers:
        add_blocker(game.combat, soldier, attacker)
    return None


def _exile_for_life(game: Game, item: StackItem) -> Steps | None:
    """Swords to Plowshares: its controller gains life equal to its power."""
    creature = first_card(item)
    if creature is not None:
        seat, power = creature.controller, creature.power
        move_card(game, creature, Zone.EXILE)
        gain_life(game, seat, power)
    return None


def _exile_for_land(game: Game, item: StackItem) -> Steps:
    """Path to Exile: its controller may fetch a basic land, tapped."""
    creature = first_card(item)
    if creature is None:
        return
    seat = creature.controller
    move_card(game, creature, Zone.EXILE)
    message = "Search your library for a basic land?"
    if (
        yield from ask_confirm(
            Confirm(seat, message=message, purpose=Purpose.SEARCH, source=item.card)
        )
    ):
        yield from search(
            game, seat, test=lambda card: card.face.is_basic, tapped=True, to=Zone.BATTLEFIELD
        )


CARDS: Final = (
    creature("Savannah Lions", "{W}", "Cat", size=(2, 1)),
    creature("Elite Vanguard", "{W}", "Human Soldier", size=(2, 1)),
    creature(
        "Soldier of the Pantheon",
        "{W}",
        "Human Soldier",
        size=(2, 1),
        text="Protection from multicolored. Whenever an opponent casts a multicolored spell, "
        "you gain 1 life.",
        protection=_is_multicolored,
        protection_text="Protection from multicolored",
        triggers=(
            Trigger(
                event=Event.SPELL_CAST,
                text="you gain 1 life.",
                condition=_opponent_casts_multicolored,
                effect=life.gain(1),
            ),
        ),
    ),
    creature(
        "Dryad Militant",
        "{G/W}",
        "Dryad Soldier",
        size=(2, 1),
        text="Instant and sorcery cards go to exile instead of a graveyard.",
        bars=frozenset({Bar.GRAVEYARD_FOR_SPELLS}),
    ),
    creature(
        "Thalia, Guardian of Thraben",
        "{1}{W}",
        "Legendary - Human Soldier",
        size=(2, 1),
        text="First strike. Noncreature spells cost {1} more.",
        keywords=(Keyword.FIRST_STRIKE,),
        taxes=(Tax(amount=1, applies=_is_noncreature),),
    ),
    creature(
        "Benalish Marshal",
        "{W}{W}{W}",
        "Human Knight",
        size=(3, 3),
        text="Your other creatures get +1/+1.",
        statics=(enlarge(1, 1, other_own_creatures),),
    ),
    creature(
        "Brimaz, King of Oreskos",
        "{1}{W}{W}",
        "Legendary - Cat Soldier",
        size=(3, 4),
        text="Vigilance. Whenever it attacks, create a 1/1 white Cat Soldier with vigilance that "
        "is attacking. Whenever it blocks, create one that blocks the same creature.",
        keywords=(Keyword.VIGILANCE,),
        triggers=(
            when_attacks("create an attacking Cat Soldier.", _join_attack),
            Trigger(
                event=Event.BLOCKS,
                text="create a blocking Cat Soldier.",
                condition=is_itself,
                effect=_join_block,
            ),
        ),
    ),
    define(
        "Swords to Plowshares",
        "{W}",
        "Instant",
        text="Exile target creature. Its controller gains life equal to its power.",
        targets=(target_creature(Purpose.REMOVE),),
        spell=_exile_for_life,
    ),
    define(
        "Path to Exile",
        "{W}",
        "Instant",
        text="Exile target creature. Its controller may put a basic land from their library onto "
        "the battlefield tapped.",
        targets=(target_creature(Purpose.REMOVE),),
        spell=_exile_for_land,
    ),
    define(
        "Honor of the Pure",
        "{1}{W}",
        "Enchantment",
        text="Your white creatures get +1/+1.",
        statics=(enlarge(1, 1, _is_own_white),),
    ),
)
