"""Red spells that are no creatures.

A kicked or bargained spell that hits harder is a face of its own (``Way.face``), so that its
targets are ordered by the damage that it really deals.

Simplified: Avatar Roku has mana value 0 instead of that of his front.
"""

from typing import Final

from trainingrun_daemon.cards.define import define, token
from trainingrun_daemon.cards.tokens import CLUE
from trainingrun_daemon.rules.damage import deal_damage
from trainingrun_daemon.rules.effects.alternative_costs import WARP, harmonize
from trainingrun_daemon.rules.effects.board import make_tokens
from trainingrun_daemon.rules.effects.combinators import first_card, in_order
from trainingrun_daemon.rules.effects.library import exile_to_play, look_at_top, scry
from trainingrun_daemon.rules.effects.pump import boost_targets
from trainingrun_daemon.rules.effects.removal import (
    damage_creatures,
    damage_opponent,
    damage_targets,
    destroy_targets,
    exile_if_it_dies,
    hit,
)
from trainingrun_daemon.rules.effects.rituals import add_mana_of_any_color, firebending
from trainingrun_daemon.rules.effects.targeting import (
    any_target,
    target_creature,
    target_creature_hit_by,
    target_creature_or_planeswalker,
    target_own_creature,
    target_permanent_that,
)
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Aim,
    Card,
    CardFace,
    Game,
    Mode,
    Payment,
    Player,
    StackItem,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import (
    create_token,
    move_card,
    put_on_battlefield_turned,
    put_on_bottom,
)


def _propulsion(_aim: Aim, target: Card | Player) -> int:
    """Cut Propulsion: the creature's power, twice that if it flies."""
    if isinstance(target, Player):
        return 0
    return target.power * (2 if Keyword.FLYING in target.keywords else 1)


def _cut_propulsion(game: Game, item: StackItem) -> Steps | None:
    """Cut Propulsion: the creature itself is the source of the damage."""
    creature = first_card(item)
    if creature is not None:
        amount = _propulsion(Aim(item.controller, item.card), creature)
        game.say(f"{creature.face.name} ({creature.id}) deals {amount} damage to itself")
        deal_damage(game, creature, creature, amount=amount)
    return None


def _full_bore(game: Game, item: StackItem) -> Steps | None:
    """Full Bore: trample and haste for a creature that was cast by warp."""
    creature = first_card(item)
    is_warped = creature is not None and creature.cast_way == WARP
    keywords = (Keyword.TRAMPLE, Keyword.HASTE) if is_warped else ()
    return boost_targets(3, 2, *keywords)(game, item)


def _play_with_fire(game: Game, item: StackItem) -> Steps:
    """Play with Fire: scry 1 if it was a player who was dealt damage."""
    target = item.standing[0]
    if target is None:
        return
    dealt = hit(game, item, target, 2)
    if dealt and isinstance(target, Player):
        yield from look_at_top(game, item.controller, 1, away=put_on_bottom, word="scry")


def _witness_damage(aim: Aim, _target: Card | Player) -> int:
    return 2 * aim.x


def _torch_the_witness(game: Game, item: StackItem) -> Steps | None:
    """Torch the Witness: a Clue for damage beyond what was lethal."""
    creature = first_card(item)
    if creature is not None:
        lethal = max(creature.toughness - creature.damage, 0)
        if hit(game, item, creature, 2 * item.x) > lethal:
            create_token(game, CLUE, item.controller)
    return None


def _attackers_this_turn(game: Game, _card: Card) -> int:
    return sum(player.attackers_declared for player in game.players)


def _may_be_bargained(_source: Card, card: Card) -> bool:
    return card.is_token or card.is_artifact or card.face.is_enchantment


def _return_turned(game: Game, item: StackItem) -> Steps:
    """The Legend of Roku III: it leaves and comes back as the avatar."""
    if item.source_is_there:
        move_card(game, item.card, Zone.EXILE)
        yield from put_on_battlefield_turned(game, item.card, controller=item.controller)


_DRAGON: Final = token(
    "Dragon",
    "R",
    "Dragon",
    size=(4, 4),
    keywords=(Keyword.FLYING,),
    text="Flying. Firebending 4.",
    triggers=(firebending(4),),
)

