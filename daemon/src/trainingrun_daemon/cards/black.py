"""Black cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define, token
from trainingrun_daemon.rules.damage import lose_life
from trainingrun_daemon.rules.effects import life
from trainingrun_daemon.rules.effects.board import make_tokens
from trainingrun_daemon.rules.effects.combinators import first_card, in_order
from trainingrun_daemon.rules.effects.library import discard_chosen, draw, take_from_hand
from trainingrun_daemon.rules.effects.removal import destroy_targets
from trainingrun_daemon.rules.effects.targeting import (
    target_creature,
    target_creature_or_planeswalker,
    target_creature_that,
    target_opponent,
)
from trainingrun_daemon.rules.effects.triggers import is_opponents, is_own, when_enters
from trainingrun_daemon.rules.enums import Event, Keyword, PaymentKind, Purpose, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Card,
    CardFace,
    Game,
    Happening,
    Payment,
    StackItem,
    TargetSpec,
    Trigger,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import all_permanents, opposing, that
from trainingrun_daemon.rules.zones import destroy, exile_while, put_on_battlefield

_OUTLAWS: Final = ("Assassin", "Mercenary", "Pirate", "Rogue", "Warlock")
_CUT_DOWN_LIMIT: Final = 5
_VAMPIRE: Final = token("Vampire", "W", "Vampire", size=(1, 1), keywords=(Keyword.LIFELINK,))


def _is_small(card: Card) -> bool:
    return card.power + card.toughness <= _CUT_DOWN_LIMIT


def _is_no_outlaw(card: Card) -> bool:
    return not any(card.has_subtype(outlaw) for outlaw in _OUTLAWS)


def _is_creature_or_enchantment(card: Card) -> bool:
    return card.is_creature or card.face.is_enchantment


def _is_nonland(card: Card) -> bool:
    return not card.face.is_land


def _is_noncreature_nonland(card: Card) -> bool:
    return not (card.face.is_land or card.face.is_creature)


def _hold_until_it_leaves(game: Game, item: StackItem, card: Card) -> None:
    """Deep-Cavern Bat: the card stays in exile while the bat does, then goes back to the hand."""
    if item.source_is_there:
        exile_while(game, item.card, card, back_to=Zone.HAND)


def _attacks_richest(game: Game, card: Card, happening: Happening) -> bool:
    """Preacher of the Schism attacks a player (no planeswalker) with the most life."""
    if happening.card is not card or game.combat is None or card.id in game.combat.targets:
        return False
    return game.players[1 - card.controller].life >= game.players[card.controller].life


def _attacks_as_richest(game: Game, card: Card, happening: Happening) -> bool:
    """Preacher of the Schism attacks while its controller has the most life."""
    if happening.card is not card:
        return False
    return game.players[card.controller].life >= game.players[1 - card.controller].life


def _feed(game: Game, item: StackItem) -> Steps | None:
    """Feed the Swarm: destroy, then lose the permanent's mana value in life."""
    card = first_card(item)
    if card is not None:
        price = card.printed.cost.mana_value
        destroy(game, card)
        lose_life(game, game.players[item.controller], price)
    return None


def _reassemble(game: Game, item: StackItem) -> Steps:
    """Reassembling Skeleton comes back tapped, if it still is in the graveyard."""
    card = item.card
    if card.zone is Zone.GRAVEYARD and card.moves == item.source_moves:
        yield from put_on_battlefield(game, card, tapped=True)


_LIFELINK_DEATHTOUCH: Final = (Keyword.DEATHTOUCH, Keyword.LIFELINK)

