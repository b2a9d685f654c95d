"""Blue cards.

Simplified: Stock Up puts the rest on the bottom in random order instead of an order of choice.
"""

from typing import Final

from trainingrun_daemon.cards.define import creature, define, token
from trainingrun_daemon.cards.tokens import CLUE, MAP
from trainingrun_daemon.rules.continuous import last, refresh
from trainingrun_daemon.rules.effects.board import copy_target, make_tokens, tap_targets
from trainingrun_daemon.rules.effects.combinators import first_card, if_cast, in_order
from trainingrun_daemon.rules.effects.counterspells import counter_targets, counter_unless, ward
from trainingrun_daemon.rules.effects.library import draw, loot, scry, take_from_top
from trainingrun_daemon.rules.effects.removal import bounce_targets
from trainingrun_daemon.rules.effects.statics import define_size
from trainingrun_daemon.rules.effects.targeting import (
    target_creature,
    target_opposing_creature,
    target_spell,
)
from trainingrun_daemon.rules.effects.triggers import when_dies, when_enters
from trainingrun_daemon.rules.enums import Event, Keyword, Layer, PaymentKind, Purpose, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Card,
    CardFace,
    Effect,
    Game,
    Happening,
    Mode,
    Payment,
    StackItem,
    TargetSpec,
    Tax,
    Trigger,
    Way,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import all_permanents, opposing, own, that
from trainingrun_daemon.rules.zones import (
    PLUS,
    STUN,
    add_counters,
    create_token,
    draw_cards,
    move_card,
    put_on_battlefield,
)

_FLYING: Final = (Keyword.FLYING,)
_TAP: Final = Payment(kind=PaymentKind.TAP)
_RETURNED: Final = "returned"
"""What ``Card.cast_way`` says of an Enduring permanent that has come back."""
_ADAPTED: Final = 4

_FISH: Final = token("Fish", "U", "Fish", size=(1, 1))
_SPIRIT: Final = token("Spirit", "W", "Spirit", size=(2, 2), keywords=_FLYING)


def _is_noncreature(item: StackItem) -> bool:
    return not item.face.is_creature


def _is_creature(item: StackItem) -> bool:
    return item.face.is_creature


def _is_expensive(item: StackItem) -> bool:
    """Whether a spell has mana value 4 or more; X counts as it was chosen (rule 202.3e)."""
    cost = item.face.cost
    return cost.mana_value + cost.xs * item.x >= 4


def _count_spells(game: Game, card: Card) -> int:
    """Count the instant and sorcery cards in the graveyard of the card's player."""
    graveyard = game.players[card.controller].graveyard
    return sum(not card.face.is_permanent for card in graveyard)


def _djinn_size(game: Game, card: Card) -> tuple[int, int]:
    return _count_spells(game, card), 4


def _is_own_instant_or_sorcery(source: Card, face: CardFace, seat: int) -> bool:
    """Haughty Djinn's discount. Simplified: it does not reach what modes cost besides (spree)."""
    return seat == source.controller and not face.is_permanent


def _consult(count: int) -> Effect:
    """Consult the Star Charts: look at as many cards as you control lands, take ``count``."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        battlefield = game.players[item.controller].battlefield
        lands = sum(card.is_land for card in battlefield)
        return take_from_top(lands, take=count)(game, item) if lands else None

    return resolve


def _draw_each(game: Game, _item: StackItem) -> Steps | None:
    for seat in (game.active, 1 - game.active):
        draw_cards(game, seat, 1)
    return None


def _is_second_draw_of_opponent(_game: Game, card: Card, happening: Happening) -> bool:
    return happening.seat != card.controller and happening.amount == 2


def _own_creature_hits_player(_game: Game, card: Card, happening: Happening) -> bool:
    source = happening.card
    if source is None or happening.other is not None or not happening.is_combat:
        return False
    return source.is_creature and source.controller == card.controller


def _drown(game: Game, item: StackItem) -> Steps | None:
    """Floodpits Drowner: it and the stunned target are shuffled into their owners' libraries."""
    cards = [first_card(item), item.card if item.source_is_there else None]
    for card in cards:
        if card is not None:
            owner = game.players[card.owner]
            move_card(game, card, Zone.LIBRARY)
            game.random.shuffle(owner.library)
    return None


