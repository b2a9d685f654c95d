"""Green cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.cards.tokens import MAP
from trainingrun_daemon.rules.continuous import boost
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.effects.alternative_costs import OFFSPRING_ENTERS, offspring
from trainingrun_daemon.rules.effects.board import make_tokens
from trainingrun_daemon.rules.effects.combinators import first_card, in_order, standing_cards
from trainingrun_daemon.rules.effects.enters import with_counters
from trainingrun_daemon.rules.effects.library import draw, search_land
from trainingrun_daemon.rules.effects.pump import (
    boost_own_creatures,
    boost_targets,
    grow_itself,
    grow_targets,
)
from trainingrun_daemon.rules.effects.removal import bite_target, destroy_targets, fight_targets
from trainingrun_daemon.rules.effects.targeting import (
    target_in_graveyard,
    target_own_creature,
    target_permanent_that,
)
from trainingrun_daemon.rules.effects.triggers import landfall, when_attacks, when_enters
from trainingrun_daemon.rules.enums import Event, Keyword, PaymentKind, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Aim,
    Card,
    CardFace,
    Game,
    Happening,
    ManaAbility,
    Mode,
    Payment,
    Player,
    StackItem,
    Target,
    TargetSpec,
    Trigger,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import creatures, creatures_and_planeswalkers, opposing, own
from trainingrun_daemon.rules.zones import PLUS, add_counters, move_card

_MANA_ELF: Final = (ManaAbility(colors="G"),)


def _power_of_first_target(aim: Aim, _target: Card | Player) -> int:
    striker = aim.chosen[0] if aim.chosen else None
    return striker.power if isinstance(striker, Card) else 0


_FIGHT: Final = (
    target_own_creature(Purpose.BOOST),
    TargetSpec(
        text="target creature you don't control",
        candidates=opposing(creatures),
        purpose=Purpose.DAMAGE,
        amount_by=_power_of_first_target,
    ),
)
_CHUNK: Final = (
    target_own_creature(Purpose.BOOST),
    TargetSpec(
        text="target creature or planeswalker you don't control",
        candidates=opposing(creatures_and_planeswalkers),
        purpose=Purpose.DAMAGE,
        amount_by=_power_of_first_target,
    ),
)


def _double_counters(game: Game, item: StackItem) -> Steps | None:
    """Mossborn Hydra: as many +1/+1 counters again."""
    if item.source_is_there:
        add_counters(game, item.card, PLUS, item.card.counters.get(PLUS, 0))
    return None


def _is_own_creature_aimed_at(_game: Game, card: Card, happening: Happening) -> bool:
    """Whether an opponent aims at a creature of this permanent's controller."""
    target = happening.card
    return (
        target is not None
        and happening.seat != card.controller
        and target.controller == card.controller
        and target.zone is Zone.BATTLEFIELD
        and target.is_creature
    )


def _is_own_creature_or_spell_aimed_at(game: Game, card: Card, happening: Happening) -> bool:
    """The same, or at a creature spell of theirs."""
    target = happening.card
    if target is None or target.zone is not Zone.STACK:
        return _is_own_creature_aimed_at(game, card, happening)
    return (
        happening.seat != card.controller
        and target.controller == card.controller
        and any(
            item.is_spell and item.card is target and item.face.is_creature for item in game.stack
        )
    )


def _own_creatures_but_that(game: Game, aim: Aim) -> list[Target]:
    """Pawpatch Recruit: the creatures besides the one that was aimed at."""
    return [card for card in own(creatures)(game, aim) if card is not aim.about]


def _exile_and_eat(game: Game, item: StackItem) -> Steps | None:
    """Scavenging Ooze: a creature card makes it grow."""
    card = first_card(item)
    if card is None:
        return None
    was_creature = card.face.is_creature
    move_card(game, card, Zone.EXILE)
    if was_creature:
        if item.source_is_there:
            add_counters(game, item.card, PLUS)
        gain_life(game, item.controller, 1)
    return None


