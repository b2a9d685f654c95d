"""The players of a parsed DECISION and their cards by id, read from untyped JSON.

Nothing here trusts a type: a peer may send any JSON, and what is not of the expected shape is left
out here and refused when the whole is typed.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]

BATTLEFIELD: Final = "battlefield"
HAND: Final = "hand"
ZONES: Final = (HAND, BATTLEFIELD, "graveyard", "exile", "command")
_MOST_DIGITS: Final = 15


class Place(NamedTuple):
    """A card that is shown: whose zone it is in (position of the seat), and which."""

    card: Json
    seat: int
    zone: str


class Table:
    """The players, in seat order, and where each card is."""

    def __init__(self, decision: Json) -> None:
        state = decision.get("game_state")
        self.state: Json = state if isinstance(state, dict) else {}
        self.players = objects(self.state.get("players"))
        self.names = [text(player.get("name")) for player in self.players]
        name = text(decision.get("player"))
        self.seat = self.names.index(name) if name in self.names else 0
        """The deciding seat; the first where the server names none, as readers take it."""
        self._places: dict[int, Place] | None = None

    def place(self, card_id: object) -> Place | None:
        """Return where the card with this id is."""
        found = number(card_id)
        return None if found is None else self._all_places().get(found)

    def stack_item(self, card_id: int | None) -> Json | None:
        """Return the spell on the stack that is this card: it is in no zone that is shown."""
        if card_id is None or self.place(card_id) is not None:
            return None
        items = objects(self.state.get("stack"))
        return next((each for each in items if number(each.get("source_card_id")) == card_id), None)

    def only_card(self, name: object) -> Json | None:
        """Return the card of this name, when exactly one is shown."""
        found = [place.card for place in self._all_places().values() if _is_named(place, name)]
        return found[0] if len(found) == 1 else None

    def zone(self, seat: int, name: str) -> list[Json]:
        """Return the cards of a zone."""
        return objects(self.players[seat].get(name)) if seat < len(self.players) else []

    def _all_places(self) -> dict[int, Place]:
        if self._places is None:
            self._places = {
                card_id: Place(card, seat, zone)
                for seat in range(len(self.players))
                for zone in ZONES
                for card in self.zone(seat, zone)
                if (card_id := number(card.get("id"))) is not None
            }
        return self._places


def objects(value: object) -> list[Json]:
    """Return the objects of a list; nothing of anything else."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a text; an empty one for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Return an integer, also where it is written as a string; None for anything else."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS:
        return int(value)
    return None


def fill(target: Json, key: str, value: object) -> None:
    """Set what is missing or null; nothing is replaced."""
    if value is not None and target.get(key) is None:
        target[key] = value


def _is_named(place: Place, name: object) -> bool:
    return bool(name) and place.card.get("name") == name