CARDS: Final[tuple[CardFace, ...]] = (
    define(
        "Cut Down",
        "{B}",
        "Instant",
        text="Destroy target creature whose power and toughness add up to 5 or less.",
        targets=(
            target_creature_that(
                "target creature with total power and toughness 5 or less",
                _is_small,
                Purpose.REMOVE,
            ),
        ),
        spell=destroy_targets,
    ),
    define(
        "Go for the Throat",
        "{1}{B}",
        "Instant",
        text="Destroy target creature that is no artifact.",
        targets=(
            target_creature_that(
                "target nonartifact creature", lambda card: not card.is_artifact, Purpose.REMOVE
            ),
        ),
        spell=destroy_targets,
    ),
    define(
        "Shoot the Sheriff",
        "{1}{B}",
        "Instant",
        text="Destroy target creature that is no outlaw (Assassin, Mercenary, Pirate, Rogue or "
        "Warlock).",
        targets=(
            target_creature_that("target non-outlaw creature", _is_no_outlaw, Purpose.REMOVE),
        ),
        spell=destroy_targets,
    ),
    define(
        "Bitter Triumph",
        "{1}{B}",
        "Instant",
        text="Additional cost: discard a card or pay 3 life. Destroy target creature or "
        "planeswalker.",
        targets=(target_creature_or_planeswalker(Purpose.REMOVE),),
        spell=destroy_targets,
        is_castable=False,
        ways=(
            Way(
                name="Discard a card",
                cost=parse_cost("{1}{B}"),
                payments=(Payment(kind=PaymentKind.DISCARD),),
            ),
            Way(
                name="Pay 3 life",
                cost=parse_cost("{1}{B}"),
                payments=(Payment(kind=PaymentKind.LIFE, amount=3),),
            ),
        ),
    ),
    define(
        "Infernal Grasp",
        "{1}{B}",
        "Instant",
        text="Destroy target creature. You lose 2 life.",
        targets=(target_creature(Purpose.REMOVE),),
        spell=in_order(destroy_targets, life.lose(2)),
    ),
    define(
        "Hero's Downfall",
        "{1}{B}{B}",
        "Instant",
        text="Destroy target creature or planeswalker.",
        targets=(target_creature_or_planeswalker(Purpose.REMOVE),),
        spell=destroy_targets,
    ),
    define(
        "Feed the Swarm",
        "{1}{B}",
        "Sorcery",
        text="Destroy target creature or enchantment of an opponent. You lose life equal to its "
        "mana value.",
        targets=(
            TargetSpec(
                text="target creature or enchantment an opponent controls",
                candidates=opposing(that(_is_creature_or_enchantment, all_permanents)),
                purpose=Purpose.REMOVE,
            ),
        ),
        spell=_feed,
    ),
    define(
        "Duress",
        "{B}",
        "Sorcery",
        text="Target opponent reveals their hand and discards a card of your choice that is "
        "neither creature nor land.",
        targets=(target_opponent(),),
        spell=take_from_hand(_is_noncreature_nonland),
    ),
    creature(
        "Vampire of the Dire Moon",
        "{B}",
        "Vampire",
        size=(1, 1),
        text="Deathtouch, lifelink.",
        keywords=_LIFELINK_DEATHTOUCH,
    ),
    creature(
        "Gifted Aetherborn",
        "{B}{B}",
        "Aetherborn Vampire",
        size=(2, 3),
        text="Deathtouch, lifelink.",
        keywords=_LIFELINK_DEATHTOUCH,
    ),
    creature(
        "Vampire Nighthawk",
        "{1}{B}{B}",
        "Vampire Shaman",
        size=(2, 3),
        text="Flying, deathtouch, lifelink.",
        keywords=(Keyword.FLYING, *_LIFELINK_DEATHTOUCH),
    ),
    creature(
        "Deep-Cavern Bat",
        "{1}{B}",
        "Bat",
        size=(1, 1),
        text="Flying, lifelink. When it enters, look at target opponent's hand; you may exile a "
        "nonland card from it until this leaves the battlefield.",
        keywords=(Keyword.FLYING, Keyword.LIFELINK),
        triggers=(
            when_enters(
                "look at target opponent's hand and exile a nonland card from it.",
                take_from_hand(_is_nonland, then=_hold_until_it_leaves, optional=True),
                targets=(target_opponent(),),
            ),
        ),
    ),
    creature(
        "Burglar Rat",
        "{1}{B}",
        "Rat",
        size=(1, 1),
        text="When it enters, each opponent discards a card.",
        triggers=(
            when_enters(
                "each opponent discards a card.", discard_chosen(lambda item: 1 - item.controller)
            ),
        ),
    ),
    creature(
        "Reassembling Skeleton",
        "{1}{B}",
        "Skeleton Warrior",
        size=(1, 1),
        text="{1}{B}: return this from your graveyard to the battlefield tapped.",
        activated=(
            Activated(
                text="Return it from your graveyard to the battlefield tapped",
                cost=parse_cost("{1}{B}"),
                effect=_reassemble,
                zone=Zone.GRAVEYARD,
            ),
        ),
    ),
    creature(
        "Preacher of the Schism",
        "{2}{B}",
        "Vampire Cleric",
        size=(2, 4),
        text="Deathtouch. Whenever it attacks the player with the most life (or tied), create a "
        "1/1 white Vampire with lifelink. Whenever it attacks while you have the most life (or are "
        "tied), draw a card and lose 1 life.",
        keywords=(Keyword.DEATHTOUCH,),
        triggers=(
            Trigger(
                event=Event.ATTACKS,
                text="create a 1/1 Vampire with lifelink.",
                effect=make_tokens(_VAMPIRE),
                condition=_attacks_richest,
            ),
            Trigger(
                event=Event.ATTACKS,
                text="you draw a card and lose 1 life.",
                effect=in_order(draw(1), life.lose(1)),
                condition=_attacks_as_richest,
            ),
        ),
    ),
    creature(
        "Sheoldred, the Apocalypse",
        "{2}{B}{B}",
        "Legendary - Phyrexian Praetor",
        size=(4, 5),
        text="Deathtouch. You gain 2 life whenever you draw a card; an opponent who draws a card "
        "loses 2 life.",
        keywords=(Keyword.DEATHTOUCH,),
        triggers=(
            Trigger(
                event=Event.DRAWS, text="you gain 2 life.", effect=life.gain(2), condition=is_own
            ),
            Trigger(
                event=Event.DRAWS,
                text="that player loses 2 life.",
                effect=life.drain_opponent(2),
                condition=is_opponents,
            ),
        ),
    ),
)
