"""What happened between two decisions, seen by comparing their game states.

Several things may have happened in between; they are recognised by what they left behind. What a
seat said that it does (``announced``) is no news. A library is a number and the other hand is
hidden, so a card that comes from there is taken to come from the hand when its owner was last seen
holding it. Of a seat whose decisions are not recorded it is unknown whether a card was cast,
discarded or milled: only where it is now is shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from enum import Enum
from typing import Final

from msgspec import Struct
from trainingrun_protocol.decisions import Card, GameState, Player

from trainingrun_daemon_commands.watch.formatting import counted, listed

_OPEN_ZONES: Final = ("battlefield", "graveyard", "exile", "command")


class Change(Struct, frozen=True):
    """One thing that happened to a seat (0 or 1) or its cards."""

    seat: int
    text: str


class Known(Struct, frozen=True):
    """What the states do not show: cards that were announced, and hands as last seen."""

    announced: Set[int] = frozenset()
    hands: Mapping[int, Set[int]] = {}
    usual_draws: Mapping[int, int] = {}
    """By seat: draws that are not shown, because a turn began."""


class _Fate(Enum):
    """What became of cards; the words for one and for several."""

    DIES = "dies", "die"
    GRAVEYARD = "goes to the graveyard", "go to the graveyard"
    DISCARDED = "is discarded", "are discarded"
    MILLED = "goes from the library to the graveyard", "go from the library to the graveyard"
    COUNTERED = "is countered", "are countered"
    EXILED = "is exiled", "are exiled"
    RETURNED = "returns to hand", "return to hand"
    SHUFFLED = "goes into the library", "go into the library"
    VANISHED = "is gone", "are gone"
    MADE = "is created", "are created"
    ENTERS = "comes onto the battlefield", "come onto the battlefield"
    TAKEN = "comes under new control", "come under new control"


class _Place(Struct, frozen=True):
    seat: int
    zone: str
    card: Card


def changes(before: GameState, after: GameState, known: Known) -> list[Change]:
    """Everything of note, life first, then cards, then counters and draws."""
    found: list[Change] = []
    for seat, (old, new) in enumerate(zip(before.players, after.players, strict=False)):
        found += (Change(seat, text) for text in _numbers(old, new))
    found += _fates(before, after, known)
    for seat, (old, new) in enumerate(zip(before.players, after.players, strict=False)):
        found += (Change(seat, text) for text in _counters(old, new))
    found += _draws(before, after, known)
    return found


def _numbers(old: Player, new: Player) -> Iterator[str]:
    if new.life != old.life:
        yield f"{old.life} → {new.life} life"
    if new.poison != old.poison:
        yield f"{old.poison} → {new.poison} poison"


def _fates(before: GameState, after: GameState, known: Known) -> Iterator[Change]:
    groups: dict[tuple[int, _Fate], list[str]] = defaultdict(list)
    for seat, fate, card in _moves(before, after, known):
        groups[seat, fate].append(card.name)
    for (seat, fate), names in groups.items():
        one, several = fate.value
        yield Change(seat, f"{listed(names)} {one if len(names) == 1 else several}")


def _moves(before: GameState, after: GameState, known: Known) -> Iterator[tuple[int, _Fate, Card]]:
    old, new = _places(before), _places(after)
    spells = {item.source_card_id for item in before.stack if item.is_spell is not False}
    topped = {item.source_card_id for item in before.stack[1:]}
    milling = _may_mill(before, after, known)
    for key, place in old.items():
        if place.zone == "battlefield":
            fate = _left(place, new.get(key), before, after)
            if fate is not None:
                yield place.seat, fate, place.card
    for key, place in new.items():
        was = old.get(key)
        if was is None or was.zone != place.zone:
            fate = _arrived(place, was, is_spell=key in spells, is_topped=key in topped)
            if fate is _Fate.MILLED and key in known.hands.get(place.seat, ()):
                fate = _Fate.DISCARDED
            elif fate is _Fate.MILLED and place.seat not in milling:
                fate = _Fate.GRAVEYARD
            is_announced = key in known.announced and fate is not _Fate.COUNTERED
            if fate is not None and not is_announced:
                yield place.seat, fate, place.card


def _may_mill(before: GameState, after: GameState, known: Known) -> frozenset[int]:
    """Return the seats of which a card from nowhere was milled: their casts and discards are
    announced."""
    return frozenset(
        seat
        for seat, (old, new) in enumerate(zip(before.players, after.players, strict=False))
        if seat in known.hands and new.library_size < old.library_size
    )


def _places(state: GameState) -> dict[int, _Place]:
    return {
        card.id: _Place(seat, zone, card)
        for seat, player in enumerate(state.players)
        for zone in _OPEN_ZONES
        for card in getattr(player, zone)
    }


def _left(place: _Place, now: _Place | None, before: GameState, after: GameState) -> _Fate | None:
    """Return what became of a permanent; None when it is where it was."""
    card = place.card
    if now is None:
        if card.is_token:
            return _Fate.DIES if card.is_creature else _Fate.VANISHED
        if any(item.source_card_id == card.id and item.is_spell for item in after.stack):
            return None
        held = any(card.id == each.id for player in after.players for each in player.hand)
        grown = any(
            new.hand_size > old.hand_size
            for old, new in zip(before.players, after.players, strict=False)
        )
        return _Fate.RETURNED if held or grown else _Fate.SHUFFLED
    if now.zone == "battlefield":
        return None if now.seat == place.seat else _Fate.TAKEN
    if now.zone == "graveyard":
        return _Fate.DIES if card.is_creature else _Fate.GRAVEYARD
    return _Fate.EXILED if now.zone == "exile" else None


def _arrived(place: _Place, was: _Place | None, *, is_spell: bool, is_topped: bool) -> _Fate | None:
    """Return how a card came to a zone; None when that needs no words."""
    card = place.card
    if was is not None and was.zone == "battlefield":
        return None
    if place.zone == "battlefield":
        if card.is_token:
            return _Fate.MADE
        return None if is_spell else _Fate.ENTERS
    is_permanent = not (card.is_instant or card.is_sorcery)
    if is_spell:
        return _Fate.COUNTERED if is_permanent and is_topped else None
    if place.zone == "graveyard" and was is None:
        return _Fate.MILLED
    return _Fate.EXILED if place.zone == "exile" else None


def _counters(old: Player, new: Player) -> Iterator[str]:
    earlier = {card.id: card for card in old.battlefield}
    for card in new.battlefield:
        was = earlier.get(card.id)
        if was is None:
            continue
        if was.loyalty is not None and card.loyalty not in (None, was.loyalty):
            yield f"{card.name}: loyalty {was.loyalty} → {card.loyalty}"
        before, after = _counts(was), _counts(card)
        for kind in before.keys() | after.keys():
            if kind.casefold() != "loyalty" and before[kind] != after[kind]:
                yield f"{card.name}: {kind} counters {before[kind]} → {after[kind]}"


def _counts(card: Card) -> Counter[str]:
    return Counter({counter.type: counter.count for counter in card.counters})


def _draws(before: GameState, after: GameState, known: Known) -> Iterator[Change]:
    old_places, new_places = _places(before), _places(after)
    for seat, (old, new) in enumerate(zip(before.players, after.players, strict=False)):
        gone = old.library_size - new.library_size
        seen = sum(
            place.seat == seat and _is_from_library(key, place, seat, known)
            for key, place in new_places.items()
            if key not in old_places
        )
        drawn = gone - seen - known.usual_draws.get(seat, 0)
        if drawn > 0:
            yield Change(seat, f"draws {counted(drawn, 'card')}")


def _is_from_library(key: int, place: _Place, seat: int, known: Known) -> bool:
    is_known = key in known.announced or key in known.hands.get(seat, ())
    return not is_known and not place.card.is_token


def ids(cards: Iterable[Card]) -> frozenset[int]:
    """Return the identities of cards."""
    return frozenset(card.id for card in cards)
