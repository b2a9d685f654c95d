"""White cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define, token
from trainingrun_daemon.rules.choices import Confirm, ask_confirm
from trainingrun_daemon.rules.combat import add_blocker
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.effects.harm import standing_creature, target_creature
from trainingrun_daemon.rules.model import (
    Anthem,
    Card,
    CardFace,
    Event,
    Game,
    Happening,
    Keyword,
    Purpose,
    StackItem,
    Steps,
    Tax,
    Trigger,
    Zone,
)
from trainingrun_daemon.rules.zones import create_token, move_card


def _is_own_white(source: Card, other: Card) -> bool:
    return other.controller == source.controller and "W" in other.face.colors


def _is_other_own(source: Card, other: Card) -> bool:
    return other.controller == source.controller and other is not source


def _is_noncreature(source: Card, face: CardFace, seat: int) -> bool:
    return not face.is_creature


def _is_multicolored(face: CardFace) -> bool:
    return face.is_multicolored


def _opponent_casts_multicolored(game: Game, card: Card, happening: Happening) -> bool:
    spell = happening.card
    return happening.seat != card.controller and spell is not None and spell.face.is_multicolored


def _gain_one(game: Game, item: StackItem) -> Steps | None:
    gain_life(game, item.controller, 1)
    return None


def _is_itself(game: Game, card: Card, happening: Happening) -> bool:
    return happening.card is card


_CAT_SOLDIER: Final = token(
    "Cat Soldier", "W", "Cat Soldier", size=(1, 1), keywords=(Keyword.VIGILANCE,)
)


def _join_attack(game: Game, item: StackItem) -> Steps | None:
    """Brimaz attacks: a Cat Soldier that is attacking, if there still is a combat."""
    soldier = create_token(game, _CAT_SOLDIER, item.controller)
    if game.combat is not None and game.combat.seat == item.controller:
        soldier.attacking = True
        game.combat.attackers.append(soldier)
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
    creature = standing_creature(item)
    if creature is not None:
        seat, power = creature.controller, creature.power
        move_card(game, creature, Zone.EXILE)
        gain_life(game, seat, power)
    return None


def _exile_for_land(game: Game, item: StackItem) -> Steps:
    """Path to Exile: its controller may fetch a basic land, tapped.

    Simplified: the first basic land from the top of the library is taken.
    """
    creature = standing_creature(item)
    if creature is None:
        return
    player = game.players[creature.controller]
    move_card(game, creature, Zone.EXILE)
    basics = [card for card in player.library if card.face.is_basic]
    if not basics:
        return
    message = "Search your library for a basic land?"
    confirm = Confirm(player.seat, message=message, purpose=Purpose.SEARCH)
    if (yield from ask_confirm(confirm)):
        land = basics[-1]
        move_card(game, land, Zone.BATTLEFIELD)
        land.tapped = True
        game.random.shuffle(player.library)


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
                effect=_gain_one,
            ),
        ),
    ),
    creature(
        "Dryad Militant",
        "{G/W}",
        "Dryad Soldier",
        size=(2, 1),
        text="Instant and sorcery cards go to exile instead of a graveyard.",
        exiles_spent_spells=True,
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
        anthems=(Anthem(power=1, toughness=1, applies=_is_other_own),),
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
            Trigger(
                event=Event.ATTACKS,
                text="create an attacking Cat Soldier.",
                condition=_is_itself,
                effect=_join_attack,
            ),
            Trigger(
                event=Event.BLOCKS,
                text="create a blocking Cat Soldier.",
                condition=_is_itself,
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
        anthems=(Anthem(power=1, toughness=1, applies=_is_own_white),),
    ),
)