def _return_as_enchantment(game: Game, item: StackItem) -> Steps:
    """Enduring Curiosity comes back once it has died, if it still is in the graveyard."""
    card = item.card
    is_there = card.zone is Zone.GRAVEYARD and card.moves == item.source_moves + 1
    if is_there and not card.is_token:
        yield from put_on_battlefield(game, card, way=_RETURNED)


def _enter_as_enchantment(game: Game, card: Card) -> Steps | None:
    """It is no creature from the moment at which it comes back."""
    if card.cast_way == _RETURNED:
        last(game, card, Layer.TYPES, _become_enchantment)
        refresh(game)
    return None


def _become_enchantment(_game: Game, _source: Card, card: Card) -> None:
    card.is_creature = False
    card.subtypes = frozenset()


def _give_fish(game: Game, item: StackItem) -> Steps | None:
    """The promised gift: a tapped Fish for the opponent."""
    create_token(game, _FISH, 1 - item.controller, tapped=True)
    return None


def _adapt(game: Game, item: StackItem) -> Steps | None:
    """Adapt (rule 701.46): counters only when it has none.

    Simplified: it cannot be activated while it has counters, when that would do nothing.
    """
    if item.source_is_there and not item.card.counters.get(PLUS):
        add_counters(game, item.card, PLUS, _ADAPTED)
    return None


def _is_nonland(card: Card) -> bool:
    return not card.is_land


def _is_artifact_or_creature(card: Card) -> bool:
    return card.is_artifact or card.is_creature


_FLOOD_MAW_GIFT: Final = define(
    "Into the Flood Maw",
    "{U}",
    "Instant",
    text="Gift: an opponent creates a tapped Fish. Return target nonland permanent of an opponent "
    "to its owner's hand.",
    targets=(
        TargetSpec(
            text="target nonland permanent an opponent controls",
            candidates=opposing(that(_is_nonland, all_permanents)),
            purpose=Purpose.BOUNCE,
        ),
    ),
    spell=in_order(_give_fish, bounce_targets),
)

