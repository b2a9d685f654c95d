"""Continuous effects: what static abilities and lasting effects make of printed values.

They are computed when something changed (``Game.is_stale``) and kept on the cards, because they are
read far more often than they change. Layers are those of rule 613, without copies and control:
types, colours, abilities, then size in its sublayers; counters and boosts until the end of the turn
belong to the last one. Within a layer effects apply in the order of their timestamps.

Simplified: keywords until the end of the turn outlast an effect that takes all abilities away.
"""

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Final, TypeAlias

from trainingrun_daemon.rules.enums import Keyword, Layer, Zone
from trainingrun_daemon.rules.mana import ManaCost
from trainingrun_daemon.rules.model import Card, CardFace, Game, Lasting, Static
from trainingrun_daemon.rules.zones import MINUS, PLUS

FOREVER: Final = 1_000_000
"""Last turn of an effect without an end."""

_Change: TypeAlias = tuple[Layer, int, Callable[[Card], None]]
"""A layer, a timestamp, and what is applied to each permanent."""


def refresh(game: Game) -> None:
    """Compute the values of all permanents, if anything changed."""
    if not game.is_stale:
        return
    game.is_stale = False
    permanents = [card for player in game.players for card in player.battlefield]
    for card in permanents:
        if card.is_altered:
            card.restore()
        else:
            card.power = card.face.power
            card.toughness = card.face.toughness
            card.keywords = card.face.keywords
    changes = _collect_changes(game, permanents)
    for layer, _, change in changes:
        if layer < Layer.SIZE:
            _apply(change, permanents)
    for card in permanents:
        _add_counters_and_boosts(card)
    for layer, _, change in changes:
        if layer is Layer.SIZE:
            _apply(change, permanents)


def _apply(change: Callable[[Card], None], permanents: list[Card]) -> None:
    for card in permanents:
        change(card)


def _collect_changes(game: Game, permanents: list[Card]) -> list[_Change]:
    changes: list[_Change] = [
        (static.layer, source.stamp, partial(_apply_static, game, source, static))
        for source in permanents
        for static in source.statics
    ]
    for player in game.players:
        for emblem in player.command:
            changes += [
                (static.layer, emblem.stamp, partial(_apply_static, game, emblem, static))
                for static in emblem.statics
            ]
    changes += [
        (lasting.layer, lasting.stamp, partial(_apply_lasting, game, lasting))
        for lasting in game.lasting
    ]
    if len(changes) > 1:
        changes.sort(key=itemgetter(0, 1))
    return changes


def _apply_static(game: Game, source: Card, static: Static, card: Card) -> None:
    if source.is_altered and static not in source.statics:
        return  # its source has lost the ability in an earlier layer
    if static.applies(game, source, card):
        static.change(game, source, card)
        if static.layer <= Layer.ABILITIES:
            card.is_altered = True


def _apply_lasting(game: Game, lasting: Lasting, card: Card) -> None:
    if card is lasting.card and card.moves == lasting.moves:
        lasting.change(game, card, card)
        if lasting.layer <= Layer.ABILITIES:
            card.is_altered = True


def _add_counters_and_boosts(card: Card) -> None:
    grown = card.counters.get(PLUS, 0) - card.counters.get(MINUS, 0) if card.counters else 0
    card.power += grown + card.boost_power
    card.toughness += grown + card.boost_toughness
    if card.granted:
        card.keywords |= card.granted


def last(
    game: Game,
    card: Card,
    layer: Layer,
    change: Callable[[Game, Card, Card], None],
    *,
    until_turn: int = FOREVER,
) -> None:
    """Begin a continuous effect on one permanent, by default for as long as it stays."""
    game.lasting.append(Lasting(layer, card, card.moves, change, until_turn, game.tick()))
    game.is_stale = True


def boost(
    game: Game,
    card: Card,
    *,
    power: int = 0,
    toughness: int = 0,
    keywords: frozenset[Keyword] = frozenset(),
) -> None:
    """Make a creature bigger, or give it keywords, until the end of the turn."""
    card.boost_power += power
    card.boost_toughness += toughness
    card.granted |= keywords
    game.is_stale = True
    refresh(game)


def end_of_turn(game: Game) -> None:
    """End everything that lasts until the end of the turn (rule 514.2)."""
    game.bars.clear()
    game.is_stale = True
    for player in game.players:
        player.shield = 0
        for card in player.battlefield:
            card.damage = 0
            card.deathtouched = False
            card.exiled_if_dies = False
            card.boost_power = 0
            card.boost_toughness = 0
            card.granted = frozenset()
            card.shield = 0
    if game.lasting:
        game.lasting = [
            lasting
            for lasting in game.lasting
            if lasting.until_turn > game.turn
            and lasting.card.zone is Zone.BATTLEFIELD
            and lasting.card.moves == lasting.moves
        ]


def taxed_cost(game: Game, seat: int, face: CardFace, *, printed: ManaCost) -> ManaCost:
    """Return what a spell costs now, when ``printed`` is its cost or alternative cost."""
    extra = sum(
        tax.amount
        for player in game.players
        for card in player.battlefield
        if card.face.taxes
        for tax in card.face.taxes
        if tax.applies(card, face, seat)
    )
    return printed.plus_generic(extra)
