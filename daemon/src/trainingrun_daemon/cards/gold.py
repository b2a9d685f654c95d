"""Cards of several colours."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.cards.tokens import MONK, SOLDIER
from trainingrun_daemon.rules import targets
from trainingrun_daemon.rules.choices import ChooseCards, Reveal, ask_cards
from trainingrun_daemon.rules.continuous import boost
from trainingrun_daemon.rules.effects import life
from trainingrun_daemon.rules.effects.board import make_tokens
from trainingrun_daemon.rules.effects.combinators import first_card, in_order
from trainingrun_daemon.rules.effects.counterspells import counter_unless, return_spell, ward
from trainingrun_daemon.rules.effects.library import allow_play, draw, end_of_next_turn
from trainingrun_daemon.rules.effects.pump import boost_own_creatures, boost_targets
from trainingrun_daemon.rules.effects.removal import damage_targets, destroy_targets, hit
from trainingrun_daemon.rules.effects.split_cards import adventure, may_cast_copy, split
from trainingrun_daemon.rules.effects.targeting import (
    any_target,
    target_creature,
    target_in_graveyard,
    target_permanent_that,
    target_player_or_planeswalker,
    target_spell,
)
from trainingrun_daemon.rules.effects.triggers import when_dies, when_enters
from trainingrun_daemon.rules.enums import Keyword, Purpose, Use, Zone
from trainingrun_daemon.rules.model import (
    Aim,
    Card,
    CardFace,
    Game,
    Mode,
    Player,
    StackItem,
    Target,
    TargetSpec,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import discard, draw_cards, move_card


def _harden(game: Game, item: StackItem) -> Steps | None:
    """Boros Charm: everything of the controller, not only creatures, is indestructible."""
    for card in game.players[item.controller].battlefield:
        boost(game, card, keywords=frozenset({Keyword.INDESTRUCTIBLE}))
    return None


def _spells_and_permanents(game: Game, aim: Aim) -> list[Target]:
    return [*targets.spells(game, aim), *targets.all_permanents(game, aim)]


def _return_then_burn(game: Game, item: StackItem) -> Steps | None:
    """Jeskai Revelation: back to hand with one target, 4 damage to the other."""
    returned, burned = item.standing
    if isinstance(returned, StackItem):
        return_spell(game, returned)
    elif isinstance(returned, Card):
        move_card(game, returned, Zone.HAND)
    if burned is not None:
        hit(game, item, burned, 4)
    return None


def _is_own_cheap_card(card: Card, aim: Aim) -> bool:
    is_own = card.owner == aim.seat
    return is_own and not card.face.is_land and card.face.cost.mana_value <= 3


def _cast_from_graveyard(game: Game, item: StackItem) -> Steps:
    """Shiko: exile the card, copy it, and the copy may be cast."""
    card = first_card(item)
    if card is not None:
        move_card(game, card, Zone.EXILE)
        yield from may_cast_copy(game, item.controller, card)


def _trade_card(game: Game, item: StackItem) -> Steps:
    """Oildeep Gearhulk: look at a hand; a card of it may be exchanged for an unknown one."""
    player = item.standing[0]
    if not isinstance(player, Player) or not player.hand:
        return
    name = item.card.face.name
    if player.seat != item.controller:
        message = f"{name} looks at a hand"
        yield Reveal(item.controller, list(player.hand), message=message)
    choice = ChooseCards(
        item.controller,
        sorted(player.hand, key=lambda card: -card.face.cost.mana_value),
        count=(0, 1),
        message=f"{name}: choose a card that its owner discards to draw another",
        purpose=Purpose.KEEP,
    )
    for card in (yield from ask_cards(choice)):
        discard(game, card)
        draw_cards(game, player.seat, 1)


_DREAD_WHISPERS: Final = define(
    "Dread Whispers",
    "{1}{B}",
    "Sorcery - Adventure",
    text="You draw a card and lose 1 life. The creature may be cast from exile later.",
    spell=in_order(draw(1), life.lose(1)),
)


def _whisper_from_graveyard(game: Game, item: StackItem) -> Steps | None:
    """Mosswood Dreadknight: its adventure may be cast where it died, if it still is there."""
    card = item.card
    if card in game.players[card.owner].graveyard and card.moves == item.source_moves + 1:
        last_turn = end_of_next_turn(game, item.controller)
        allow_play(game, card, item.controller, last_turn=last_turn, half=_DREAD_WHISPERS)
    return None


_TARGET_ARTIFACT: Final = target_permanent_that(
    "target artifact", lambda card: card.is_artifact, Purpose.REMOVE
)
_TARGET_ENCHANTMENT: Final = target_permanent_that(
    "target enchantment", lambda card: card.face.is_enchantment, Purpose.REMOVE
)
_WEAR: Final = define(
    "Wear",
    "{1}{R}",
    "Instant",
    text="Destroy target artifact.",
    targets=(_TARGET_ARTIFACT,),
    spell=destroy_targets,
)
_TEAR: Final = define(
    "Tear",
    "{W}",
    "Instant",
    text="Destroy target enchantment.",
    targets=(_TARGET_ENCHANTMENT,),
    spell=destroy_targets,
)

CARDS: Final[tuple[CardFace, ...]] = (
    define(
        "Lightning Helix",
        "{R}{W}",
        "Instant",
        text="3 damage to any target, and you gain 3 life.",
        targets=(any_target(3),),
        spell=in_order(damage_targets(3), life.gain(3)),
    ),
    define(
        "Boros Charm",
        "{R}{W}",
        "Instant",
        text="4 damage to a player or planeswalker; or your permanents are indestructible this "
        "turn; or a creature has double strike this turn.",
        modes=(
            Mode(
                text="4 damage to target player or planeswalker",
                targets=(target_player_or_planeswalker(4),),
                effect=damage_targets(4),
            ),
            Mode(
                text="Your permanents are indestructible this turn",
                effect=_harden,
                use=Use.SHIELD,
            ),
            Mode(
                text="Target creature has double strike this turn",
                targets=(target_creature(Purpose.BOOST),),
                effect=boost_targets(0, 0, Keyword.DOUBLE_STRIKE),
                use=Use.TRICK,
            ),
        ),
    ),
    define(
        "No More Lies",
        "{W}{U}",
        "Instant",
        text="Counter target spell unless its controller pays {3}; it is exiled then.",
        targets=(target_spell(),),
        spell=counter_unless("{3}", to=Zone.EXILE),
    ),
    define(
        "Jeskai Revelation",
        "{4}{U}{R}{W}",
        "Instant",
        text="Return target spell or permanent to its owner's hand. 4 damage to any target. "
        "Create two 1/1 white Monks with prowess. Draw two cards. You gain 4 life.",
        targets=(
            TargetSpec(
                text="target spell or permanent",
                candidates=_spells_and_permanents,
                purpose=Purpose.BOUNCE,
            ),
            any_target(4),
        ),
        spell=in_order(_return_then_burn, make_tokens(MONK, 2), draw(2), life.gain(4)),
    ),
    creature(
        "Shiko, Paragon of the Way",
        "{2}{U}{R}{W}",
        "Legendary - Spirit Dragon",
        size=(4, 5),
        text="Flying, vigilance. When it enters, exile a nonland card with mana value 3 or less "
        "from your graveyard and copy it; you may cast the copy for nothing.",
        keywords=(Keyword.FLYING, Keyword.VIGILANCE),
        triggers=(
            when_enters(
                "copy a card of your graveyard; you may cast the copy.",
                _cast_from_graveyard,
                targets=(
                    target_in_graveyard(
                        "target nonland card with mana value 3 or less in your graveyard",
                        _is_own_cheap_card,
                        Purpose.KEEP,
                    ),
                ),
            ),
        ),
    ),
    creature(
        "Swiftblade Vindicator",
        "{R}{W}",
        "Human Soldier",
        size=(1, 1),
        text="Double strike, vigilance, trample.",
        keywords=(Keyword.DOUBLE_STRIKE, Keyword.VIGILANCE, Keyword.TRAMPLE),
    ),
    creature(
        "Oildeep Gearhulk",
        "{U}{U}{B}{B}",
        "Artifact - Construct",
        size=(4, 4),
        text="Lifelink, ward {1}. When it enters, look at target player's hand; you may choose a "
        "card there, which is discarded for a new one.",
        keywords=(Keyword.LIFELINK,),
        triggers=(
            ward("{1}"),
            when_enters(
                "look at a hand; you may exchange a card of it.",
                _trade_card,
                targets=(
                    TargetSpec(
                        text="target player", candidates=targets.players, purpose=Purpose.DISCARD
                    ),
                ),
            ),
        ),
    ),
    define(
        "Heroic Reinforcements",
        "{2}{R}{W}",
        "Sorcery",
        text="Create two 1/1 white Soldiers. Your creatures get +1/+1 and haste this turn.",
        spell=in_order(make_tokens(SOLDIER, 2), boost_own_creatures(1, 1, Keyword.HASTE)),
    ),
    creature(
        "Mosswood Dreadknight",
        "{1}{G}",
        "Human Knight",
        size=(3, 2),
        text="Trample. When it dies, you may cast its adventure Dread Whispers {1}{B} (draw a "
        "card, lose 1 life) from your graveyard until the end of your next turn.",
        keywords=(Keyword.TRAMPLE,),
        ways=(adventure(_DREAD_WHISPERS),),
        triggers=(
            when_dies("its adventure may be cast from the graveyard.", _whisper_from_graveyard),
        ),
    ),
    define(
        "Wear // Tear",
        "{1}{R}{W}",
        "Instant",
        text="Wear {1}{R}: destroy target artifact. Tear {W}: destroy target enchantment. Fuse.",
        targets=(_TARGET_ARTIFACT, _TARGET_ENCHANTMENT),
        spell=destroy_targets,
        is_castable=False,
        ways=split(_WEAR, _TEAR),
    ),
)