def _make_stand(game: Game, item: StackItem) -> Steps | None:
    """Tyvar's Stand: +X/+X and two keywords."""
    granted = frozenset({Keyword.HEXPROOF, Keyword.INDESTRUCTIBLE})
    for card in standing_cards(item):
        boost(game, card, power=item.x, toughness=item.x, keywords=granted)
    return None


def _is_weak(blocker: Card) -> bool:
    return blocker.power <= 2


def _is_artifact_or_enchantment(card: Card) -> bool:
    return card.is_artifact or card.face.is_enchantment


_CREATURES: Final = (
    creature(
        "Llanowar Elves", "{G}", "Elf Druid", size=(1, 1), text="Tap: add {G}.", mana=_MANA_ELF
    ),
    creature(
        "Elvish Mystic", "{G}", "Elf Druid", size=(1, 1), text="Tap: add {G}.", mana=_MANA_ELF
    ),
    creature(
        "Sazh's Chocobo",
        "{G}",
        "Bird",
        size=(0, 1),
        text="Landfall: whenever a land of yours enters, put a +1/+1 counter on it.",
        triggers=(landfall("put a +1/+1 counter on it.", grow_itself()),),
    ),
    creature(
        "Pawpatch Recruit",
        "{G}",
        "Rabbit Warrior",
        size=(2, 1),
        text="Offspring {2}. Trample. Whenever an opponent aims at a creature of yours, put a "
        "+1/+1 counter on another creature of yours.",
        keywords=(Keyword.TRAMPLE,),
        ways=(offspring("{G}", "{2}"),),
        triggers=(
            OFFSPRING_ENTERS,
            Trigger(
                event=Event.TARGETED,
                text="put a +1/+1 counter on another creature you control.",
                condition=_is_own_creature_aimed_at,
                effect=grow_targets(),
                targets=(
                    TargetSpec(
                        text="another target creature you control",
                        candidates=_own_creatures_but_that,
                        purpose=Purpose.GROW,
                    ),
                ),
            ),
        ),
    ),
    creature(
        "Scavenging Ooze",
        "{1}{G}",
        "Ooze",
        size=(2, 2),
        text="{G}: exile target card from a graveyard. If it was a creature card, put a +1/+1 "
        "counter on this and gain 1 life.",
        activated=(
            Activated(
                text="Exile a card from a graveyard",
                cost=parse_cost("{G}"),
                effect=_exile_and_eat,
                targets=(
                    target_in_graveyard(
                        "target card in a graveyard", lambda _card, _aim: True, Purpose.REMOVE
                    ),
                ),
            ),
        ),
    ),
    creature(
        "Mossborn Hydra",
        "{2}{G}",
        "Elemental Hydra",
        size=(0, 0),
        text="Trample. Enters with a +1/+1 counter. Landfall: whenever a land of yours enters, "
        "double its +1/+1 counters.",
        keywords=(Keyword.TRAMPLE,),
        as_enters=with_counters(lambda _game, _card: 1),
        triggers=(landfall("double its +1/+1 counters.", _double_counters),),
    ),
    creature(
        "Surrak, Elusive Hunter",
        "{2}{G}",
        "Legendary - Human Warrior",
        size=(4, 3),
        text="Can't be countered. Trample. Whenever an opponent aims at a creature or creature "
        "spell of yours, draw a card.",
        keywords=(Keyword.UNCOUNTERABLE, Keyword.TRAMPLE),
        triggers=(
            Trigger(
                event=Event.TARGETED,
                text="draw a card.",
                condition=_is_own_creature_or_spell_aimed_at,
                effect=draw(1),
            ),
        ),
    ),
    creature(
        "Sentinel of the Nameless City",
        "{2}{G}",
        "Merfolk Warrior Scout",
        size=(3, 4),
        text="Vigilance. Whenever it enters or attacks, create a Map.",
        keywords=(Keyword.VIGILANCE,),
        triggers=(
            when_enters("create a Map.", make_tokens(MAP)),
            when_attacks("create a Map.", make_tokens(MAP)),
        ),
    ),
    creature(
        "Thrashing Brontodon",
        "{1}{G}{G}",
        "Dinosaur",
        size=(3, 4),
        text="{1}, sacrifice it: destroy target artifact or enchantment.",
        activated=(
            Activated(
                text="Destroy an artifact or enchantment",
                cost=parse_cost("{1}"),
                payments=(Payment(kind=PaymentKind.SACRIFICE_SELF),),
                effect=destroy_targets,
                targets=(
                    target_permanent_that(
                        "target artifact or enchantment",
                        _is_artifact_or_enchantment,
                        Purpose.REMOVE,
                    ),
                ),
            ),
        ),
    ),
    creature(
        "Steel Leaf Champion",
        "{G}{G}{G}",
        "Elf Knight",
        size=(5, 4),
        text="Creatures with power 2 or less can't block it.",
        evasion=_is_weak,
    ),
    creature(
        "Treetop Snarespinner",
        "{3}{G}",
        "Spider",
        size=(1, 4),
        text="Reach. Deathtouch. {2}{G}: put a +1/+1 counter on target creature you control. Only "
        "as a sorcery.",
        keywords=(Keyword.REACH, Keyword.DEATHTOUCH),
        activated=(
            Activated(
                text="Put a +1/+1 counter on a creature you control",
                cost=parse_cost("{2}{G}"),
                effect=grow_targets(),
                targets=(target_own_creature(Purpose.GROW),),
                at_sorcery_speed=True,
            ),
        ),
    ),
    creature(
        "Colossal Dreadmaw",
        "{4}{G}{G}",
        "Dinosaur",
        size=(6, 6),
        text="Trample.",
        keywords=(Keyword.TRAMPLE,),
    ),
)

