"""One figure of a document, ours beside it, and the verdict."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

CLOSE: Final = 0.05
"""A figure within this part of the document's is reproduced."""
_ROUNDING: Final = 1e-9


class Verdict(StrEnum):
    """What came of a row."""

    REPRODUCED = "reproduced"
    CONTRADICTS = "contradicts"
    """Another row of the documents says otherwise; it is named."""
    MOVED = "price moved"
    """The price list says otherwise."""
    OPEN = "open"
    """The document does not say enough."""
    UNEXPLAINED = "unexplained"
    """Neither close nor explained: a mistake of ours."""


class Claim(Struct, frozen=True, kw_only=True):
    """A figure of a document, and ours.

    ``how`` is how ours was computed. ``against`` names the row that contradicts this one, ``moved``
    is where a newer price is from, ``lacking`` what the document does not say; each is for a figure
    that is not close. ``ours`` is None where nothing can be computed.
    """

    document: str
    table: str
    row: str
    quantity: str
    said: float
    ours: float | None
    how: str
    against: str = ""
    moved: str = ""
    lacking: str = ""

    @property
    def deviation(self) -> float | None:
        """Ours over the document's, less 1; None where there is nothing to compare."""
        if self.ours is None:
            return None
        if self.said == 0:
            return 0.0 if self.ours == 0 else None
        return self.ours / self.said - 1

    @property
    def verdict(self) -> Verdict:
        """What came of the row."""
        if self.lacking:
            return Verdict.OPEN
        deviation = self.deviation
        if deviation is not None and abs(deviation) <= CLOSE + _ROUNDING:
            return Verdict.REPRODUCED
        if self.against:
            return Verdict.CONTRADICTS
        return Verdict.MOVED if self.moved else Verdict.UNEXPLAINED

    @property
    def why(self) -> str:
        """What explains the verdict: the other row, or how ours was computed."""
        match self.verdict:
            case Verdict.CONTRADICTS:
                return f"{self.how}; against {self.against}"
            case Verdict.MOVED:
                return f"{self.how}; {self.moved}"
            case Verdict.OPEN:
                return f"{self.how}; {self.lacking}" if self.how else self.lacking
            case _:
                return self.how