_CREATURES: Final = (
    creature("Merfolk of the Pearl Trident", "{U}", "Merfolk", size=(1, 1)),
    creature("Coral Merfolk", "{1}{U}", "Merfolk", size=(2, 1)),
    creature("Storm Crow", "{1}{U}", "Bird", size=(1, 2), text="Flying.", keywords=_FLYING),
    creature("Wind Drake", "{2}{U}", "Drake", size=(2, 2), text="Flying.", keywords=_FLYING),
    creature("Snapping Drake", "{3}{U}", "Drake", size=(3, 2), text="Flying.", keywords=_FLYING),
    creature(
        "Air Elemental", "{3}{U}{U}", "Elemental", size=(4, 4), text="Flying.", keywords=_FLYING
    ),
    creature(
        "Spyglass Siren",
        "{U}",
        "Siren Pirate",
        size=(1, 1),
        text="Flying. When it enters, create a Map.",
        keywords=_FLYING,
        triggers=(when_enters("create a Map.", make_tokens(MAP)),),
    ),
    creature(
        "Pteramander",
        "{U}",
        "Salamander Drake",
        size=(1, 1),
        text="Flying. {7}{U}: adapt 4 (without +1/+1 counters it gets four); costs {1} less for "
        "each instant and sorcery card in your graveyard.",
        keywords=_FLYING,
        activated=(
            Activated(
                text="Adapt 4",
                cost=parse_cost("{7}{U}"),
                discount=_count_spells,
                effect=_adapt,
                condition=lambda _game, card: PLUS not in card.counters,
            ),
        ),
    ),
    creature(
        "Faerie Mastermind",
        "{1}{U}",
        "Faerie Rogue",
        size=(2, 1),
        text="Flash, flying. Draw a card whenever an opponent draws their second card of a turn. "
        "{3}{U}: each player draws a card.",
        keywords=(Keyword.FLASH, Keyword.FLYING),
        triggers=(
            Trigger(
                event=Event.DRAWS,
                text="you draw a card.",
                effect=draw(1),
                condition=_is_second_draw_of_opponent,
            ),
        ),
        activated=(
            Activated(
                text="Each player draws a card", cost=parse_cost("{3}{U}"), effect=_draw_each
            ),
        ),
    ),
    creature(
        "Floodpits Drowner",
        "{1}{U}",
        "Merfolk",
        size=(2, 1),
        text="Flash, vigilance. When it enters, tap target creature of an opponent and put a stun "
        "counter on it. {1}{U}, tap: shuffle this and target stunned creature into their owners' "
        "libraries.",
        keywords=(Keyword.FLASH, Keyword.VIGILANCE),
        triggers=(
            when_enters(
                "tap target creature an opponent controls and stun it.",
                tap_targets(stun=1),
                targets=(target_opposing_creature(Purpose.TAP),),
            ),
        ),
        activated=(
            Activated(
                text="Shuffle it and target creature with a stun counter into their libraries",
                cost=parse_cost("{1}{U}"),
                payments=(_TAP,),
                targets=(
                    TargetSpec(
                        text="target creature with a stun counter",
                        candidates=that(lambda card: STUN in card.counters),
                        purpose=Purpose.REMOVE,
                    ),
                ),
                effect=_drown,
            ),
        ),
    ),
    creature(
        "Cloudkin Seer",
        "{2}{U}",
        "Elemental Wizard",
        size=(2, 1),
        text="Flying. When it enters, draw a card.",
        keywords=_FLYING,
        triggers=(when_enters("draw a card.", draw(1)),),
    ),
    creature(
        "Haughty Djinn",
        "{1}{U}{U}",
        "Djinn",
        size=(0, 4),
        text="Flying. Its power is the number of instant and sorcery cards in your graveyard. Your "
        "instants and sorceries cost {1} less.",
        keywords=_FLYING,
        statics=(define_size(_djinn_size),),
        taxes=(Tax(amount=-1, applies=_is_own_instant_or_sorcery),),
    ),
    creature(
        "Enduring Curiosity",
        "{2}{U}{U}",
        "Enchantment - Cat Glimmer",
        size=(4, 3),
        text="Flash. Draw a card whenever a creature you control deals combat damage to a player. "
        "When this creature dies, it returns as an enchantment that is no creature.",
        keywords=(Keyword.FLASH,),
        as_enters=_enter_as_enchantment,
        triggers=(
            Trigger(
                event=Event.DAMAGES,
                text="draw a card.",
                effect=draw(1),
                condition=_own_creature_hits_player,
            ),
            when_dies("return it as an enchantment.", _return_as_enchantment),
        ),
    ),
    creature(
        "Tolarian Terror",
        "{6}{U}",
        "Serpent",
        size=(5, 5),
        text="Costs {1} less for each instant and sorcery card in your graveyard. Ward {2}.",
        discount=_count_spells,
        triggers=(ward("{2}"),),
    ),
)

