"""The frame of a chart: which values it spans, and where they are in it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_LEAST_SPAN: Final = 1e-12
"""A single value nearer to zero is drawn on an axis of one unit: half of it may not be a number."""
SIDE: Final = 1000.0
"""Width and height of the drawing's own units; the browser stretches them to the chart."""


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high``, with ticks every ``step``; ``low < high``."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """The values at which there is a tick."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [index * self.step for index in range(first, last + 1)]

    def part(self, value: float) -> float:
        """Return where a value is: 0 at ``low``, 1 at ``high``."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Frame:
    """Both axes; y grows downwards on a screen."""

    x: Axis
    y: Axis

    def across(self, x: float) -> str:
        """In the drawing's units."""
        return f"{self.x.part(x) * SIDE:.4g}"

    def down(self, y: float) -> str:
        """In the drawing's units."""
        return f"{(1 - self.y.part(y)) * SIDE:.4g}"

    def across_percent(self, x: float) -> str:
        """As a part of the chart's width."""
        return f"{self.x.part(x) * 100:.5g}%"

    def down_percent(self, y: float) -> str:
        """As a part of the chart's height."""
        return f"{(1 - self.y.part(y)) * 100:.5g}%"


def axis_over(
    values: Iterable[float], *, most: int = 5, rounded: bool = True, whole: bool = False
) -> Axis:
    """Return an axis that holds all values, and has about ``most`` ticks at most.

    ``rounded`` lets it begin and end at a tick; ``whole`` keeps ticks at whole numbers.
    """
    held = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(held), max(held)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-6):
        span = abs(low) if abs(low) >= _LEAST_SPAN else 1.0
        low, high = (low, low + span) if low >= 0 else (low - span, low + span)
    step = _step((high - low) / most)
    if whole:
        step = max(1.0, math.ceil(step))
    if not rounded:
        return Axis(low, high, step)
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(each * power for each in _STEPS if each * power >= rough * (1 - 1e-9))
