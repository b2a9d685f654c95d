"""Red cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.choices import Reveal
from trainingrun_daemon.rules.effects import life
from trainingrun_daemon.rules.effects.combinators import in_order
from trainingrun_daemon.rules.effects.library import exile_to_play
from trainingrun_daemon.rules.effects.removal import damage_targets, damage_targets_by, hit
from trainingrun_daemon.rules.effects.targeting import (
    any_target,
    target_player,
    target_player_or_planeswalker,
)
from trainingrun_daemon.rules.effects.triggers import when_attacks
from trainingrun_daemon.rules.enums import Bar, Event, Keyword, Purpose, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Card,
    Game,
    Happening,
    StackItem,
    TargetSpec,
    Trigger,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.suspend import suspend
from trainingrun_daemon.rules.targets import creatures_of_chosen_player
from trainingrun_daemon.rules.zones import move_card


def _reveal_for_land(game: Game, item: StackItem) -> Steps:
    """Goblin Guide: the defending player reveals the top card and keeps it if it is a land.

    The card is shown to the attacking player, who learns something by it.
    """
    library = game.players[1 - item.controller].library
    if not library:
        return
    top = library[-1]
    message = f"Goblin Guide reveals {top.face.name}"
    game.say(message)
    yield Reveal(item.controller, [top], message=message)
    if top.face.is_land:
        move_card(game, top, Zone.HAND)


def _is_cheap_spell(_game: Game, card: Card, happening: Happening) -> bool:
    item = happening.item
    return item is not None and item.card is not card and item.face.cost.mana_value <= 3


def _punish_caster(game: Game, item: StackItem) -> Steps | None:
    """Eidolon of the Great Revel: 2 damage to whoever cast the spell."""
    assert item.happening is not None
    hit(game, item, game.players[item.happening.seat], 2)
    return None


def _blaze(game: Game, item: StackItem) -> int:
    """Searing Blaze: 1 damage to each target, 3 after a land of the caster came this turn."""
    return 3 if game.players[item.controller].lands_entered else 1


def _opponent_lost_life(game: Game, card: Card) -> bool:
    return game.players[1 - card.owner].life_lost > 0


CARDS: Final = (
    define(
        "Lightning Bolt",
        "{R}",
        "Instant",
        text="3 damage to any target.",
        targets=(any_target(3),),
        spell=damage_targets(3),
    ),
    define(
        "Shock",
        "{R}",
        "Instant",
        text="2 damage to any target.",
        targets=(any_target(2),),
        spell=damage_targets(2),
    ),
    define(
        "Lava Spike",
        "{R}",
        "Sorcery - Arcane",
        text="3 damage to target player or planeswalker.",
        targets=(target_player_or_planeswalker(3),),
        spell=damage_targets(3),
    ),
    define(
        "Rift Bolt",
        "{2}{R}",
        "Sorcery",
        text="3 damage to any target. Suspend 1 for {R}.",
        targets=(any_target(3),),
        spell=damage_targets(3),
        specials=(suspend(1, "{R}"),),
    ),
    define(
        "Searing Blaze",
        "{R}{R}",
        "Instant",
        text="1 damage to target player and 1 damage to target creature of that player. "
        "3 damage each instead if a land came under your control this turn.",
        targets=(
            target_player(1),
            TargetSpec(
                text="target creature of that player",
                candidates=creatures_of_chosen_player,
                purpose=Purpose.DAMAGE,
                amount=3,
            ),
        ),
        spell=damage_targets_by(_blaze),
    ),
    define(
        "Skullcrack",
        "{1}{R}",
        "Instant",
        text="This turn nobody gains life and no damage is prevented. 3 damage to target player or "
        "planeswalker.",
        targets=(target_player_or_planeswalker(3),),
        spell=in_order(
            life.bar_this_turn(Bar.LIFE_GAIN, Bar.PREVENTION),
            damage_targets(3),
        ),
    ),
    define(
        "Light Up the Stage",
        "{2}{R}",
        "Sorcery",
        text="Exile your top two cards; until the end of your next turn you may play them. "
        "Spectacle {R}: costs that if an opponent lost life this turn.",
        spell=exile_to_play(2, until_next_turn=True),
        ways=(Way(name="Spectacle", cost=parse_cost("{R}"), condition=_opponent_lost_life),),
    ),
    creature(
        "Monastery Swiftspear",
        "{R}",
        "Human Monk",
        size=(1, 2),
        text="Haste. Prowess: +1/+1 until end of turn whenever you cast a noncreature spell.",
        keywords=(Keyword.HASTE, Keyword.PROWESS),
    ),
    creature(
        "Goblin Guide",
        "{R}",
        "Goblin Scout",
        size=(2, 2),
        text="Haste. Whenever it attacks, the defending player reveals the top card of their "
        "library and puts it into their hand if it is a land.",
        keywords=(Keyword.HASTE,),
        triggers=(when_attacks("the defending player reveals their top card.", _reveal_for_land),),
    ),
    creature(
        "Eidolon of the Great Revel",
        "{R}{R}",
        "Enchantment - Spirit",
        size=(2, 2),
        text="Whenever a player casts a spell with mana value 3 or less, 2 damage to that player.",
        triggers=(
            Trigger(
                event=Event.SPELL_CAST,
                text="2 damage to the player who cast that spell.",
                condition=_is_cheap_spell,
                effect=_punish_caster,
            ),
        ),
    ),
    creature(
        "Raging Goblin",
        "{R}",
        "Goblin Berserker",
        size=(1, 1),
        text="Haste.",
        keywords=(Keyword.HASTE,),
    ),
    creature("Goblin Piker", "{1}{R}", "Goblin Warrior", size=(2, 1)),
    creature("Hill Giant", "{3}{R}", "Giant", size=(3, 3)),
)
