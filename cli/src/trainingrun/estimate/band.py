"""A figure with its honest range."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct


class Band(Struct, frozen=True):
    """The least, the likely and the most that a figure may be; all three in one unit."""

    low: float
    likely: float
    high: float

    def each(self, change: Callable[[float], float]) -> Band:
        """Return the band of a changed figure; a change that turns the order around is put in
        order."""
        ends = sorted((change(self.low), change(self.high)))
        return Band(ends[0], change(self.likely), ends[1])

    @property
    def ends(self) -> tuple[float, float, float]:
        """The three figures, to be taken together with those of another band."""
        return self.low, self.likely, self.high

    @property
    def is_one_figure(self) -> bool:
        """Whether nothing is known about its spread."""
        return self.low == self.likely == self.high


def exactly(figure: float) -> Band:
    """Return a figure whose spread is not known, or that has none."""
    return Band(figure, figure, figure)