CARDS: Final[tuple[CardFace, ...]] = (
    define(
        "Burst Lightning",
        "{R}",
        "Instant",
        text="Kicker {4}. 2 damage to any target, 4 if kicked.",
        targets=(any_target(2),),
        spell=damage_targets(2),
        ways=(
            Way(
                name="Kicker",
                cost=parse_cost("{4}{R}"),
                face=define(
                    "Burst Lightning",
                    "{R}",
                    "Instant",
                    text="Kicked: 4 damage to any target.",
                    targets=(any_target(4),),
                    spell=damage_targets(4),
                ),
            ),
        ),
    ),
    define(
        "Lightning Strike",
        "{1}{R}",
        "Instant",
        text="3 damage to any target.",
        targets=(any_target(3),),
        spell=damage_targets(3),
    ),
    define(
        "Channeled Dragonfire",
        "{R}",
        "Sorcery",
        text="2 damage to any target. Harmonize {5}{R}{R}: from your graveyard, cheaper by the "
        "power of one creature tapped for it, then exiled.",
        targets=(any_target(2),),
        spell=damage_targets(2),
        ways=harmonize("{5}{R}{R}"),
    ),
    define(
        "Full Bore",
        "{R}",
        "Instant",
        text="Your target creature gets +3/+2 until end of turn, and trample and haste if it was "
        "cast by warp.",
        targets=(target_own_creature(),),
        spell=_full_bore,
        use=Use.TRICK,
    ),
    define(
        "Obliterating Bolt",
        "{1}{R}",
        "Sorcery",
        text="4 damage to target creature or planeswalker, which is exiled if it would die this "
        "turn.",
        targets=(target_creature_or_planeswalker(Purpose.DAMAGE, 4),),
        spell=in_order(exile_if_it_dies, damage_targets(4)),
    ),
    define(
        "Scorching Dragonfire",
        "{1}{R}",
        "Instant",
        text="3 damage to target creature or planeswalker, which is exiled if it would die this "
        "turn.",
        targets=(target_creature_or_planeswalker(Purpose.DAMAGE, 3),),
        spell=in_order(exile_if_it_dies, damage_targets(3)),
    ),
    define(
        "Torch the Tower",
        "{R}",
        "Instant",
        text="Bargain: you may sacrifice an artifact, enchantment or token. 2 damage to target "
        "creature or planeswalker; bargained 3, and scry 1. Exiled if it would die this turn.",
        targets=(target_creature_or_planeswalker(Purpose.DAMAGE, 2),),
        spell=in_order(exile_if_it_dies, damage_targets(2)),
        ways=(
            Way(
                name="Bargain",
                cost=parse_cost("{R}"),
                payments=(Payment(kind=PaymentKind.SACRIFICE, what=_may_be_bargained),),
                face=define(
                    "Torch the Tower",
                    "{R}",
                    "Instant",
                    text="Bargained: 3 damage to target creature or planeswalker, and scry 1.",
                    targets=(target_creature_or_planeswalker(Purpose.DAMAGE, 3),),
                    spell=in_order(exile_if_it_dies, damage_targets(3), scry(1)),
                ),
            ),
        ),
    ),
    define(
        "Cut Propulsion",
        "{2}{R}",
        "Instant",
        text="Target creature deals damage equal to its power to itself, twice that if it flies.",
        targets=(target_creature_hit_by(_propulsion),),
        spell=_cut_propulsion,
    ),
    define(
        "Pyroclasm",
        "{1}{R}",
        "Sorcery",
        text="2 damage to each creature.",
        spell=damage_creatures(2),
        use=Use.SWEEP,
    ),
    define(
        "Witchstalker Frenzy",
        "{3}{R}",
        "Instant",
        text="Costs {1} less for each creature that attacked this turn. 5 damage to target "
        "creature.",
        targets=(target_creature(Purpose.DAMAGE, 5),),
        spell=damage_targets(5),
        discount=_attackers_this_turn,
    ),
    define(
        "Abrade",
        "{1}{R}",
        "Instant",
        text="Choose one: 3 damage to target creature; or destroy target artifact.",
        modes=(
            Mode(
                text="3 damage to target creature",
                targets=(target_creature(Purpose.DAMAGE, 3),),
                effect=damage_targets(3),
            ),
            Mode(
                text="Destroy target artifact",
                targets=(
                    target_permanent_that(
                        "target artifact", lambda card: card.is_artifact, Purpose.REMOVE
                    ),
                ),
                effect=destroy_targets,
            ),
        ),
    ),
    define(
        "Play with Fire",
        "{R}",
        "Instant",
        text="2 damage to any target. Scry 1 if a player was dealt damage this way.",
        targets=(any_target(2),),
        spell=_play_with_fire,
    ),
    define(
        "Boltwave",
        "{R}",
        "Sorcery",
        text="3 damage to each opponent.",
        spell=damage_opponent(3),
    ),
    define(
        "Torch the Witness",
        "{X}{R}",
        "Sorcery",
        text="Twice X damage to target creature. Investigate if that was more than lethal.",
        targets=(target_creature_hit_by(_witness_damage),),
        spell=_torch_the_witness,
    ),
    define(
        "The Legend of Roku",
        "{2}{R}{R}",
        "Enchantment - Saga",
        text="I: exile your top three cards; you may play them until the end of your next turn. "
        "II: add one mana of any color. III: exile this and return it as Avatar Roku.",
        chapters=(
            Mode(
                text="I: exile three cards that you may play.",
                effect=exile_to_play(3, until_next_turn=True),
            ),
            Mode(text="II: add one mana of any color.", effect=add_mana_of_any_color),
            Mode(text="III: it returns as Avatar Roku.", effect=_return_turned),
        ),
        back=CardFace(
            name="Avatar Roku",
            types="Legendary Creature - Avatar",
            text="Firebending 4: whenever it attacks, add {R}{R}{R}{R} until the end of combat. "
            "{8}: create a 4/4 red Dragon with flying and firebending 4.",
            colors="R",
            power=4,
            toughness=4,
            triggers=(firebending(4),),
            activated=(
                Activated(
                    text="Create a 4/4 Dragon",
                    cost=parse_cost("{8}"),
                    effect=make_tokens(_DRAGON),
                ),
            ),
        ),
    ),
)
