"""Formats names and lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from trainingrun_protocol.decisions import GameState

_SEAT: Final = re.compile(r"^\w+\((?P<seat>[12])\)-")
_LONGEST: Final = 60


def seat_in(name: str) -> int | None:
    """Return the number (1 or 2) in a seat's name, such as ``Ai(2)-Test Red``."""
    found = _SEAT.match(name)
    return int(found["seat"]) if found is not None else None


def seat_names(state: GameState) -> tuple[str, ...]:
    """Return the players by their decks; two of one name get the numbers of their seats."""
    names = [_SEAT.sub("", player.name) or player.name for player in state.players]
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(f"{name} ({seat})" for seat, name in enumerate(names, start=1))


def listed(names: Iterable[str]) -> str:
    """Return names in their order, those that occur several times counted: ``2x Bear, Shock``."""
    counts = Counter(names)
    return ", ".join(name if count == 1 else f"{count}x {name}" for name, count in counts.items())


def counted(count: int, word: str) -> str:
    """``1 card``, ``2 cards``."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def shortened(text: str) -> str:
    """Return a text of one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"
