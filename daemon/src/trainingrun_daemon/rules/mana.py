"""Mana costs and their automatic payment.

Payment is a matching of coloured pips to sources, then generic mana from what is left, so a colour
that the same cost still needs is never spent on generic mana. Players never choose which land to
tap: the protocol leaves that to the engine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

COLORS: Final = "WUBRG"
COLORLESS: Final = "C"
_SYMBOL: Final = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class ManaCost:
    """A cost: ``generic`` mana and pips, each pip given as the colours that can pay it."""

    text: str
    generic: int
    pips: tuple[str, ...]
    xs: int = 0
    """How many times the cost has {X}."""

    @property
    def mana_value(self) -> int:
        """The mana value (converted mana cost), with X as 0."""
        return self.generic + len(self.pips)

    @property
    def colors(self) -> str:
        """The colours of a card with this cost, in WUBRG order."""
        return "".join(color for color in COLORS if any(color in pip for pip in self.pips))

    def plus_generic(self, amount: int) -> "ManaCost":
        """Return this cost with more generic mana, or less, down to none.

        What {X} will add is generic, too: a reduction beyond the printed number waits for it, as
        negative generic mana (rule 601.2f).
        """
        generic = self.generic + amount
        if not self.xs:
            generic = max(generic, 0)
        if generic == self.generic:
            return self
        return ManaCost(_show(generic, self.pips, self.xs), generic, self.pips, self.xs)

    def with_x(self, x: int) -> "ManaCost":
        """Return this cost with a value for X."""
        if not self.xs:
            return self
        generic = max(self.generic + self.xs * x, 0)
        return ManaCost(_show(generic, self.pips, 0), generic, self.pips)

    def plus(self, other: "ManaCost") -> "ManaCost":
        """Return this cost and another one together."""
        if other is FREE:
            return self
        generic, pips, xs = self.generic + other.generic, self.pips + other.pips, self.xs + other.xs
        return ManaCost(_show(generic, pips, xs), generic, pips, xs)


def _show(generic: int, pips: tuple[str, ...], xs: int) -> str:
    number = f"{{{generic}}}" if generic > 0 or not (pips or xs) else ""
    return "{X}" * xs + number + "".join(f"{{{'/'.join(pip)}}}" for pip in pips)


@lru_cache(maxsize=1024)
def parse_cost(text: str) -> ManaCost:
    """Read a cost such as ``{1}{R}``, ``{G/W}`` or ``{X}{R}``; raises ValueError for others."""
    generic = 0
    xs = 0
    pips: list[str] = []
    for symbol in _SYMBOL.findall(text):
        if symbol.isdigit():
            generic += int(symbol)
        elif symbol == "X":
            xs += 1
        elif set(symbol) <= set(COLORS + COLORLESS + "/"):
            pips.append(symbol.replace("/", ""))
        else:
            raise ValueError(f"unknown mana symbol {{{symbol}}} in {text!r}")
    return ManaCost(text, generic, tuple(pips), xs)


FREE: Final = parse_cost("")


def choose_sources(cost: ManaCost, sources: Sequence[str]) -> list[int] | None:
    """Choose which sources pay ``cost``; gives their positions, or None when they cannot.

    A source is the kinds of mana that it can make, for example ``R``, ``RW`` or ``C``. Sources are
    taken in the order given, so the caller puts those first that it would miss least.
    """
    if cost.mana_value > len(sources):
        return None
    used: dict[int, int] = {}
    for pip in range(len(cost.pips)):
        if not _match_pip(pip, cost.pips, sources, used=used, seen=set()):
            return None
    # Enough for the generic mana: each pip uses one source, and there are as many as both together.
    free = [position for position in range(len(sources)) if position not in used]
    return [*used, *free[: max(cost.generic, 0)]]


def _match_pip(
    pip: int, pips: tuple[str, ...], sources: Sequence[str], *, used: dict[int, int], seen: set[int]
) -> bool:
    """Find a source for a pip, moving earlier pips to other sources where that helps (Kuhn)."""
    wanted = pips[pip]
    for position, makes in enumerate(sources):
        if position in seen or not any(color in wanted for color in makes):
            continue
        seen.add(position)
        if position not in used or _match_pip(used[position], pips, sources, used=used, seen=seen):
            used[position] = pip
            return True
    return False
