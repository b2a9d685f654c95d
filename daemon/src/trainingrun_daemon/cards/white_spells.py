"""White spells that are no creatures."""

from typing import Final

from trainingrun_daemon.cards.define import define
from trainingrun_daemon.cards.tokens import MAP
from trainingrun_daemon.rules import targets
from trainingrun_daemon.rules.effects.board import exile_targets_until_it_leaves
from trainingrun_daemon.rules.effects.combinators import first_card, in_order
from trainingrun_daemon.rules.effects.counterspells import ward
from trainingrun_daemon.rules.effects.life import bar_this_turn
from trainingrun_daemon.rules.effects.removal import (
    damage_targets,
    destroy_all,
    destroy_targets,
    exile_if_it_dies,
    exile_targets,
)
from trainingrun_daemon.rules.effects.statics import enlarge, give, grant, host
from trainingrun_daemon.rules.effects.targeting import (
    target_creature,
    target_creature_that,
    target_own_creature,
    target_permanent_that,
)
from trainingrun_daemon.rules.effects.triggers import when_enters
from trainingrun_daemon.rules.enums import Bar, Keyword, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Card,
    CardFace,
    Game,
    Mode,
    StackItem,
    Target,
    TargetSpec,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import create_token, destroy, exile_while


def _can_get_lost(card: Card) -> bool:
    return card.is_creature or card.is_planeswalker or card.face.is_enchantment


def _get_lost(game: Game, item: StackItem) -> Steps | None:
    """Get Lost: the controller of what is destroyed (or stays, indestructible) gets two Maps."""
    card = first_card(item)
    if card is not None:
        seat = card.controller
        destroy(game, card)
        create_token(game, MAP, seat)
        create_token(game, MAP, seat)
    return None


def _lock_down(game: Game, item: StackItem) -> Steps | None:
    """Temporary Lockdown: everything small goes, on both sides; tokens for good."""
    if not item.source_is_there:
        return None
    small = [
        card
        for card in targets.permanents(game)
        if not card.is_land and card.printed.cost.mana_value <= 2
    ]
    for card in small:
        exile_while(game, item.card, card, back_to=Zone.BATTLEFIELD)
    return None


def _is_fighting(card: Card) -> bool:
    return card.attacking or card.blocking is not None


def _is_creature_or_vehicle(card: Card) -> bool:
    return card.is_creature or card.has_subtype("Vehicle")


def _is_tapped(_game: Game, target: Target) -> bool:
    return isinstance(target, Card) and target.tapped


def _is_untapped(game: Game, target: Target) -> bool:
    return not _is_tapped(game, target)


def _rides_end(*, is_tapped: bool, ways: tuple[Way, ...] = ()) -> CardFace:
    """Ride's End with its full cost, or the one that it has with a tapped target.

    The cost depends on the target, so the two are separate ways to cast it. A target that is
    untapped later stays legal.
    """
    return define(
        "Ride's End",
        "{4}{W}",
        "Instant",
        text="Exile target creature or Vehicle. Costs {3} less if that is tapped.",
        targets=(
            TargetSpec(
                text="target creature or Vehicle" + (", tapped" if is_tapped else ""),
                candidates=targets.that(_is_creature_or_vehicle, targets.all_permanents),
                purpose=Purpose.REMOVE,
                when_chosen=_is_tapped if is_tapped else _is_untapped,
            ),
        ),
        spell=exile_targets,
        ways=ways,
    )


_IF_TAPPED: Final = Way(
    name="tapped target", cost=parse_cost("{1}{W}"), face=_rides_end(is_tapped=True)
)

CARDS: Final[tuple[CardFace, ...]] = (
    define(
        "Elspeth's Smite",
        "{W}",
        "Instant",
        text="3 damage to target attacking or blocking creature. It is exiled if it would die "
        "this turn.",
        targets=(
            target_creature_that(
                "target attacking or blocking creature", _is_fighting, Purpose.DAMAGE, 3
            ),
        ),
        spell=in_order(exile_if_it_dies, damage_targets(3)),
    ),
    define(
        "Holy Day",
        "{W}",
        "Instant",
        text="No combat damage is dealt this turn.",
        spell=bar_this_turn(Bar.COMBAT_DAMAGE),
        use=Use.SHIELD,
    ),
    define(
        "Destroy Evil",
        "{1}{W}",
        "Instant",
        text="Destroy a creature with toughness 4 or more, or destroy an enchantment.",
        modes=(
            Mode(
                text="Destroy target creature with toughness 4 or more",
                targets=(
                    target_creature_that(
                        "target creature with toughness 4 or more",
                        lambda card: card.toughness >= 4,
                        Purpose.REMOVE,
                    ),
                ),
                effect=destroy_targets,
            ),
            Mode(
                text="Destroy target enchantment",
                targets=(
                    target_permanent_that(
                        "target enchantment", lambda card: card.face.is_enchantment, Purpose.REMOVE
                    ),
                ),
                effect=destroy_targets,
            ),
        ),
    ),
    define(
        "Get Lost",
        "{1}{W}",
        "Instant",
        text="Destroy target creature, enchantment or planeswalker. Its controller creates two "
        "Maps.",
        targets=(
            target_permanent_that(
                "target creature, enchantment or planeswalker", _can_get_lost, Purpose.REMOVE
            ),
        ),
        spell=_get_lost,
    ),
    define(
        "Pacifism",
        "{1}{W}",
        "Enchantment - Aura",
        text="Enchant creature: it can't attack or block.",
        targets=(target_creature(Purpose.REMOVE),),
        statics=(give(host, Keyword.CANT_ATTACK, Keyword.CANT_BLOCK),),
    ),
    define(
        "Sheltered by Ghosts",
        "{1}{W}",
        "Enchantment - Aura",
        text="Enchant creature you control: +1/+0, lifelink and ward {2}. When it enters, exile "
        "target nonland permanent of an opponent until it leaves.",
        targets=(target_own_creature(Purpose.GROW),),
        statics=(
            enlarge(1, 0, host),
            give(host, Keyword.LIFELINK),
            grant(host, ward("{2}")),
        ),
        triggers=(
            when_enters(
                "exile a nonland permanent of an opponent until it leaves.",
                exile_targets_until_it_leaves,
                targets=(
                    TargetSpec(
                        text="target nonland permanent an opponent controls",
                        candidates=targets.opposing(
                            targets.that(lambda card: not card.is_land, targets.all_permanents)
                        ),
                        purpose=Purpose.REMOVE,
                    ),
                ),
            ),
        ),
    ),
    define(
        "Temporary Lockdown",
        "{1}{W}{W}",
        "Enchantment",
        text="When it enters, exile all nonland permanents with mana value 2 or less until it "
        "leaves.",
        triggers=(when_enters("exile all with mana value 2 or less until it leaves.", _lock_down),),
        use=Use.SWEEP,
    ),
    define(
        "Day of Judgment",
        "{2}{W}{W}",
        "Sorcery",
        text="Destroy all creatures.",
        spell=destroy_all(),
        use=Use.SWEEP,
    ),
    _rides_end(is_tapped=False, ways=(_IF_TAPPED,)),
)
