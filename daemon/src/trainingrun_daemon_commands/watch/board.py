"""How the game stands: a line for each player, and the whole board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from trainingrun_protocol.decisions import Card, GameState, Player

from trainingrun_daemon_commands.watch.formatting import counted, listed


def standing(state: GameState, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """For each seat a line: life, hand, lands, creatures."""
    width = max(map(len, names), default=0)
    for seat, (player, name) in enumerate(zip(state.players, names, strict=False)):
        lands = sum(card.is_land for card in player.battlefield)
        creatures = sum(card.is_creature for card in player.battlefield)
        parts = [
            f"{player.life:>3} life",
            f"{counted(player.hand_size, 'card')} in hand",
            counted(lands, "land"),
            counted(creatures, "creature"),
        ]
        if player.poison:
            parts.insert(1, f"{player.poison} poison")
        yield seat, f"{name:<{width}}  {' · '.join(parts)}"


def board(
    state: GameState, names: Sequence[str], hands: Mapping[int, Sequence[Card]]
) -> Iterator[tuple[int, str]]:
    """For each seat its hand (``hands`` as last seen), permanents, graveyard and exile."""
    for seat, (player, name) in enumerate(zip(state.players, names, strict=False)):
        for title, text in (*_hand(player, hands.get(seat, ())), *_rows(player)):
            yield seat, f"{name} {title}: {text}"


def _hand(player: Player, last_seen: Sequence[Card]) -> Iterator[tuple[str, str]]:
    hand = player.hand or last_seen
    if hand and player.hand_size:
        is_current = len(hand) == player.hand_size
        title = "hand" if is_current else "hand, as last seen"
        yield title, listed(card.name for card in hand)


def _rows(player: Player) -> Iterator[tuple[str, str]]:
    permanents = player.battlefield
    lands = [card for card in permanents if card.is_land and not card.is_creature]
    creatures = [card for card in permanents if card.is_creature]
    others = [card for card in permanents if not card.is_land and not card.is_creature]
    if lands:
        tapped = sum(card.tapped for card in lands)
        untapped = "" if not tapped else f" ({tapped} tapped)"
        yield "lands", listed(card.name for card in lands) + untapped
    if creatures:
        yield "creatures", listed(map(_permanent, creatures))
    if others:
        yield "others", listed(map(_permanent, others))
    for title, cards in (("graveyard", player.graveyard), ("exile", player.exile)):
        if cards:
            yield title, listed(card.name for card in cards)


def _permanent(card: Card) -> str:
    size = f" {card.power}/{card.toughness}" if card.power is not None else ""
    marks = [
        *(["tapped"] if card.tapped else []),
        *(["new"] if card.is_creature and card.summoning_sick else []),
        *([f"{card.damage} damage"] if card.damage else []),
        *([f"loyalty {card.loyalty}"] if card.loyalty is not None else []),
        *(f"{count} {kind}" for kind, count in _counts(card).items()),
    ]
    return f"{card.name}{size}" + (f" ({', '.join(marks)})" if marks else "")


def _counts(card: Card) -> Counter[str]:
    return Counter(
        {each.type: each.count for each in card.counters if each.type.casefold() != "loyalty"}
    )
