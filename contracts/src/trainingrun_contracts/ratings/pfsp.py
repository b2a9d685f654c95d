"""Prioritised fictitious self-play: which past self to meet (Vinyals et al. 2019, supplement).

``hard`` weights by (1 - x)^2 for a win rate x against the opponent: those who still win are met
most. ``variance`` weights by x (1 - x): those of one's own strength. ``even`` draws evenly. Every
opponent keeps a floor, because a policy forgets how to beat whom it never meets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Curve: TypeAlias = Literal["hard", "variance", "even"]

FLOOR: Final = 0.05
"""The least weight, as a part of the curve's greatest."""
FORGETTING: Final = 0.98
"""How much each further game takes from the weight of the earlier ones: about fifty are kept,
because the one who plays gets better."""
_PRIOR_GAMES: Final = 2.0


class Record(Struct, frozen=True):
    """Results against one opponent, those of long ago forgotten."""

    games: float = 0.0
    score: float = 0.0

    @property
    def rate(self) -> float:
        """The win rate, drawn to one half while there are few games."""
        return (self.score + _PRIOR_GAMES / 2) / (self.games + _PRIOR_GAMES)

    def after(self, *, games: int, score: float) -> Record:
        """Return the record after ``games`` more games with this score."""
        kept = FORGETTING**games
        fresh = (1.0 - kept) / (games * (1.0 - FORGETTING)) if games else 0.0
        return Record(self.games * kept + games * fresh, self.score * kept + score * fresh)


def weight(rate: float, curve: Curve) -> float:
    """Return the weight of an opponent that is beaten at this rate; never 0."""
    match curve:
        case "hard":
            return max(FLOOR, (1.0 - rate) ** 2)
        case "variance":
            return max(FLOOR * 0.25, rate * (1.0 - rate))
        case "even":
            return 1.0


def weights(
    opponents: Sequence[int], records: Mapping[int, Record], curve: Curve
) -> tuple[float, ...]:
    """Return the weight of each opponent (a version); those who were never met count as even."""
    return tuple(weight(records.get(each, Record()).rate, curve) for each in opponents)
