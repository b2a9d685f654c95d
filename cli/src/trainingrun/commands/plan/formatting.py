"""Formats the figures of a plan, with enough digits to decide by."""

from __future__ import annotations

import math


def whole(figure: float) -> str:
    """Return a count with separators: ``24,000``."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def about(figure: float) -> str:
    """Return a computed count, four digits of it: ``18,190,000``."""
    return whole(float(f"{figure:.4g}"))


def short(figure: float) -> str:
    """Return a small figure: ``0.02``, ``1.4``, ``120``."""
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.2g}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 actor``, ``2 actors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def money(figure: float) -> str:
    """Return an amount of money: cents below 100, whole units above, and never a nothing that is
    none."""
    if 0 < figure < 0.01:
        return "<0.01"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def times(figure: float) -> str:
    """Return how often something is expected: ``none to speak of``, ``1 in 14 runs``, ``2.5``."""
    if figure < 0.01:
        return "fewer than 1 in 100 runs"
    if figure < 1:
        return f"1 in {round(1 / figure):,} runs"
    return short(figure)


def format_hours(hours: float) -> str:
    """Return a span of time in the unit that fits: ``40 s``, ``45 min``, ``20.8 h``, ``17.4
    days``."""
    if math.isinf(hours):
        return "no end"
    if hours * 3600 < 90:
        return f"{math.ceil(hours * 3600)} s"
    if hours < 1:
        minutes = hours * 60
        return f"{minutes:.1f} min" if minutes < 10 else f"{minutes:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"