_SPELLS: Final = (
    define(
        "Giant Growth",
        "{G}",
        "Instant",
        text="Target creature gets +3/+3 until end of turn.",
        targets=(TargetSpec(text="target creature", candidates=creatures, purpose=Purpose.BOOST),),
        spell=boost_targets(3, 3),
        use=Use.TRICK,
    ),
    define(
        "Snakeskin Veil",
        "{G}",
        "Instant",
        text="Put a +1/+1 counter on target creature you control. It has hexproof until end of "
        "turn.",
        targets=(target_own_creature(Purpose.PROTECT),),
        spell=in_order(grow_targets(), boost_targets(0, 0, Keyword.HEXPROOF)),
        use=Use.SHIELD,
    ),
    define(
        "Tyvar's Stand",
        "{X}{G}",
        "Instant",
        text="Target creature you control gets +X/+X, hexproof and indestructible until end of "
        "turn.",
        targets=(target_own_creature(Purpose.PROTECT),),
        spell=_make_stand,
        use=Use.SHIELD,
    ),
    define(
        "Bushwhack",
        "{G}",
        "Sorcery",
        text="Choose one: search your library for a basic land and put it into your hand; or a "
        "creature you control fights one that you don't control.",
        modes=(
            Mode(text="Fight", effect=fight_targets, targets=_FIGHT),
            Mode(text="Search for a basic land", effect=search_land(to=Zone.HAND)),
        ),
    ),
    define(
        "Rampant Growth",
        "{1}{G}",
        "Sorcery",
        text="Search your library for a basic land and put it onto the battlefield tapped.",
        spell=search_land(),
    ),
    define(
        "Bite Down",
        "{1}{G}",
        "Instant",
        text="Target creature you control deals damage equal to its power to target creature or "
        "planeswalker you don't control.",
        targets=_CHUNK,
        spell=bite_target,
    ),
    define(
        "Overrun",
        "{2}{G}{G}{G}",
        "Sorcery",
        text="Your creatures get +3/+3 and trample until end of turn.",
        spell=boost_own_creatures(3, 3, Keyword.TRAMPLE),
        use=Use.TRICK,
    ),
)

CARDS: Final[tuple[CardFace, ...]] = (*_CREATURES, *_SPELLS)
