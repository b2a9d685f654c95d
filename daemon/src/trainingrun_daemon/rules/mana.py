"""Mana costs and their automatic payment.

Payment is a matching of coloured pips to sources, then generic mana from what is left, the least
flexible sources first. Players never choose which land to tap: the protocol leaves that to the
engine. Mana does not float: a cost is paid in the moment in which it arises.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

COLORS: Final = "WUBRG"
_SYMBOL: Final = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class ManaCost:
    """A cost: ``generic`` mana and pips, each pip given as the colours that can pay it."""

    text: str
    generic: int
    pips: tuple[str, ...]

    @property
    def mana_value(self) -> int:
        """The mana value (converted mana cost)."""
        return self.generic + len(self.pips)

    @property
    def colors(self) -> str:
        """The colours of a card with this cost, in WUBRG order."""
        return "".join(color for color in COLORS if any(color in pip for pip in self.pips))

    def plus_generic(self, amount: int) -> "ManaCost":
        """Give this cost with more generic mana."""
        if not amount:
            return self
        generic = self.generic + amount
        shown = "".join(f"{{{'/'.join(pip)}}}" for pip in self.pips)
        return ManaCost(f"{{{generic}}}{shown}", generic, self.pips)


@lru_cache(maxsize=1024)
def parse_cost(text: str) -> ManaCost:
    """Read a cost such as ``{1}{R}`` or ``{G/W}``; raises ValueError for other symbols."""
    generic = 0
    pips: list[str] = []
    for symbol in _SYMBOL.findall(text):
        if symbol.isdigit():
            generic += int(symbol)
        elif set(symbol) <= set(COLORS + "/"):
            pips.append(symbol.replace("/", ""))
        else:
            raise ValueError(f"unknown mana symbol {{{symbol}}} in {text!r}")
    return ManaCost(text, generic, tuple(pips))


FREE: Final = parse_cost("")


def choose_sources(cost: ManaCost, sources: Sequence[str]) -> list[int] | None:
    """Choose which sources pay ``cost``; gives their positions, or None when they cannot.

    A source is the colours that it can make, for example ``R`` or ``RW``; an empty string makes
    colourless mana.
    """
    if cost.mana_value > len(sources):
        return None
    used: dict[int, int] = {}
    for pip in range(len(cost.pips)):
        if not _match_pip(pip, cost.pips, sources, used=used, seen=set()):
            return None
    free = [position for position in range(len(sources)) if position not in used]
    if len(free) < cost.generic:
        return None
    free.sort(key=lambda position: len(sources[position]))
    return [*used, *free[: cost.generic]]


def _match_pip(
    pip: int, pips: tuple[str, ...], sources: Sequence[str], *, used: dict[int, int], seen: set[int]
) -> bool:
    """Find a source for a pip, moving earlier pips to other sources where that helps (Kuhn)."""
    for position, makes in enumerate(sources):
        if position in seen or not any(color in pips[pip] for color in makes):
            continue
        seen.add(position)
        if position not in used or _match_pip(used[position], pips, sources, used=used, seen=seen):
            used[position] = pip
            return True
    return False