_SPELLS: Final = (
    define(
        "Unsummon",
        "{U}",
        "Instant",
        text="Put target creature back into its owner's hand.",
        targets=(target_creature(Purpose.BOUNCE),),
        spell=bounce_targets,
    ),
    define(
        "Into the Flood Maw",
        "{U}",
        "Instant",
        text="You may promise an opponent a tapped Fish. Return target creature of an opponent to "
        "its owner's hand; with the gift, target nonland permanent of an opponent.",
        targets=(target_opposing_creature(Purpose.BOUNCE),),
        spell=bounce_targets,
        ways=(Way(name="Gift", cost=parse_cost("{U}"), face=_FLOOD_MAW_GIFT),),
    ),
    define(
        "Opt",
        "{U}",
        "Instant",
        text="Scry 1, then draw a card.",
        spell=in_order(scry(1), draw(1)),
    ),
    define("Quick Study", "{2}{U}", "Instant", text="Draw two cards.", spell=draw(2)),
    define(
        "Deduce",
        "{1}{U}",
        "Instant",
        text="Draw a card and create a Clue.",
        spell=in_order(draw(1), make_tokens(CLUE)),
    ),
    define(
        "Stock Up",
        "{2}{U}",
        "Sorcery",
        text="Look at your top five cards, take two of them, put the others on the bottom.",
        spell=take_from_top(5, take=2),
    ),
    define(
        "Consult the Star Charts",
        "{1}{U}",
        "Instant",
        text="Look at as many of your top cards as you control lands and take one of them, two "
        "with kicker {1}{U}; the others go to the bottom.",
        spell=if_cast("Kicker", _consult(2), _consult(1)),
        ways=(Way(name="Kicker", cost=parse_cost("{2}{U}{U}")),),
    ),
    define(
        "Cancel",
        "{1}{U}{U}",
        "Instant",
        text="Counter target spell.",
        targets=(target_spell(),),
        spell=counter_targets,
    ),
    define(
        "Refute",
        "{1}{U}{U}",
        "Instant",
        text="Counter target spell. Draw a card, then discard one.",
        targets=(target_spell(),),
        spell=in_order(counter_targets, loot()),
    ),
    define(
        "Negate",
        "{1}{U}",
        "Instant",
        text="Counter target spell that is no creature.",
        targets=(target_spell("target noncreature spell", _is_noncreature),),
        spell=counter_targets,
    ),
    define(
        "Essence Scatter",
        "{1}{U}",
        "Instant",
        text="Counter target creature spell.",
        targets=(target_spell("target creature spell", _is_creature),),
        spell=counter_targets,
    ),
    define(
        "Disdainful Stroke",
        "{1}{U}",
        "Instant",
        text="Counter target spell with mana value 4 or more.",
        targets=(target_spell("target spell with mana value 4 or greater", _is_expensive),),
        spell=counter_targets,
    ),
    define(
        "Spell Pierce",
        "{U}",
        "Instant",
        text="Counter target noncreature spell unless its controller pays {2}.",
        targets=(target_spell("target noncreature spell", _is_noncreature),),
        spell=counter_unless("{2}"),
    ),
    define(
        "Three Steps Ahead",
        "{U}",
        "Instant",
        text="Spree, one or more: {1}{U}, counter target spell; {3}, a token that copies target "
        "artifact or creature you control; {2}, draw two cards, then discard one.",
        modes=(
            Mode(
                text="Counter target spell",
                cost=parse_cost("{1}{U}"),
                targets=(target_spell(),),
                effect=counter_targets,
            ),
            Mode(
                text="Copy target artifact or creature you control",
                cost=parse_cost("{3}"),
                targets=(
                    TargetSpec(
                        text="target artifact or creature you control",
                        candidates=own(that(_is_artifact_or_creature, all_permanents)),
                        purpose=Purpose.GROW,
                    ),
                ),
                effect=copy_target,
            ),
            Mode(
                text="Draw two cards, then discard a card",
                cost=parse_cost("{2}"),
                effect=loot(2, 1),
            ),
        ),
        choose_modes=(1, 3),
    ),
    define(
        "Phantom Interference",
        "{U}",
        "Instant",
        text="Spree, one or more: {3}, create a 2/2 white Spirit with flying; {1}, counter target "
        "spell unless its controller pays {2}.",
        modes=(
            Mode(
                text="Create a 2/2 Spirit with flying",
                cost=parse_cost("{3}"),
                effect=make_tokens(_SPIRIT),
            ),
            Mode(
                text="Counter target spell unless its controller pays {2}",
                cost=parse_cost("{1}"),
                targets=(target_spell(),),
                effect=counter_unless("{2}"),
            ),
        ),
        choose_modes=(1, 2),
    ),
)

CARDS: Final[tuple[CardFace, ...]] = _CREATURES + _SPELLS
