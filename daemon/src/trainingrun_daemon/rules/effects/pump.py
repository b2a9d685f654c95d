"""Size, keywords and counters."""

from trainingrun_daemon.rules.continuous import boost, last
from trainingrun_daemon.rules.effects.combinators import standing_cards
from trainingrun_daemon.rules.enums import Keyword, Layer
from trainingrun_daemon.rules.model import Card, Effect, Game, StackItem
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import PLUS, add_counters


def boost_targets(power: int = 0, toughness: int = 0, *keywords: Keyword) -> Effect:
    """Make each target bigger, or give it keywords, until end of turn."""
    granted = frozenset(keywords)

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for card in standing_cards(item):
            boost(game, card, power=power, toughness=toughness, keywords=granted)
        return None

    return resolve


def boost_itself(power: int = 0, toughness: int = 0, *keywords: Keyword) -> Effect:
    """Make the source of the ability bigger until end of turn."""
    granted = frozenset(keywords)

    def resolve(game: Game, item: StackItem) -> Steps | None:
        if item.source_is_there:
            boost(game, item.card, power=power, toughness=toughness, keywords=granted)
        return None

    return resolve


def boost_own_creatures(power: int = 0, toughness: int = 0, *keywords: Keyword) -> Effect:
    """Make all creatures of the controller bigger until end of turn."""
    granted = frozenset(keywords)

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for card in game.players[item.controller].battlefield:
            if card.is_creature:
                boost(game, card, power=power, toughness=toughness, keywords=granted)
        return None

    return resolve


def grow_targets(count: int = 1, kind: str = PLUS) -> Effect:
    """Put counters on each target, by default +1/+1."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        for card in standing_cards(item):
            add_counters(game, card, kind, count)
        return None

    return resolve


def grow_itself(count: int = 1, kind: str = PLUS) -> Effect:
    """Put counters on the source of the ability."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        if item.source_is_there:
            add_counters(game, item.card, kind, count)
        return None

    return resolve


def animate(
    game: Game,
    card: Card,
    *,
    size: tuple[int, int],
    subtypes: frozenset[str] = frozenset(),
    colors: str | None = None,
    keywords: frozenset[Keyword] = frozenset(),
    until_turn: int | None = None,
) -> None:
    """Turn a permanent into a creature that keeps its other types; by default until end of turn.

    ``size`` is its power and toughness; ``colors`` None leaves the colour as it is.
    """
    end = game.turn if until_turn is None else until_turn

    def become(_game: Game, _source: Card, card: Card) -> None:
        card.is_creature = True
        card.subtypes |= subtypes

    def take_color(_game: Game, _source: Card, card: Card) -> None:
        card.colors = card.colors if colors is None else colors

    def take_keywords(_game: Game, _source: Card, card: Card) -> None:
        card.keywords |= keywords

    def take_size(_game: Game, _source: Card, card: Card) -> None:
        card.power, card.toughness = size

    last(game, card, Layer.TYPES, become, until_turn=end)
    last(game, card, Layer.COLORS, take_color, until_turn=end)
    last(game, card, Layer.ABILITIES, take_keywords, until_turn=end)
    last(game, card, Layer.SET_SIZE, take_size, until_turn=end)


def animate_itself(
    *,
    size: tuple[int, int],
    subtypes: frozenset[str] = frozenset(),
    colors: str | None = None,
    keywords: frozenset[Keyword] = frozenset(),
    until_turn: int | None = None,
) -> Effect:
    """Turn the source of the ability into a creature, as ``animate`` does."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        if item.source_is_there:
            animate(
                game,
                item.card,
                size=size,
                subtypes=subtypes,
                colors=colors,
                keywords=keywords,
                until_turn=until_turn,
            )
        return None

    return resolve
