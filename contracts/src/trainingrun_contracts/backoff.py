"""Exponential back-off: how long to wait before each further attempt at what failed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

_MOST_DOUBLINGS: Final = 32
"""More would overflow a float long after every limit is reached."""


@dataclass(frozen=True)
class Backoff:
    """Pauses that double from ``first`` to ``longest`` seconds.

    ``spread`` is the part of 1 by which a pause may be shorter, drawn anew each time, so that many
    that failed together do not try again together.
    """

    first: float
    longest: float
    spread: float = 0.0

    def seconds(self, failures: int, random: Random | None = None) -> float:
        """Return the pause after ``failures`` in a row, at least one; whole without ``random``."""
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        whole = min(self.longest, self.first * 2.0**doublings)
        return whole if random is None else whole * (1 - self.spread * random.random())
