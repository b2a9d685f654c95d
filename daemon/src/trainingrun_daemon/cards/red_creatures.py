"""Red creatures."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from trainingrun_daemon.cards.define import creature
from trainingrun_daemon.rules.continuous import FOREVER, last
from trainingrun_daemon.rules.effects import enters
from trainingrun_daemon.rules.effects.alternative_costs import leaving_after_warp, plot, warp
from trainingrun_daemon.rules.effects.combinators import choose_one
from trainingrun_daemon.rules.effects.library import exile_to_play
from trainingrun_daemon.rules.effects.pump import boost_itself, boost_targets, grow_itself
from trainingrun_daemon.rules.effects.removal import damage_opponent, damage_targets, hit
from trainingrun_daemon.rules.effects.statics import (
    give,
    is_at_max_speed,
    is_own_turn,
    itself_while,
)
from trainingrun_daemon.rules.effects.targeting import (
    any_target,
    target_opponent,
    target_opposing_creature,
    target_player_or_planeswalker,
)
from trainingrun_daemon.rules.effects.triggers import (
    at_combat,
    attacks_with,
    is_opponents,
    spell_that,
    valiant,
    when_cast_noncreature,
    when_dies,
    when_enters,
    when_hits_player,
)
from trainingrun_daemon.rules.enums import (
    Bar,
    Event,
    Keyword,
    Layer,
    PaymentKind,
    Purpose,
    Use,
)
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Aim,
    Card,
    CardFace,
    Game,
    Happening,
    Payment,
    Player,
    StackItem,
    Target,
    TargetSpec,
    Trigger,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import anything, creatures, own, that
from trainingrun_daemon.rules.zones import create_token

_OFFSPRING: Final = "Offspring"


def _opponent_lost_life(game: Game, card: Card) -> bool:
    return game.players[1 - card.controller].life_lost > 0


def _has_attacked(game: Game, card: Card) -> int:
    """Raid: one counter if its controller attacked this turn."""
    return int(game.players[card.controller].attackers_declared > 0)


def _is_scout(_game: Game, card: Card) -> bool:
    return card.has_subtype("Scout")


def _is_detective(_game: Game, card: Card) -> bool:
    return card.has_subtype("Detective")


_CLUE_FINDING: Final = when_hits_player(
    "exile your top card, which you may play this turn.", exile_to_play(1)
)


def _become_detective(game: Game, item: StackItem) -> Steps | None:
    """Kellan becomes a Detective for good.

    Simplified: neither ability is offered while it would do nothing.
    """

    def change_types(_game: Game, _source: Card, card: Card) -> None:
        card.subtypes = frozenset({"Human", "Faerie", "Detective"})

    def gain_trigger(_game: Game, _source: Card, card: Card) -> None:
        card.triggers = (*card.triggers, _CLUE_FINDING)

    if item.source_is_there and _is_scout(game, item.card):
        last(game, item.card, Layer.TYPES, change_types)
        last(game, item.card, Layer.ABILITIES, gain_trigger)
    return None


def _become_rogue(game: Game, item: StackItem) -> Steps | None:
    """Kellan becomes a 3/2 Rogue with double strike for good."""

    def change_types(_game: Game, _source: Card, card: Card) -> None:
        card.subtypes = frozenset({"Human", "Faerie", "Rogue"})

    def gain_keyword(_game: Game, _source: Card, card: Card) -> None:
        card.keywords |= {Keyword.DOUBLE_STRIKE}

    def change_size(_game: Game, _source: Card, card: Card) -> None:
        card.power, card.toughness = 3, 2

    if item.source_is_there and _is_detective(game, item.card):
        last(game, item.card, Layer.TYPES, change_types)
        last(game, item.card, Layer.ABILITIES, gain_keyword)
        last(game, item.card, Layer.SET_SIZE, change_size)
    return None


def _punish_noncreatures(game: Game, item: StackItem) -> Steps | None:
    """Magebane Lizard: as much damage as the caster has cast noncreature spells this turn."""
    assert item.happening is not None
    caster = game.players[item.happening.seat]
    hit(game, item, caster, sum(not face.is_creature for face in caster.cast_this_turn))
    return None


def _punish_nonbasics(game: Game, item: StackItem) -> Steps | None:
    """Sunspine Lynx: each player is dealt damage for their nonbasic lands."""
    for player in game.players:
        lands = (card for card in player.battlefield if card.is_land)
        hit(game, item, player, sum(not card.face.is_basic for card in lands))
    return None


def _avenge(game: Game, item: StackItem) -> Steps | None:
    """Heartfire Hero: damage equal to the power that it died with."""
    assert item.happening is not None
    return damage_opponent(item.happening.amount)(game, item)


@lru_cache(maxsize=32)
def _small_copy(face: CardFace) -> CardFace:
    return replace(face, power=1, toughness=1)


def _bear_offspring(game: Game, item: StackItem) -> Steps | None:
    """Offspring: a token that is a copy of it, but 1/1."""
    create_token(game, _small_copy(item.face), item.controller)
    return None


def _was_cast_with_offspring(_game: Game, card: Card, happening: Happening) -> bool:
    return happening.card is card and card.cast_way == _OFFSPRING


def _is_hurt(_game: Game, card: Card, happening: Happening) -> bool:
    return happening.other is card


def _anything_else(game: Game, aim: Aim) -> list[Target]:
    return [target for target in anything(game, aim) if target is not aim.source]


def _pass_damage_on(game: Game, item: StackItem) -> Steps | None:
    """Screaming Nemesis: as much damage to something else; a player gains no life any more.

    Simplified: damage by several sources at once triggers it for each of them.
    """
    assert item.happening is not None
    target = item.standing[0]
    if target is None:
        return None
    dealt = hit(game, item, target, item.happening.amount)
    if dealt and isinstance(target, Player):
        target.life_gain_barred_until = FOREVER
    return None


CARDS: Final[tuple[CardFace, ...]] = (
    creature(
        "Burnout Bashtronaut",
        "{R}",
        "Goblin Warrior",
        size=(1, 1),
        text="Menace. Start your engines! {2}: +1/+0 until end of turn. At max speed it has "
        "double strike.",
        keywords=(Keyword.MENACE, Keyword.START_YOUR_ENGINES),
        activated=(
            Activated(
                text="+1/+0 until end of turn",
                cost=parse_cost("{2}"),
                effect=boost_itself(1, 0),
                use=Use.TRICK,
            ),
        ),
        statics=(give(itself_while(is_at_max_speed), Keyword.DOUBLE_STRIKE),),
    ),
    creature(
        "Emberheart Challenger",
        "{1}{R}",
        "Mouse Warrior",
        size=(2, 2),
        text="Haste. Prowess. Valiant: when you first target it in a turn, exile your top card; "
        "you may play it this turn.",
        keywords=(Keyword.HASTE, Keyword.PROWESS),
        triggers=(valiant("exile your top card, which you may play.", exile_to_play(1)),),
    ),
    creature(
        "Hired Claw",
        "{R}",
        "Lizard Mercenary",
        size=(1, 2),
        text="Whenever you attack with Lizards, it deals 1 damage to target opponent. {1}{R}: put "
        "a +1/+1 counter on it, once a turn and only if an opponent lost life this turn.",
        triggers=(
            Trigger(
                event=Event.ATTACKS,
                text="1 damage to target opponent.",
                condition=attacks_with(lambda card: card.has_subtype("Lizard")),
                targets=(target_opponent(Purpose.DAMAGE, 1),),
                effect=damage_targets(1),
            ),
        ),
        activated=(
            Activated(
                text="Put a +1/+1 counter on it",
                cost=parse_cost("{1}{R}"),
                effect=grow_itself(),
                condition=_opponent_lost_life,
                once_a_turn=True,
            ),
        ),
    ),
    creature(
        "Slickshot Show-Off",
        "{1}{R}",
        "Bird Wizard",
        size=(1, 2),
        text="Flying, haste. Whenever you cast a noncreature spell, +2/+0 until end of turn. "
        "Plot {1}{R}.",
        keywords=(Keyword.FLYING, Keyword.HASTE),
        triggers=(when_cast_noncreature("+2/+0 until end of turn.", boost_itself(2, 0)),),
        specials=(plot("{1}{R}"),),
    ),
    creature(
        "Nova Hellkite",
        "{3}{R}{R}",
        "Dragon",
        size=(4, 5),
        text="Flying, haste. When it enters, 1 damage to target creature an opponent controls. "
        "Warp {2}{R}.",
        keywords=(Keyword.FLYING, Keyword.HASTE),
        triggers=(
            when_enters(
                "1 damage to target creature an opponent controls.",
                damage_targets(1),
                targets=(target_opposing_creature(Purpose.DAMAGE, amount=1),),
            ),
        ),
        ways=(warp("{2}{R}"),),
        as_enters=leaving_after_warp,
    ),
    creature(
        "Kellan, Planar Trailblazer",
        "{R}",
        "Legendary - Human Faerie Scout",
        size=(2, 1),
        text="{1}{R}: a Scout becomes a Detective that, on combat damage to a player, exiles your "
        "top card for you to play this turn. {2}{R}: a Detective becomes a 3/2 Rogue with double "
        "strike. Both for good.",
        activated=(
            Activated(
                text="Become a Detective",
                cost=parse_cost("{1}{R}"),
                effect=_become_detective,
                condition=_is_scout,
            ),
            Activated(
                text="Become a 3/2 Rogue with double strike",
                cost=parse_cost("{2}{R}"),
                effect=_become_rogue,
                condition=_is_detective,
            ),
        ),
    ),
    creature(
        "Razorkin Needlehead",
        "{R}{R}",
        "Human Assassin",
        size=(2, 2),
        text="First strike on your turn. Whenever an opponent draws a card, 1 damage to them.",
        statics=(give(itself_while(is_own_turn), Keyword.FIRST_STRIKE),),
        triggers=(
            Trigger(
                event=Event.DRAWS,
                text="1 damage to the opponent who drew.",
                condition=is_opponents,
                effect=damage_opponent(1),
            ),
        ),
    ),
    creature(
        "Magebane Lizard",
        "{1}{R}",
        "Lizard",
        size=(1, 4),
        text="Whenever a player casts a noncreature spell, damage to them equal to the number of "
        "noncreature spells that they have cast this turn.",
        triggers=(
            Trigger(
                event=Event.SPELL_CAST,
                text="damage to the caster for each noncreature spell cast this turn.",
                condition=spell_that(lambda item: not item.face.is_creature, own=False),
                effect=_punish_noncreatures,
            ),
        ),
    ),
    creature(
        "Sunspine Lynx",
        "{2}{R}{R}",
        "Elemental Cat",
        size=(5, 4),
        text="Players gain no life. Damage is not prevented. When it enters, each player is dealt "
        "damage for each nonbasic land that they control.",
        bars=frozenset({Bar.LIFE_GAIN, Bar.PREVENTION}),
        triggers=(when_enters("damage to each player for nonbasic lands.", _punish_nonbasics),),
    ),
    creature(
        "Heartfire Hero",
        "{R}",
        "Mouse Soldier",
        size=(1, 1),
        text="Valiant: when you first target it in a turn, put a +1/+1 counter on it. When it "
        "dies, damage equal to its power to each opponent.",
        triggers=(
            valiant("put a +1/+1 counter on it.", grow_itself()),
            when_dies("damage equal to its power to each opponent.", _avenge),
        ),
    ),
    creature(
        "Manifold Mouse",
        "{1}{R}",
        "Mouse Soldier",
        size=(1, 2),
        text="Offspring {2}: also a 1/1 token copy. At your combat, target Mouse you control gains "
        "your choice of double strike or trample until end of turn.",
        ways=(Way(name=_OFFSPRING, cost=parse_cost("{3}{R}")),),
        triggers=(
            Trigger(
                event=Event.ENTERS,
                text="create a 1/1 token copy of it.",
                condition=_was_cast_with_offspring,
                effect=_bear_offspring,
            ),
            at_combat(
                "target Mouse gains double strike or trample until end of turn.",
                choose_one(
                    "Manifold Mouse: choose what the Mouse gains",
                    ("Double strike", boost_targets(0, 0, Keyword.DOUBLE_STRIKE)),
                    ("Trample", boost_targets(0, 0, Keyword.TRAMPLE)),
                ),
                targets=(
                    TargetSpec(
                        text="target Mouse you control",
                        candidates=own(that(lambda card: card.has_subtype("Mouse"), creatures)),
                        purpose=Purpose.BOOST,
                    ),
                ),
            ),
        ),
    ),
    creature(
        "Screaming Nemesis",
        "{2}{R}",
        "Spirit",
        size=(3, 3),
        text="Haste. Whenever it is dealt damage, it deals as much to any other target; a player "
        "dealt damage this way gains no life for the rest of the game.",
        keywords=(Keyword.HASTE,),
        triggers=(
            Trigger(
                event=Event.DAMAGES,
                text="as much damage to any other target.",
                condition=_is_hurt,
                targets=(
                    TargetSpec(
                        text="any other target",
                        candidates=_anything_else,
                        purpose=Purpose.DAMAGE,
                        amount=3,
                    ),
                ),
                effect=_pass_damage_on,
            ),
        ),
    ),
    creature(
        "Viashino Pyromancer",
        "{1}{R}",
        "Lizard Wizard",
        size=(2, 1),
        text="When it enters, 2 damage to target player or planeswalker.",
        triggers=(
            when_enters(
                "2 damage to target player or planeswalker.",
                damage_targets(2),
                targets=(target_player_or_planeswalker(2),),
            ),
        ),
    ),
    creature(
        "Fanatical Firebrand",
        "{R}",
        "Goblin Pirate",
        size=(1, 1),
        text="Haste. Tap, sacrifice it: 1 damage to any target.",
        keywords=(Keyword.HASTE,),
        activated=(
            Activated(
                text="1 damage to any target",
                payments=(
                    Payment(kind=PaymentKind.TAP),
                    Payment(kind=PaymentKind.SACRIFICE_SELF),
                ),
                targets=(any_target(1),),
                effect=damage_targets(1),
            ),
        ),
    ),
    creature(
        "Goblin Boarders",
        "{2}{R}",
        "Goblin Pirate",
        size=(3, 2),
        text="Raid: it enters with a +1/+1 counter if you attacked this turn.",
        as_enters=enters.with_counters(_has_attacked),
    ),
)
