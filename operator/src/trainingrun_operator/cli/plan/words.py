"""Figures as a plan shows them: enough digits to decide by, and no more."""

from __future__ import annotations

import math


def whole(figure: float) -> str:
    """A count with separators: ``24,000``."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def about(figure: float) -> str:
    """A reckoned count, four digits of it: ``18,190,000``."""
    return whole(float(f"{figure:.4g}"))


def short(figure: float) -> str:
    """A small figure: ``0.02``, ``1.4``, ``120``."""
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.2g}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: ``1 actor``, ``2 actors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def money(figure: float) -> str:
    """An amount of money: cents below 100, whole units above."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def hours_in_words(hours: float) -> str:
    """A span of time in the unit that fits: ``45 min``, ``20.8 h``, ``17.4 days``."""
    if math.isinf(hours):
        return "no end"
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"
